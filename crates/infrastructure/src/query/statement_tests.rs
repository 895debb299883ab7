//! Texts of every known class of bypass against SQLite itself, without the authorizer that D1 puts before it.

use proptest::{prelude::*, test_runner::TestRunner};
use rusqlite::{
    Connection, fallible_iterator::FallibleIterator as _, params_from_iter, types::Value as Sql,
};
use serde_json::{Value, json};

use super::{statement::QueryError, *};

const TABLES: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, score REAL);
    INSERT INTO users VALUES (1,'ann',1.5),(2,'bob',2.5),(3,'cy',NULL),(4,'dee',4.0),(5,'eve',5.0),(6,'fay',6.0);
    CREATE TABLE notes (id INTEGER PRIMARY KEY, user_id INTEGER, body TEXT);
    INSERT INTO notes VALUES (1,1,'a;b'),(2,2,'/* c */');
    CREATE INDEX notes_by_user ON notes (user_id);
    CREATE VIEW people AS SELECT id, name FROM users;
    CREATE VIEW optimizing AS SELECT 1 AS one;
    CREATE TRIGGER people_insert INSTEAD OF INSERT ON people BEGIN INSERT INTO users (name) VALUES (new.name); END;
    CREATE VIRTUAL TABLE docs USING fts5(title);
    INSERT INTO docs VALUES ('hello world'),('other');
    CREATE TEMP TABLE scratch (a);";

pub(crate) fn database() -> Connection {
    let mut database = Connection::open_in_memory().unwrap();
    database.execute_batch(TABLES).unwrap();
    // In the place of D1's deadline.
    database.progress_handler(20_000_000, Some(|| true)).unwrap();
    database
}

/// Everything that a statement could change: the schema, all rows, the version of the file, and what a pragma switches.
pub(crate) fn dump(database: &Connection) -> Vec<String> {
    let mut lines = Vec::new();
    for query in [
        "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name",
        "SELECT * FROM sqlite_temp_master ORDER BY name",
        "SELECT * FROM users ORDER BY id",
        "SELECT * FROM notes ORDER BY id",
        "SELECT rowid, * FROM docs ORDER BY rowid",
        "SELECT total_changes()",
        "PRAGMA user_version",
        "PRAGMA schema_version",
        "PRAGMA application_id",
        "PRAGMA foreign_keys",
        "PRAGMA recursive_triggers",
        "PRAGMA reverse_unordered_selects",
        "PRAGMA writable_schema",
        "PRAGMA journal_mode",
        "PRAGMA database_list",
        "PRAGMA query_only",
    ] {
        let Ok(mut statement) = database.prepare(query) else {
            lines.push(format!("{query}: impossible"));
            continue;
        };
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let row: Vec<Sql> = (0..columns).map(|at| row.get(at).unwrap()).collect();
            lines.push(format!("{query}: {row:?}"));
        }
    }
    lines
}

/// How a text ended.
#[derive(Debug, PartialEq)]
enum Ended {
    /// It was not sent.
    Unsent(QueryError),
    /// The engine refused it.
    Refused(String),
    /// Its rows.
    Rows(Vec<Vec<Sql>>),
}

/// Runs a text as D1 does: every statement in it, one after the other.
fn run(database: &Connection, query: &str, params: &[Value], rows: u32) -> Ended {
    let limits = Limits::of(Some(&json!(rows))).unwrap();
    let statement = match Statement::new(query, params, limits) {
        Ok(statement) => statement,
        Err(error) => return Ended::Unsent(error),
    };
    match execute(database, &statement.sql, params) {
        Ok((_, rows)) => Ended::Rows(rows),
        Err(error) => Ended::Refused(error.to_string()),
    }
}

/// The columns and rows of the last statement of a text.
pub(crate) type Table = (Vec<String>, Vec<Vec<Sql>>);

