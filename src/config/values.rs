//! What the value of a setting may be: a wrong one takes the default, and a warning says so.

use super::{
    Config, Get,
    settings::{Setting, Values},
};

impl Config {
    /// Whether a setting is `1`.
    pub(super) fn is_on(&mut self, setting: &Setting, get: Get<'_>) -> bool {
        match get(setting).as_deref() {
            None | Some("0") => false,
            Some("1") => true,
            Some(other) => {
                self.wrong(setting, other, "`1` or `0`", "`0`");
                false
            }
        }
    }

    /// The number that a setting holds, or its default.
    pub(super) fn number(&mut self, setting: &Setting, get: Get<'_>) -> u64 {
        let default = setting.default_number();
        let (Some(text), Values::Number { least, most, unit }) = (get(setting), &setting.values)
        else {
            return default;
        };
        let number = text.parse().ok().filter(|number| (*least..=*most).contains(number));
        number.unwrap_or_else(|| {
            self.wrong(setting, &text, &format!("{least} to {most} {unit}"), setting.default);
            default
        })
    }

    /// The word that a setting holds, or its default.
    pub(super) fn word(&mut self, setting: &Setting, get: Get<'_>) -> &'static str {
        let Values::Word(words) = setting.values else {
            return setting.default;
        };
        let Some(text) = get(setting) else {
            return setting.default;
        };
        words.iter().copied().find(|word| *word == text).unwrap_or_else(|| {
            self.wrong(setting, &text, &one_of(words), &format!("`{}`", setting.default));
            setting.default
        })
    }

    pub(super) fn wrong(&mut self, setting: &Setting, value: &str, expected: &str, used: &str) {
        let name = setting.name;
        self.warnings.push(format!("{name} is `{value}`: expected {expected}; using {used}"));
    }
}

/// "`a`, `b` or `c`".
pub(super) fn one_of(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} or {last}", before.join(", ")),
        None => String::new(),
    }
}
