//! Analytics Engine's dialect, which is ClickHouse's, as SQLite's.
//!
//! Understood: one `SELECT`, intervals, aggregates with a parameter (`quantileExactWeighted(0.95)(…)`),
//! `count()`, division that never is one of integers, `if`, and the clause `FORMAT`. A query that uses
//! anything else fails here although Cloudflare may answer it.

/// A query that SQLite can run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Translated {
    pub(super) sql: String,
    pub(super) format: String,
    /// For each column of the list that a `SELECT` begins with: what is known of its type.
    pub(super) kinds: Vec<Kind>,
}

/// What the text of a column says about its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Moment,
    Small,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Other(String),
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Other(text) => text,
        }
    }

    fn is(&self, text: &str) -> bool {
        self.text().eq_ignore_ascii_case(text)
    }
}

/// Translates a query.
pub(super) fn translate(query: &str) -> Result<Translated, String> {
    let mut tokens = tokens(query)?;
    if tokens.last().is_some_and(|last| last.is(";")) {
        tokens.pop();
    }
    if tokens.iter().any(|token| token.is(";")) {
        return Err("only one statement is allowed".to_owned());
    }
    if !tokens.first().is_some_and(|first| first.is("SELECT")) {
        return Err("only SELECT and SHOW TABLES are supported".to_owned());
    }
    let mut format = "JSON".to_owned();
    if let Some(at) = tokens.iter().rposition(|token| token.is("FORMAT"))
        && let [_, name] = tokens.get(at..).unwrap_or_default()
    {
        format = name.text().to_owned();
        tokens.truncate(at);
    }
    let kinds = kinds(&tokens);
    Ok(Translated { sql: rewrite(&tokens)?, format, kinds })
}

fn tokens(query: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = query.trim_start();
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("--") {
            rest = rest.split_once('\n').map_or("", |(_, after)| after).trim_start();
            continue;
        }
        let length = match first {
            '\'' | '"' | '`' => quoted(rest, first).ok_or("unterminated string")?,
            _ if first.is_ascii_alphabetic() || first == '_' => {
                run(rest, |c| c.is_ascii_alphanumeric() || c == '_')
            }
            _ if first.is_ascii_digit() => run(rest, |c| c.is_ascii_alphanumeric() || c == '.'),
            _ if ["!=", "<=", ">=", "<>", "==", "||"].iter().any(|two| rest.starts_with(two)) => 2,
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at_checked(length).ok_or("a broken token")?;
        let is_word = first.is_ascii_alphabetic() || first == '_';
        let token = token.to_owned();
        found.push(if is_word { Token::Word(token) } else { Token::Other(token) });
        rest = after.trim_start();
    }
    Ok(found)
}

fn run(text: &str, fits: impl Fn(char) -> bool) -> usize {
    text.find(|c| !fits(c)).unwrap_or(text.len())
}

fn quoted(text: &str, quote: char) -> Option<usize> {
    let inner = text.strip_prefix(quote)?;
    Some(inner.find(quote)?.saturating_add(2))
}

/// The columns of the first list, each by its first words.
fn kinds(tokens: &[Token]) -> Vec<Kind> {
    let (mut depth, mut found, mut start) = (0_u32, Vec::new(), true);
    for token in tokens.iter().skip(1) {
        match token.text() {
            "(" => depth = depth.saturating_add(1),
            ")" => depth = depth.saturating_sub(1),
            "," if depth == 0 => start = true,
            text if depth == 0 && text.eq_ignore_ascii_case("FROM") => break,
            text if start => {
                found.push(kind(text));
                start = false;
            }
            // The argument of an aggregate that keeps its type.
            text if depth == 1 && kind(text) == Kind::Moment => {
                if let Some(last) = found.last_mut().filter(|last| **last == Kind::Small) {
                    *last = Kind::Moment;
                }
            }
            _ => {}
        }
    }
    found
}

fn kind(word: &str) -> Kind {
    let word = word.to_ascii_lowercase();
    let is_moment = word == "timestamp"
        || ["now", "today", "todatetime"].contains(&word.as_str())
        || word.starts_with("tostartof");
    match word.as_str() {
        _ if is_moment => Kind::Moment,
        "_sample_interval" | "min" | "max" => Kind::Small,
        _ => Kind::Unknown,
    }
}

fn rewrite(tokens: &[Token]) -> Result<String, String> {
    let mut sql = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let ahead = tokens.get(at.saturating_add(1)..).unwrap_or_default();
        let (text, used) = match (token, ahead) {
            (word, [number, unit, ..]) if word.is("INTERVAL") => {
                (seconds(number.text(), unit.text())?.to_string(), 3)
            }
            (Token::Word(word), [open, close, ..])
                if word.eq_ignore_ascii_case("count") && open.is("(") && close.is(")") =>
            {
                ("count(*)".to_owned(), 3)
            }
            (Token::Word(word), [open, level, close, again, ..])
                if open.is("(") && close.is(")") && again.is("(") =>
            {
                (format!("{word}({},", level.text()), 5)
            }
            (Token::Word(word), [open, ..]) if word.eq_ignore_ascii_case("if") && open.is("(") => {
                ("iif".to_owned(), 1)
            }
            (slash, _) if slash.is("/") => ("* 1.0 /".to_owned(), 1),
            (other, _) => (other.text().to_owned(), 1),
        };
        sql.push(text);
        at = at.saturating_add(used);
    }
    Ok(sql.join(" "))
}

fn seconds(number: &str, unit: &str) -> Result<u64, String> {
    let number: u64 =
        number.trim_matches('\'').parse().map_err(|_| format!("bad interval {number}"))?;
    let each: u64 = match unit.to_ascii_uppercase().as_str() {
        "SECOND" => 1,
        "MINUTE" => 60,
        "HOUR" => 3600,
        "DAY" => 86_400,
        "WEEK" => 604_800,
        "MONTH" => 2_592_000,
        "YEAR" => 31_536_000,
        _ => return Err(format!("bad interval unit {unit}")),
    };
    Ok(number.saturating_mul(each))
}

#[cfg(test)]
mod tests {
    use super::{Kind, translate};

    #[test]
    fn intervals_parameters_and_divisions_become_sqlite() {
        let found = translate(
            "SELECT toStartOfHour(timestamp) AS hour, quantileExactWeighted(0.95)(double1, w) / 2, \
             count() FROM points WHERE timestamp > NOW() - INTERVAL '15' MINUTE FORMAT JSON",
        );
        let found = found.unwrap();
        assert_eq!(
            found.sql,
            "SELECT toStartOfHour ( timestamp ) AS hour , quantileExactWeighted(0.95, double1 , w ) \
             * 1.0 / 2 , count(*) FROM points WHERE timestamp > NOW ( ) - 900"
        );
        assert_eq!(found.kinds, [Kind::Moment, Kind::Unknown, Kind::Unknown]);
    }

    #[test]
    fn only_one_select_is_taken() {
        for query in ["", "SELECT 1; SELECT 2", "DROP TABLE points", "SELECT 'a"] {
            assert!(translate(query).is_err(), "{query}");
        }
        assert_eq!(translate("SELECT ';' ;").unwrap().sql, "SELECT ';'");
    }
}
