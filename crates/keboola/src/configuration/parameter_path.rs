//! The paths of `parameter_updates`: names with dots between them, and places in arrays in brackets.
//!
//! `database.host`, `tables[0].name`, `tables[-1]`, `tables[*].name`, `headers["Content-Type"]`, `"a.b".c` and
//! `$` for all parameters. A number without brackets is a key, as on Keboola's own server. Ranges, lists of
//! places and other JSONPath expressions are refused, where Keboola's server takes some of them, and makes keys
//! of the others. `__proto__` is a key like any other.

use serde_json::Value;
use thiserror::Error;

/// The most bytes of a path.
pub const MAX_PATH_BYTES: usize = 1024;

/// The most steps of a path.
pub const MAX_PATH_STEPS: usize = 64;

/// A path into parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterPath {
    steps: Vec<Step>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The value of a key of an object.
    Key(String),
    /// An item of an array, from its beginning.
    Index(usize),
    /// An item of an array, from its end: 1 is the last.
    FromEnd(usize),
    /// Every item of an array.
    Every,
}

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PathError {
    /// Nothing is in it.
    #[error("the path is empty: expected the name of a parameter, such as \"database.host\"")]
    Empty,
    /// A name has no characters.
    #[error(
        "a name in the path is empty: expected one name between two dots, such as \"database.host\""
    )]
    EmptyName,
    /// It is longer than [`MAX_PATH_BYTES`].
    #[error("the path has more than {MAX_PATH_BYTES} bytes")]
    TooLong,
    /// It has more steps than [`MAX_PATH_STEPS`].
    #[error("the path has more than {MAX_PATH_STEPS} steps")]
    TooDeep,
    /// A bracket or a quote stays open.
    #[error("a bracket or a quote in the path is not closed")]
    Unclosed,
    /// Something follows a bracket or a quote where only a dot or a bracket may.
    #[error("expected \".\" or \"[\" in the path after a bracket or a quoted name")]
    NoDot,
    /// A bracket holds something else.
    #[error("expected [0], [-1], [*] or [\"key\"] in the path")]
    BadBracket,
    /// A star without brackets.
    #[error(
        "\"*\" stands only in brackets: expected \"list[*]\" for every item of an array, or a quoted \"*\""
    )]
    Star,
}

impl ParameterPath {
    /// Reads a path.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.len() > MAX_PATH_BYTES {
            return Err(PathError::TooLong);
        }
        let mut rest = match text.strip_prefix('$') {
            Some("") => return Ok(Self { steps: Vec::new() }),
            Some(below) if below.starts_with('[') => below,
            Some(below) => below.strip_prefix('.').unwrap_or(text),
            None if text.is_empty() => return Err(PathError::Empty),
            None => text,
        };
        let mut steps = Vec::new();
        loop {
            rest = segment(rest, &mut steps)?;
            if steps.len() > MAX_PATH_STEPS {
                return Err(PathError::TooDeep);
            }
            if rest.is_empty() {
                return Ok(Self { steps });
            }
            rest = rest.strip_prefix('.').ok_or(PathError::NoDot)?;
        }
    }

    /// Its steps; none for the parameters as a whole.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether what it leads to is a secret, or part of one.
    pub fn is_secret(&self) -> bool {
        let is_secret =
            |step: &Step| matches!(step, Step::Key(key) if super::secrets::is_secret_key(key));
        self.steps.iter().any(is_secret)
    }

    /// Calls a function with each value that the path leads to, and counts them.
    pub fn each<'v>(&self, value: &'v Value, visit: &mut dyn FnMut(&'v Value)) -> usize {
        each(value, &self.steps, visit)
    }

    /// Calls a function with each value that the path leads to, until one fails.
    pub(crate) fn try_each_mut<E>(
        &self,
        value: &mut Value,
        visit: &mut dyn FnMut(&mut Value) -> Result<(), E>,
    ) -> Result<(), E> {
        try_each_mut(value, &self.steps, visit)
    }
}

/// Reads a name and the brackets after it.
fn segment<'t>(text: &'t str, steps: &mut Vec<Step>) -> Result<&'t str, PathError> {
    let before = steps.len();
    let (name, mut rest) = if text.starts_with(['"', '\'']) {
        let (name, after) = quoted(text)?;
        (Some(name), after)
    } else {
        match text.split_at(text.find(['.', '[']).unwrap_or(text.len())) {
            ("*", _) => return Err(PathError::Star),
            ("", after) => (None, after),
            (name, after) => (Some(name.to_owned()), after),
        }
    };
    steps.extend(name.map(Step::Key));
    while let Some(inner) = rest.strip_prefix('[') {
        let (step, after) = bracket(inner)?;
        steps.push(step);
        rest = after;
    }
    if steps.len() == before { Err(PathError::EmptyName) } else { Ok(rest) }
}