/// Runs every statement of a text, one after the other.
pub(crate) fn execute(
    database: &Connection,
    sql: &str,
    params: &[Value],
) -> Result<Table, rusqlite::Error> {
    let params = params.iter().map(|param| match param {
        Value::Null => Sql::Null,
        Value::Number(number) => Sql::Real(number.as_f64().unwrap()),
        other => Sql::Text(other.as_str().map_or_else(|| other.to_string(), str::to_owned)),
    });
    let mut batch = rusqlite::Batch::new(database, sql);
    let mut last = (Vec::new(), Vec::new());
    let params: Vec<Sql> = params.collect();
    while let Some(mut prepared) = batch.next()? {
        let columns: Vec<String> = prepared.column_names().map(str::to_owned).collect();
        let count = columns.len();
        let mut rows = prepared.query(params_from_iter(params.iter()))?;
        last = (columns, Vec::new());
        while let Some(row) = rows.next()? {
            last.1.push((0..count).map(|at| row.get(at).unwrap()).collect());
        }
    }
    Ok(last)
}

/// Texts of the classes of bypasses that are known, by their numbers in the list of classes.
pub(crate) const BYPASSES: &[(&str, &str)] = &[
    ("1", "SELECT 1; DELETE FROM users"),
    ("1", "SELECT 1; DROP TABLE users"),
    ("1", "SELECT ?; DELETE FROM users"),
    ("1", "SELECT 1;;"),
    ("1", ";"),
    ("2", "COMMIT; DROP TABLE users;"),
    ("2", "COMMIT"),
    ("2", "BEGIN"),
    ("2", "ROLLBACK"),
    ("2", "SAVEPOINT a"),
    ("3", "WITH x AS (SELECT 1) DELETE FROM users"),
    ("3", "WITH x AS (SELECT 1) INSERT INTO users (name) SELECT 'x'"),
    ("3", "WITH x AS (SELECT 1) UPDATE users SET name = 'x'"),
    ("3", "WITH x AS (SELECT 1) REPLACE INTO users (id) VALUES (1)"),
    ("3", "WITH x AS (DELETE FROM users RETURNING *) SELECT * FROM x"),
    ("4", "DELETE FROM users RETURNING *"),
    ("4", "INSERT INTO users (name) VALUES ('x') RETURNING id"),
    ("4", "UPDATE users SET name = 'x' RETURNING *"),
    ("5", "/* */ DELETE FROM users"),
    ("5", "-- x\nDELETE FROM users"),
    ("5", "\u{feff}DELETE FROM users"),
    ("5", "(DELETE FROM users)"),
    ("5", "  \n\t DELETE FROM users"),
    ("5", "\u{a0}SELECT 1"),
    ("6", "EXPLAIN SELECT 1; DELETE FROM users"),
    ("6", "EXPLAIN SELECT 1"),
    ("6", "EXPLAIN QUERY PLAN SELECT 1"),
    ("7", "PRAGMA optimize"),
    ("7", "PRAGMA reverse_unordered_selects=ON"),
    ("7", "PRAGMA journal_mode=DELETE"),
    ("7", "PRAGMA user_version = 7"),
    ("7", "PRAGMA writable_schema = 1"),
    ("7", "PRAGMA table_info(users)"),
    ("7", "PRAGMA miniflare_d1_export(?,?,?);"),
    ("8", "SELECT * FROM pragma_optimize"),
    ("8", "SELECT * FROM PRAGMA_OPTIMIZE"),
    ("8", "SELECT * FROM \"pragma_optimize\""),
    ("8", "SELECT * FROM [pragma_optimize]"),
    ("8", "SELECT * FROM `Pragma_Optimize`"),
    ("8", "SELECT * FROM main.pragma_optimize"),
    ("8", "SELECT * FROM pragma_optimize(1)"),
    ("8", "SELECT * FROM users, pragma_optimize"),
    ("8", "SELECT (SELECT 1 FROM/**/pragma_optimize)"),
    ("8", "SELECT * FROM 'pragma_optimize'"),
    ("8", "SELECT * FROM pragma_user_version"),
    ("9", "REINDEX"),
    ("9", "ANALYZE"),
    ("9", "VACUUM"),
    ("9", "VACUUM INTO 'x'"),
    ("9", "ATTACH ':memory:' AS y"),
    ("9", "DETACH temp"),
    ("10", "INSERT INTO people (name) VALUES ('x')"),
    ("10", "CREATE VIEW v AS SELECT 1"),
    ("10", "CREATE TABLE t AS SELECT 1"),
    ("10", "ALTER TABLE users ADD COLUMN x"),
    ("11", "SELECT '\\'; DROP TABLE users --'"),
    ("11", "SELECT '\\' ; DROP TABLE users --"),
    ("11", "SELECT 1 /* /* */ ; DROP TABLE users --*/"),
    ("11", "SELECT 1 -- \r ' \n ; DROP TABLE users --'"),
    ("11", "SELECT 1 AS [a'] ; DROP TABLE users --']"),
    ("11", "SELECT 1 AS \"x\\\"; DROP TABLE users --\""),
    ("11", "SELECT $a(')'; DROP TABLE users --')"),
    ("11", "SELECT $$; DROP TABLE users --$$"),
    ("11", "SELECT E'\\''; DROP TABLE users --'"),
    ("12", "SELECT 1\0; DROP TABLE users"),
    ("12", "SELECT 1\0"),
    ("13", "SELECT 1 INTO x"),
    ("13", "SELECT * INTO x FROM users"),
    ("13", "SELECT * FROM users FOR UPDATE"),
    ("14", "SELECT * FROM (DELETE FROM users RETURNING *)"),
    ("14", "SELECT (DELETE FROM users RETURNING id)"),
    ("16", "SELECT 1) /*"),
    ("16", "SELECT id FROM users) /*"),
    ("16", "SELECT 1) LIMIT 5 /*"),
    ("16", "SELECT 1) LIMIT 1 --"),
    ("16", "SELECT id FROM users) LIMIT 900 --"),
    ("16", "SELECT id FROM users) -- /*"),
    ("16", "SELECT id FROM users) LIMIT 5 OFFSET (0"),
    ("16", "users) ; DROP TABLE users --"),
    ("16", "SELECT 1) AS a, (DELETE FROM users"),
    ("", ""),
    ("", " \n "),
    ("", "-- c"),
    ("", "/* c"),
    ("", "SELECT"),
    ("", "SELECT 'open"),
    ("", "SELECT \"open"),
    ("", "SELECT [open"),
    ("", "SELECT 1 )"),
];

