//! The datasets of Analytics Engine, and queries of them.
//!
//! Known: the columns, and that a query which gives `FORMAT JSON` is answered by one document of
//! `meta`, `data` and `rows`. Inferred: sums and counts of integers are texts, as ClickHouse writes
//! 64 bits; a query without `FORMAT` is answered as JSON (the API's description says lines of JSON,
//! the reference says JSON); a dataset that nothing was written to is an error.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params_from_iter};
use serde_json::{Map, Value, json};

use crate::cloudflare::data::DataPoint;
use crate::cloudflare::sql::translate::{Kind, Translated, translate};
use crate::cloudflare::sql::weighted;
use crate::engine::clock::Time;

const COLUMNS: usize = 20;

/// All datasets of an account.
#[derive(Debug)]
pub(crate) struct Points {
    connection: Connection,
    now: Arc<AtomicI64>,
}

/// The answer to a query.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The names and types of the columns.
    pub(crate) meta: Vec<Value>,
    /// The rows, as objects.
    pub(crate) data: Vec<Value>,
    /// Whether each row is to be a line of its own.
    pub(crate) in_lines: bool,
}

impl Points {
    /// No datasets.
    pub(crate) fn open() -> Result<Self, rusqlite::Error> {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch("PRAGMA case_sensitive_like = ON")?;
        let now = Arc::new(AtomicI64::new(0));
        weighted::register(&connection)?;
        register(&connection, &now)?;
        Ok(Self { connection, now })
    }

    /// Writes points, all at the same moment.
    pub(crate) fn write(
        &self,
        dataset: &str,
        at: Time,
        point: &DataPoint,
    ) -> Result<(), rusqlite::Error> {
        let name = dataset.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let numbered = |kind: &str, word: &str| {
            let columns = (1..=COLUMNS).map(|at| format!(", {kind}{at} {word}"));
            columns.collect::<String>()
        };
        let (blobs, doubles) = (numbered("blob", "TEXT"), numbered("double", "REAL"));
        self.connection.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {name} (dataset TEXT, timestamp INTEGER, index1 TEXT, \
             _sample_interval INTEGER{blobs}{doubles})"
        ))?;
        let marks = vec!["?"; COLUMNS.saturating_mul(2).saturating_add(4)].join(",");
        let mut insert =
            self.connection.prepare(&format!("INSERT INTO {name} VALUES ({marks})"))?;
        let texts = (0..COLUMNS).map(|at| point.blobs.get(at).cloned().unwrap_or_default());
        let numbers = (0..COLUMNS).map(|at| point.doubles.get(at).copied().unwrap_or_default());
        let mut cells: Vec<rusqlite::types::Value> =
            vec![name.clone().into(), at.timestamp().into(), point.index.clone().into()];
        cells.push(i64::from(point.sample_interval.max(1)).into());
        cells.extend(texts.map(Into::into));
        cells.extend(numbers.map(Into::into));
        for _ in 0..point.count.max(1) {
            insert.execute(params_from_iter(cells.iter()))?;
        }
        Ok(())
    }

    /// Answers a query; the error is a text for people.
    pub(crate) fn query(&self, text: &str, now: Time) -> Result<Answer, String> {
        self.now.store(now.timestamp(), Ordering::Relaxed);
        let mut words = text.trim().trim_end_matches(';').split_whitespace();
        if words.by_ref().take(2).map(str::to_ascii_uppercase).eq(["SHOW", "TABLES"]) {
            let sql = "SELECT name AS dataset, 'dataset' AS type FROM sqlite_master ORDER BY name";
            let wanted = Translated {
                sql: sql.to_owned(),
                format: words.nth(1).unwrap_or("JSON").to_owned(),
                kinds: Vec::new(),
            };
            return self.run(&wanted);
        }
        self.run(&translate(text)?)
    }

    fn run(&self, wanted: &Translated) -> Result<Answer, String> {
        let in_lines = match wanted.format.to_ascii_uppercase().as_str() {
            "JSON" => false,
            "JSONEACHROW" => true,
            other => return Err(format!("FORMAT {other} is not supported")),
        };
        let text = |error: rusqlite::Error| error.to_string();
        let mut statement = self.connection.prepare(&wanted.sql).map_err(text)?;
        let names: Vec<_> = statement.column_names().map(str::to_owned).collect();
        let kind = |at: usize, name: &str| match wanted.kinds.get(at) {
            _ if name == "timestamp" => Kind::Moment,
            _ if name == "_sample_interval" => Kind::Small,
            Some(kind) if wanted.kinds.len() == names.len() => *kind,
            _ => Kind::Unknown,
        };
        let mut types: Vec<Option<&'static str>> = vec![None; names.len()];
        let mut data = Vec::new();
        let mut rows = statement.query([]).map_err(text)?;
        while let Some(row) = rows.next().map_err(text)? {
            let mut fields = Map::new();
            for (at, (name, known)) in names.iter().zip(&mut types).enumerate() {
                let (value, is) = shown(row.get_ref(at).map_err(text)?, kind(at, name));
                *known = known.or(is);
                fields.insert(name.clone(), value);
            }
            data.push(Value::Object(fields));
        }
        let meta = names.iter().zip(types);
        let meta = meta.map(|(name, is)| json!({ "name": name, "type": is.unwrap_or("String") }));
        Ok(Answer { meta: meta.collect(), data, in_lines })
    }
}

