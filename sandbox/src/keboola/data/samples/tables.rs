//! Buckets and tables.

use crate::engine::clock::sample;
use crate::keboola::data::{Backend, Bucket, Cells, Column, Definition, Meta, Project, Table};

/// Gives a project its buckets and tables.
pub(super) fn fill(project: &mut Project) {
    let main = Bucket {
        sharing: Some("organization".to_owned()),
        metadata: vec![
            meta(1, "KBC.description", "Orders and customers", "user"),
            meta(2, "KBC.createdBy.component.id", "keboola.ex-db-mysql", "system"),
            meta(3, "KBC.createdBy.configuration.id", "236606822", "system"),
        ],
        ..bucket(project, "in.c-main", "main", "Data of the shop")
    };
    let names =
        bucket(project, "in.c-names", "Zákazníci „A“ & \"B\" 雪", "Names to be careful with");
    project.buckets.extend([main, bucket(project, "out.c-results", "results", ""), names]);
    project.tables.extend([orders(project.backend), customers(), events(), wide(), unicode()]);
    project.tables.extend([summary(), alias()]);
    match project.id {
        101 => many(project),
        102 | 202 => {
            let source = (project.id.saturating_sub(1), "in.c-main".to_owned());
            let linked = bucket(project, "in.c-linked", "linked", "");
            project.buckets.push(Bucket { source: Some(source), ..linked });
        }
        _ => {}
    }
}

/// A bucket with 500 tables.
fn many(project: &mut Project) {
    project.buckets.push(bucket(project, "in.c-many", "many", "Many small tables"));
    let tables = (0..500).map(|number| {
        table(&format!("in.c-many.t{number:03}"), &["id"], vec![cells(&[&number.to_string()])])
    });
    project.tables.extend(tables);
}

fn bucket(project: &Project, id: &str, display: &str, description: &str) -> Bucket {
    Bucket {
        id: id.to_owned(),
        branch: project.default_branch(),
        display_name: display.to_owned(),
        description: description.to_owned(),
        created: sample(10),
        last_change: Some(sample(20)),
        sharing: None,
        source: None,
        metadata: Vec::new(),
    }
}

/// Untyped, and without any metadata of columns.
fn table(id: &str, columns: &[&str], rows: Vec<Cells>) -> Table {
    let column =
        |name: &&str| Column { name: (*name).to_owned(), definition: None, metadata: Vec::new() };
    Table {
        id: id.to_owned(),
        display_name: id.rsplit('.').next().unwrap_or_default().to_owned(),
        columns: columns.iter().map(column).collect(),
        primary_key: Vec::new(),
        is_typed: false,
        rows,
        created: sample(11),
        last_import: Some(sample(20)),
        metadata: Vec::new(),
        alias_of: None,
        source: None,
    }
}

/// The same with a type in the metadata of each column.
fn described(mut table: Table) -> Table {
    for column in &mut table.columns {
        column.metadata = vec![meta(40, "KBC.datatype.basetype", "STRING", "storage")];
    }
    table
}

/// Typed, with types in the metadata too.
fn orders(backend: Backend) -> Table {
    let names = [("1", "Tea", "4.50"), ("2", "Coffee, \"strong\"", "5.00"), ("3", "Čaj", "3.20")];
    let rows = names.iter().map(|(id, name, amount)| cells(&[id, name, amount]));
    let mut orders = table("in.c-main.orders", &["id", "name", "amount"], rows.collect());
    orders.primary_key = vec!["id".to_owned()];
    orders.is_typed = true;
    orders.metadata = vec![meta(10, "KBC.description", "What was ordered", "user")];
    let kinds = match backend {
        Backend::Snowflake => ["NUMBER", "VARCHAR", "NUMBER"],
        Backend::BigQuery => ["INT64", "STRING", "NUMERIC"],
    };
    let lengths = [Some("38,0"), Some("255"), Some("12,2")];
    let bases = ["INTEGER", "STRING", "NUMERIC"];
    let types = kinds.into_iter().zip(lengths).zip(bases).zip([false, true, true]);
    for (column, (((kind, length), base), nullable)) in orders.columns.iter_mut().zip(types) {
        let length = if backend == Backend::BigQuery { None } else { length };
        column.definition = Some(Definition { kind, length, nullable, base });
        let nullable = if nullable { "1" } else { "0" };
        column.metadata = vec![
            meta(20, "KBC.datatype.type", kind, "storage"),
            meta(21, "KBC.datatype.nullable", nullable, "storage"),
            meta(22, "KBC.datatype.basetype", base, "storage"),
        ];
    }
    orders
}

/// Untyped, with a description of one column, and nulls.
fn customers() -> Table {
    let rows = vec![
        cells(&["1", "Jana Nováková"]),
        vec![Some("2".to_owned()), None],
        cells(&["3", "O'Brien; \"Bob\"\nsecond line"]),
    ];
    let mut customers = table("in.c-main.customers", &["id", "full name"], rows);
    customers.primary_key = vec!["id".to_owned()];
    if let Some(column) = customers.columns.last_mut() {
        column.metadata = vec![meta(30, "KBC.description", "First and last name", "user")];
    }
    customers
}

/// More rows than a preview can have, and no metadata of columns.
fn events() -> Table {
    let rows = (1..=1500).map(|number| cells(&[&number.to_string(), "click"]));
    table("in.c-main.events", &["id", "kind"], rows.collect())
}

/// A cell longer than a preview shows.
fn wide() -> Table {
    described(table("in.c-main.wide", &["id", "text"], vec![cells(&["1", &"x".repeat(20_000)])]))
}

fn unicode() -> Table {
    let mut table = table("in.c-names.people", &["id", "jméno \"plné\"", "雪"], vec![]);
    table.rows = vec![cells(&["1", "Žofie", "❄"])];
    "Lidé „všichni“".clone_into(&mut table.display_name);
    described(table)
}

fn summary() -> Table {
    let rows = vec![cells(&["2026-08-16", "12.70"])];
    described(table("out.c-results.summary", &["day", "total"], rows))
}

fn alias() -> Table {
    let mut alias = table("out.c-results.orders_alias", &["id", "name", "amount"], vec![]);
    alias.alias_of = Some("in.c-main.orders".to_owned());
    alias
}

fn cells(texts: &[&str]) -> Cells {
    texts.iter().map(|text| Some((*text).to_owned())).collect()
}

fn meta(id: u64, key: &str, value: &str, provider: &str) -> Meta {
    Meta {
        id,
        key: key.to_owned(),
        value: value.to_owned(),
        provider: Some(provider.to_owned()),
        timestamp: sample(15),
    }
}