#[test]
fn every_known_bypass_is_refused_and_changes_nothing() {
    for (class, query) in BYPASSES {
        let database = database();
        let before = dump(&database);
        let ended = run(&database, query, &[], 5);
        assert!(!matches!(ended, Ended::Rows(_)), "{class}: {query}: {ended:?}");
        // D1 lets this function through, other than the engine here: it must not be sent at all.
        let is_sent = !matches!(ended, Ended::Unsent(_));
        assert!(*class != "8" || !is_sent, "{query}: {ended:?}");
        assert_eq!(dump(&database), before, "{class}: {query}");
    }
}

/// Without the wrapping the same engine carries many of them out, so that the test above has teeth.
#[test]
fn without_the_wrapping_bypasses_change_the_database() {
    let changes = |query: &&(&str, &str)| {
        if query.1.starts_with("VACUUM INTO") {
            return false;
        }
        let database = database();
        let before = dump(&database);
        let _ = database.execute_batch(query.1);
        dump(&database) != before
    };
    let changing = BYPASSES.iter().filter(changes).count();
    assert!(changing > 20, "{changing}");
}

#[test]
fn statements_that_read_keep_their_meaning() {
    let database = database();
    let read = |query: &str, params: &[Value]| match run(&database, query, params, 5) {
        Ended::Rows(rows) => rows,
        other => panic!("{query}: {other:?}"),
    };
    let one = |query: &str| read(query, &[]).remove(0).remove(0);
    let text = |text: &str| Sql::Text(text.to_owned());
    assert_eq!(one("SELECT 'it''s'"), text("it's"));
    assert_eq!(one("SELECT 'a /* b'"), text("a /* b"));
    assert_eq!(one("SELECT 7 AS \"/*\""), Sql::Integer(7));
    assert_eq!(one("SELECT 1;"), Sql::Integer(1));
    assert_eq!(one("SELECT 1 ;\n "), Sql::Integer(1));
    assert_eq!(one("SELECT 1 -- the end"), Sql::Integer(1));
    assert_eq!(one("SELECT 1 -- the /* end"), Sql::Integer(1));
    assert_eq!(one("SELECT 1 /* open"), Sql::Integer(1));
    assert_eq!(one("SELECT 1 /* closed */"), Sql::Integer(1));
    assert_eq!(one("\u{feff}SELECT 1"), Sql::Integer(1));
    assert_eq!(one("/* first */ SELECT 1"), Sql::Integer(1));
    assert_eq!(one("-- first\nSELECT 1"), Sql::Integer(1));
    assert_eq!(read("VALUES (1),(2)", &[]).len(), 2);
    assert_eq!(one("SELECT id FROM users ORDER BY id DESC"), Sql::Integer(6));
    assert_eq!(read("SELECT * FROM users LIMIT 2", &[]).len(), 2);
    assert_eq!(read("SELECT * FROM users", &[]).len(), 6, "one more than the limit");
    assert_eq!(one("SELECT row_number() OVER (ORDER BY id DESC) FROM users"), Sql::Integer(1));
    assert_eq!(one("SELECT title FROM docs WHERE docs MATCH 'hello'"), text("hello world"));
    assert_eq!(one("SELECT value FROM json_each('[3]')"), Sql::Integer(3));
    assert_eq!(read("SELECT 1 UNION SELECT 2", &[]).len(), 2);
    assert_eq!(one("WITH x AS (SELECT 4 AS a) SELECT a FROM x"), Sql::Integer(4));
    assert_eq!(read("SELECT * FROM people", &[])[0].len(), 2);
    assert_eq!(read("users", &[]).len(), 6, "a table is read as well");
    assert_eq!(read("(SELECT 1)", &[]).len(), 1);
    assert_eq!(read("SELECT 1) AS a, (SELECT 2", &[]).len(), 1, "an escape reads, too, and is cut");
    let endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c";
    assert_eq!(read(endless, &[]).len(), 6);
    assert_eq!(read("SELECT ?", &[json!("a;b")]), [[text("a;b")]]);
    let joined = read("SELECT u.id, n.id FROM users u JOIN notes n ON n.user_id = u.id", &[]);
    assert_eq!(joined[1], [Sql::Integer(2), Sql::Integer(2)]);
}