/// Reads what is in a bracket, from after its opening, and the text after it.
fn bracket(inner: &str) -> Result<(Step, &str), PathError> {
    if inner.starts_with(['"', '\'']) {
        let (name, after) = quoted(inner)?;
        let after = after.strip_prefix(']').ok_or(PathError::Unclosed)?;
        return Ok((Step::Key(name), after));
    }
    let (place, after) = inner.split_once(']').ok_or(PathError::Unclosed)?;
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let step = match place.strip_prefix('-') {
        _ if place == "*" => Some(Step::Every),
        Some(digits) if is_number(digits) => {
            digits.parse().ok().filter(|&place| place > 0).map(Step::FromEnd)
        }
        None if is_number(place) => place.parse().ok().map(Step::Index),
        _ => None,
    };
    Ok((step.ok_or(PathError::BadBracket)?, after))
}

/// Reads a name in quotes, in which a backslash stands before a quote, and the text after it.
fn quoted(text: &str) -> Result<(String, &str), PathError> {
    let mut characters = text.chars();
    let quote = characters.next();
    let mut name = String::new();
    while let Some(character) = characters.next() {
        match character {
            _ if Some(character) == quote => return Ok((name, characters.as_str())),
            '\\' => name.extend(characters.next()),
            _ => name.push(character),
        }
    }
    Err(PathError::Unclosed)
}

/// The value one step further, where there is one and one only.
pub(crate) fn child<'v>(value: &'v Value, step: &Step) -> Option<&'v Value> {
    match (step, value) {
        (Step::Key(key), Value::Object(map)) => map.get(key),
        (step, Value::Array(items)) => items.get(place(step, items.len())?),
        _ => None,
    }
}

/// The same, to be changed.
pub(crate) fn child_mut<'v>(value: &'v mut Value, step: &Step) -> Option<&'v mut Value> {
    match (step, value) {
        (Step::Key(key), Value::Object(map)) => map.get_mut(key),
        (step, Value::Array(items)) => {
            let place = place(step, items.len())?;
            items.get_mut(place)
        }
        _ => None,
    }
}

/// The place of an item in an array of that length.
pub(crate) fn place(step: &Step, length: usize) -> Option<usize> {
    match step {
        Step::Index(place) => Some(*place).filter(|&place| place < length),
        Step::FromEnd(place) => length.checked_sub(*place),
        Step::Key(_) | Step::Every => None,
    }
}

fn each<'v>(value: &'v Value, steps: &[Step], visit: &mut dyn FnMut(&'v Value)) -> usize {
    match (steps.split_first(), value) {
        (None, _) => {
            visit(value);
            1
        }
        (Some((Step::Every, rest)), Value::Array(items)) => {
            items.iter().fold(0_usize, |sum, item| sum.saturating_add(each(item, rest, visit)))
        }
        (Some((step, rest)), _) => child(value, step).map_or(0, |child| each(child, rest, visit)),
    }
}

pub(crate) fn try_each_mut<E>(
    value: &mut Value,
    steps: &[Step],
    visit: &mut dyn FnMut(&mut Value) -> Result<(), E>,
) -> Result<(), E> {
    match (steps.split_first(), value) {
        (None, value) => visit(value),
        (Some((Step::Every, rest)), Value::Array(items)) => {
            items.iter_mut().try_for_each(|item| try_each_mut(item, rest, visit))
        }
        (Some((step, rest)), value) => match child_mut(value, step) {
            Some(child) => try_each_mut(child, rest, visit),
            None => Ok(()),
        },
    }
}

/// Steps as a path for a person; `$` for none.
pub(crate) fn shown(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Key(key) => push_key(&mut path, key),
            Step::Index(place) => path.push_str(&format!("[{place}]")),
            Step::FromEnd(place) => path.push_str(&format!("[-{place}]")),
            Step::Every => path.push_str("[*]"),
        }
    }
    if path.is_empty() { "$".to_owned() } else { path }
}

