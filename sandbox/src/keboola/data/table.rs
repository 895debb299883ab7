//! Tables and their rows.

use serde_json::{Map, Value, json};

use crate::engine::clock::Time;
use crate::engine::json::Fields as _;
use crate::keboola::data::{Meta, views};
use crate::keboola::time;

/// A row; null where a cell has no value.
pub(crate) type Cells = Vec<Option<String>>;

/// A table.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Such as `in.c-main.orders`.
    pub(crate) id: String,
    pub(crate) display_name: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) primary_key: Vec<String>,
    pub(crate) is_typed: bool,
    pub(crate) rows: Vec<Cells>,
    pub(crate) created: Time,
    pub(crate) last_import: Option<Time>,
    pub(crate) metadata: Vec<Meta>,
    /// The table that it is an alias of, in the same project.
    pub(crate) alias_of: Option<String>,
    /// The project and the table that it is, where its bucket is a link.
    pub(crate) source: Option<(u64, String, String)>,
}

/// A column.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Its type in a typed table.
    pub(crate) definition: Option<Definition>,
    pub(crate) metadata: Vec<Meta>,
}

/// The type of a column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Definition {
    /// The backend's own type.
    pub(crate) kind: &'static str,
    pub(crate) length: Option<&'static str>,
    pub(crate) nullable: bool,
    /// The type that is the same for all backends.
    pub(crate) base: &'static str,
}

impl Table {
    /// The bucket's id.
    pub(crate) fn bucket(&self) -> &str {
        self.id.rsplit_once('.').map_or("", |(bucket, _)| bucket)
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.id.rsplit_once('.').map_or("", |(_, name)| name)
    }

    /// The bytes of all cells.
    pub(crate) fn size(&self) -> u64 {
        let cells = self.rows.iter().flatten().flatten();
        cells.map(|cell| u64::try_from(cell.len()).unwrap_or_default()).sum()
    }

    /// The place of a column.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// As the API shows it, with what was asked for: `columns`, `metadata`, `columnMetadata`.
    pub(crate) fn view(&self, storage: &str, with: &[&str]) -> Value {
        let mut view = json!({
            "uri": format!("{storage}/v2/storage/tables/{}", self.id),
            "id": self.id,
            "name": self.name(),
            "displayName": self.display_name,
            "transactional": false,
            "primaryKey": self.primary_key,
            "indexType": null,
            "indexKey": [],
            "distributionType": null,
            "distributionKey": [],
            "syntheticPrimaryKeyEnabled": false,
            "created": time::text(self.created),
            "lastImportDate": time::text_if(self.last_import),
            "lastChangeDate": time::text_if(self.last_import),
            "rowsCount": self.rows.len(),
            "dataSizeBytes": self.size(),
            "isAlias": self.alias_of.is_some() || self.source.is_some(),
            "isAliasable": true,
            "isTyped": self.is_typed,
            "timestampType": null,
            "tableType": "table",
            "path": format!("/{}", self.name()),
        });
        if with.contains(&"columns") {
            let names = self.columns.iter().map(|column| column.name.as_str());
            view.set("columns", names.collect::<Value>());
        }
        if with.contains(&"metadata") {
            view.set("metadata", views(&self.metadata));
        }
        if with.contains(&"columnMetadata") {
            view.set("columnMetadata", self.column_metadata());
        }
        if self.is_typed {
            view.set("definition", self.definition());
        }
        view
    }

    /// The metadata by column; where there is none at all, an empty list instead of an object.
    pub(crate) fn column_metadata(&self) -> Value {
        let filled = self.columns.iter().filter(|column| !column.metadata.is_empty());
        let filled: Map<_, _> =
            filled.map(|column| (column.name.clone(), views(&column.metadata))).collect();
        if filled.is_empty() { json!([]) } else { Value::Object(filled) }
    }

    fn definition(&self) -> Value {
        let columns = self.columns.iter().filter_map(|column| {
            let Definition { kind, length, nullable, base } = column.definition?;
            Some(json!({
                "name": column.name,
                "definition": { "type": kind, "nullable": nullable, "length": length },
                "basetype": base,
                "canBeFiltered": true,
            }))
        });
        json!({ "primaryKeysNames": self.primary_key, "columns": columns.collect::<Value>() })
    }
}