#[test]
fn equal_names_of_columns_are_told_apart() {
    let database = database();
    let query = "SELECT u.id, n.id FROM users u, notes n";
    let statement = Statement::new(query, &[], Limits::default()).unwrap();
    let prepared = database.prepare(&statement.sql).unwrap();
    assert_eq!(prepared.column_names().collect::<Vec<_>>(), ["id", "id:1"]);
}

#[test]
fn a_text_says_what_to_do_instead() {
    let error = |query: &str, params: &[Value]| {
        Statement::new(query, params, Limits::default()).unwrap_err().to_string()
    };
    assert_eq!(error("", &[]), "`query` is empty. Send one SELECT.");
    assert!(error("SELECT 'a;b'", &[]).contains("belongs into `params`"));
    assert!(error("select * from Pragma_table_info('x')", &[]).contains("describe_database"));
    assert!(error(&"x".repeat(90_001), &[]).contains("90001 bytes"));
    assert!(
        Statement::new(&format!("SELECT '{}'", "x".repeat(89_000)), &[], Limits::default()).is_ok()
    );
    let many: Vec<Value> = vec![json!(1); 101];
    assert!(error("SELECT 1", &many).contains("101 values"));
    assert!(error("SELECT ?", &[json!(1), json!([1])]).contains("`params[1]` is a list"));
    assert!(error("SELECT ?", &[json!({"a": 1})]).contains("`params[0]`"));
    assert!(error("SELECT ?", &[json!(9_007_199_254_740_993_u64)]).contains("rounded"));
    assert!(error("SELECT ?", &[json!(-9_007_199_254_740_993_i64)]).contains("rounded"));
    let large: Value = serde_json::from_str("123456789012345678901234567890").unwrap();
    assert!(error("SELECT ?", &[large]).contains("rounded"), "more than 64 bits");
    assert!(
        Statement::new("SELECT ?", &[json!(1.5), json!(null), json!(true)], Limits::default())
            .is_ok()
    );
}

#[test]
fn an_endless_query_ends_at_the_deadline() {
    let database = database();
    let query =
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c";
    let before = dump(&database);
    assert_eq!(run(&database, query, &[], 5), Ended::Refused("interrupted".into()));
    assert_eq!(dump(&database), before);
}