/// Adds a key to a path that is shown; in quotes where it would be misread.
pub(crate) fn push_key(path: &mut String, key: &str) {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '#' | '@' | '$');
    if !key.is_empty() && key.len() <= 100 && key.chars().all(is_plain) && key != "$" {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
    } else {
        path.push('[');
        path.push_str(&super::printable::quoted(key, 100));
        path.push(']');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn key(name: &str) -> Step {
        Step::Key(name.to_owned())
    }

    #[test]
    fn names_places_and_quotes_are_read() {
        for (text, steps) in [
            ("$", vec![]),
            ("api_key", vec![key("api_key")]),
            ("$.api_key", vec![key("api_key")]),
            ("database.#password", vec![key("database"), key("#password")]),
            ("a.0", vec![key("a"), key("0")]),
            ("a[0].b", vec![key("a"), Step::Index(0), key("b")]),
            ("a.[0]", vec![key("a"), Step::Index(0)]),
            ("a[-1][*]", vec![key("a"), Step::FromEnd(1), Step::Every]),
            (r#"h["Content-Type"]"#, vec![key("h"), key("Content-Type")]),
            ("h['it\\'s'].x", vec![key("h"), key("it's"), key("x")]),
            (r#""a.b".c"#, vec![key("a.b"), key("c")]),
            ("o.k-v x", vec![key("o"), key("k-v x")]),
            ("__proto__.x", vec![key("__proto__"), key("x")]),
            ("$ref", vec![key("$ref")]),
        ] {
            assert_eq!(ParameterPath::parse(text).unwrap().steps(), steps, "{text}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused_with_the_reason() {
        for (text, why) in [
            ("", PathError::Empty),
            ("a..b", PathError::EmptyName),
            (".a", PathError::EmptyName),
            ("a.", PathError::EmptyName),
            ("$.", PathError::EmptyName),
            ("a[", PathError::Unclosed),
            ("a['b", PathError::Unclosed),
            ("a['b'", PathError::Unclosed),
            ("'a", PathError::Unclosed),
            ("a[0]b", PathError::NoDot),
            ("'a'b", PathError::NoDot),
            ("a[]", PathError::BadBracket),
            ("a[x]", PathError::BadBracket),
            ("a[1:]", PathError::BadBracket),
            ("a[0,1]", PathError::BadBracket),
            ("a[-0]", PathError::BadBracket),
            ("a[+1]", PathError::BadBracket),
            ("a[99999999999999999999999]", PathError::BadBracket),
            ("o.*", PathError::Star),
        ] {
            assert_eq!(ParameterPath::parse(text), Err(why), "{text}");
        }
    }

    #[test]
    fn long_and_deep_paths_are_refused() {
        assert_eq!(ParameterPath::parse(&"a".repeat(MAX_PATH_BYTES + 1)), Err(PathError::TooLong));
        let deep = |steps: usize| ["a"].repeat(steps).join(".");
        assert!(ParameterPath::parse(&deep(MAX_PATH_STEPS)).is_ok());
        assert_eq!(ParameterPath::parse(&deep(MAX_PATH_STEPS + 1)), Err(PathError::TooDeep));
        let brackets = format!("a{}", "[0]".repeat(MAX_PATH_STEPS));
        assert_eq!(ParameterPath::parse(&brackets), Err(PathError::TooDeep));
    }

    #[test]
    fn a_star_leads_to_every_item_that_has_the_rest() {
        let value = json!({ "m": [{ "t": 1 }, { "u": 2 }, { "t": 3 }] });
        let mut found = Vec::new();
        let path = ParameterPath::parse("m[*].t").unwrap();
        assert_eq!(path.each(&value, &mut |value| found.push(value.clone())), 2);
        assert_eq!(found, [json!(1), json!(3)]);
    }

    #[test]
    fn a_secret_is_seen_anywhere_in_the_path() {
        for (text, is_secret) in
            [("a.#b", true), ("a['#b'].c", true), ("a.b#", false), ("$", false)]
        {
            assert_eq!(ParameterPath::parse(text).unwrap().is_secret(), is_secret, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a\\[\\]0-9.*\"'$#\\\\é -]{0,40}") {
            let _ = ParameterPath::parse(&text);
        }

        #[test]
        fn a_path_that_is_shown_is_read_as_the_same_path(
            names in prop::collection::vec("[a-zA-Z_#.\\[\\]*' é-]{0,8}", 1..6), place in 1_usize..5,
        ) {
            let mut steps: Vec<Step> = names.into_iter().map(Step::Key).collect();
            steps.extend([Step::Index(place), Step::Every, Step::FromEnd(place)]);
            let text = shown(&steps);
            let read = ParameterPath::parse(&text).unwrap();
            prop_assert_eq!(read.steps(), steps, "{}", text);
        }
    }
}