fn shown(value: ValueRef<'_>, kind: Kind) -> (Value, Option<&'static str>) {
    match (value, kind) {
        (ValueRef::Integer(seconds), Kind::Moment) => {
            let time = Time::from_timestamp(seconds, 0).unwrap_or_default();
            (json!(time.format("%Y-%m-%d %H:%M:%S").to_string()), Some("DateTime"))
        }
        (ValueRef::Integer(whole), Kind::Small) => (json!(whole), Some("UInt32")),
        (ValueRef::Integer(whole), Kind::Unknown) => (json!(whole.to_string()), Some("UInt64")),
        (ValueRef::Real(real), _) if real.fract() == 0.0 && real.abs() < 1e15 => {
            (json!(real as i64), Some("Float64"))
        }
        (ValueRef::Real(real), _) => (json!(real), Some("Float64")),
        (ValueRef::Text(text), _) => (json!(String::from_utf8_lossy(text)), Some("String")),
        _ => (Value::Null, None),
    }
}

/// The functions of moments, which are seconds here.
fn register(connection: &Connection, now: &Arc<AtomicI64>) -> Result<(), rusqlite::Error> {
    let flags = FunctionFlags::SQLITE_UTF8;
    let clock = Arc::clone(now);
    connection
        .create_scalar_function("now", 0, flags, move |_| Ok(clock.load(Ordering::Relaxed)))?;
    let floor = |time: i64, step: i64| time.saturating_sub(time.rem_euclid(step.max(1)));
    connection.create_scalar_function("toStartOfInterval", 2, flags, move |context| {
        Ok(floor(context.get(0)?, context.get(1)?))
    })?;
    for (name, step) in [
        ("toStartOfMinute", 60),
        ("toStartOfFiveMinutes", 300),
        ("toStartOfTenMinutes", 600),
        ("toStartOfFifteenMinutes", 900),
        ("toStartOfHour", 3600),
        ("toStartOfDay", 86_400),
    ] {
        connection.create_scalar_function(name, 1, flags, move |context| {
            Ok(floor(context.get(0)?, step))
        })?;
    }
    connection
        .create_scalar_function("toUnixTimestamp", 1, flags, |context| context.get::<i64>(0))?;
    connection.create_scalar_function("toDateTime", 1, flags, |context| {
        Ok(match context.get_raw(0) {
            ValueRef::Integer(seconds) => Some(seconds),
            ValueRef::Text(text) => crate::engine::clock::parse(&String::from_utf8_lossy(text))
                .map(|time| time.timestamp()),
            _ => None,
        })
    })
}
