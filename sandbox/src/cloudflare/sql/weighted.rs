//! The aggregates of ClickHouse that SQLite does not have.

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::{Value as Cell, ValueRef};

/// Adds the aggregates to a connection.
pub(super) fn register(connection: &Connection) -> Result<(), rusqlite::Error> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_aggregate_function("sum", 1, flags, Sum { filtered: false })?;
    connection.create_aggregate_function("sumIf", 2, flags, Sum { filtered: true })?;
    connection.create_aggregate_function("countIf", 1, flags, Count)?;
    connection.create_aggregate_function("avgIf", 2, flags, Average)?;
    for name in ["quantileExactWeighted", "quantileWeighted"] {
        connection.create_aggregate_function(name, 3, flags, Quantile)?;
    }
    Ok(())
}

fn number(context: &Context<'_>, at: usize) -> f64 {
    match context.get_raw(at) {
        ValueRef::Integer(whole) => whole as f64,
        ValueRef::Real(real) => real,
        _ => 0.0,
    }
}

/// A sum that is 0 where there is nothing, and whole where all is.
struct Sum {
    filtered: bool,
}

impl Aggregate<(f64, bool), Cell> for Sum {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<(f64, bool)> {
        Ok((0.0, true))
    }

    fn step(&self, context: &mut Context<'_>, sum: &mut (f64, bool)) -> rusqlite::Result<()> {
        if !self.filtered || number(context, 1) != 0.0 {
            sum.0 += number(context, 0);
            sum.1 &= !matches!(context.get_raw(0), ValueRef::Real(_));
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, sum: Option<(f64, bool)>) -> rusqlite::Result<Cell> {
        let (sum, is_whole) = sum.unwrap_or((0.0, true));
        Ok(if is_whole { Cell::Integer(sum as i64) } else { Cell::Real(sum) })
    }
}

struct Count;

impl Aggregate<i64, i64> for Count {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<i64> {
        Ok(0)
    }

    fn step(&self, context: &mut Context<'_>, count: &mut i64) -> rusqlite::Result<()> {
        *count = count.saturating_add(i64::from(number(context, 0) != 0.0));
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, count: Option<i64>) -> rusqlite::Result<i64> {
        Ok(count.unwrap_or(0))
    }
}

struct Average;

impl Aggregate<(f64, f64), Option<f64>> for Average {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<(f64, f64)> {
        Ok((0.0, 0.0))
    }

    fn step(&self, context: &mut Context<'_>, sum: &mut (f64, f64)) -> rusqlite::Result<()> {
        if number(context, 1) != 0.0 {
            sum.0 += number(context, 0);
            sum.1 += 1.0;
        }
        Ok(())
    }

    fn finalize(
        &self,
        _: &mut Context<'_>,
        sum: Option<(f64, f64)>,
    ) -> rusqlite::Result<Option<f64>> {
        Ok(sum.filter(|(_, count)| *count > 0.0).map(|(sum, count)| sum / count))
    }
}

/// The smallest value up to which the weights make up the level.
struct Quantile;

type Weights = (f64, Vec<(f64, f64)>);

impl Aggregate<Weights, Option<f64>> for Quantile {
    fn init(&self, context: &mut Context<'_>) -> rusqlite::Result<Weights> {
        Ok((number(context, 0), Vec::new()))
    }

    fn step(&self, context: &mut Context<'_>, found: &mut Weights) -> rusqlite::Result<()> {
        found.1.push((number(context, 1), number(context, 2)));
        Ok(())
    }

    fn finalize(
        &self,
        _: &mut Context<'_>,
        found: Option<Weights>,
    ) -> rusqlite::Result<Option<f64>> {
        let (level, mut values) = found.unwrap_or_default();
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        let wanted = values.iter().map(|(_, weight)| weight).sum::<f64>() * level;
        let mut passed = 0.0;
        let reached = values.iter().find(|(_, weight)| {
            passed += weight;
            passed >= wanted
        });
        Ok(reached.or(values.last()).map(|(value, _)| *value))
    }
}