#[test]
fn deep_nesting_harms_nothing() {
    let database = database();
    let before = dump(&database);
    for (open, close) in [("(", ")"), ("(SELECT ", ")"), ("abs(", ")")] {
        let query = format!("SELECT {}1{}", open.repeat(3_000), close.repeat(3_000));
        assert!(!matches!(run(&database, &query, &[], 5), Ended::Unsent(_)));
    }
    assert_eq!(dump(&database), before);
}

#[test]
fn the_plan_of_a_reading_statement_has_no_transaction_that_writes() {
    let database = database();
    let plan = |sql: &str| -> Vec<Value> {
        let mut prepared = database.prepare(sql).unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            Ok(json!({"opcode": row.get::<_, String>("opcode")?, "p2": row.get::<_, i64>("p2")?}))
        };
        prepared.query_map([], row).unwrap().map(Result::unwrap).collect()
    };
    let statement = Statement::new("SELECT * FROM users", &[], Limits::default()).unwrap();
    assert!(only_reads(&plan(&statement.explain())));
    assert!(!only_reads(&plan("EXPLAIN DELETE FROM users")));
    assert!(!only_reads(&plan("EXPLAIN WITH x AS (SELECT 1) DELETE FROM users RETURNING *")));
}

/// What random texts are made of.
const TOKENS: &[&str] = &[
    "SELECT",
    "select",
    "*",
    "FROM",
    "users",
    "notes",
    "people",
    "docs",
    "WHERE",
    "1",
    "(",
    ")",
    "((",
    "))",
    ",",
    ";",
    "--",
    "\n",
    "/*",
    "*/",
    "'",
    "''",
    "\"",
    "`",
    "[",
    "]",
    "DELETE FROM users",
    "DROP TABLE users",
    "INSERT INTO users (name) VALUES ('x')",
    "UPDATE users SET name='x'",
    "RETURNING *",
    "WITH",
    "x AS",
    "AS",
    "UNION ALL",
    "VALUES",
    "LIMIT",
    "OFFSET",
    "ORDER BY",
    "1=1",
    "PRAGMA",
    "user_version=3",
    "pragma_optimize",
    "EXPLAIN",
    "REINDEX",
    "ANALYZE",
    "VACUUM",
    "ATTACH ':memory:' AS y",
    "BEGIN",
    "COMMIT",
    "CREATE TABLE t(a)",
    "ALTER TABLE users RENAME TO v",
    "\\",
    "\0",
    "\r",
    "\u{feff}",
    "\u{a0}",
    "?",
    "?1",
    ":a",
    "$a(",
    "@b",
    "$$",
    "CASE WHEN",
    "END",
    "JOIN",
    "ON",
    "GROUP BY",
    "HAVING",
    "OVER",
    "WINDOW w AS",
    "count(*)",
    "json_each('[1]')",
    "main.",
    "temp.",
    "sqlite_master",
    "REPLACE INTO",
    "TRIGGER",
    "CREATE VIEW v AS",
    "INTO",
    "NULL",
    "||",
    ".",
    "=",
];

/// Random texts against one database, which must stay as it is.
fn random_texts(cases: u32) {
    let database = database();
    let before = dump(&database);
    let mut runner = TestRunner::new(ProptestConfig { cases, ..ProptestConfig::default() });
    let tokens = prop::collection::vec(prop::sample::select(TOKENS), 0..14);
    let texts = (any::<bool>(), tokens, prop::sample::select(&[" ", "", "\n"][..]));
    let outcome = runner.run(&texts, |(begins, tokens, between)| {
        let begin = if begins { "SELECT * FROM users" } else { "" };
        let query = format!("{begin}{between}{}", tokens.join(between));
        let ended = run(&database, &query, &[], 5);
        if let Ended::Rows(rows) = &ended {
            prop_assert!(rows.len() <= 6, "{} rows", rows.len());
        }
        prop_assert_eq!(dump(&database), before.clone(), "{:?}", ended);
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn random_texts_never_change_the_database_and_never_break_the_limit() {
    random_texts(1_500);
}

#[test]
#[ignore = "long: tens of thousands of texts against SQLite"]
fn twenty_thousand_random_texts_never_change_the_database() {
    random_texts(20_000);
}
