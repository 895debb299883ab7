//! What a variable or a secret of the server is.

/// A variable or a secret.
#[derive(Debug)]
pub struct Setting {
    /// Its name in the environment of the Worker.
    pub name: &'static str,
    /// Whether it is set with `wrangler secret put` and never logged.
    pub is_secret: bool,
    /// The values that it takes.
    pub values: Values,
    /// The value where it is not set, or what holds then. Empty: nothing.
    pub default: &'static str,
    /// Its effect.
    pub does: &'static str,
    /// When to set it, or why it is as it is.
    pub when: &'static str,
}

/// The values that a setting takes.
#[derive(Debug)]
pub enum Values {
    /// A text, described in words.
    Text(&'static str),
    /// One key or several, separated by commas or line ends, each with at least so many characters.
    Keys(usize),
    /// `1` switches on; `0` and nothing leave it off.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number.
    Number {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
        /// The unit.
        unit: &'static str,
    },
}

impl Setting {
    pub(super) const fn variable(
        name: &'static str,
        values: Values,
        default: &'static str,
    ) -> Self {
        Self { name, is_secret: false, values, default, does: "", when: "" }
    }

    pub(super) const fn secret(name: &'static str, values: Values) -> Self {
        Self { name, is_secret: true, values, default: "", does: "", when: "" }
    }

    pub(super) const fn does(self, does: &'static str) -> Self {
        Self { does, ..self }
    }

    pub(super) const fn when(self, when: &'static str) -> Self {
        Self { when, ..self }
    }

    /// The default of a number.
    pub fn default_number(&self) -> u64 {
        self.default.parse().unwrap_or_default()
    }

    /// The fewest characters of a key.
    pub fn least_chars(&self) -> usize {
        match self.values {
            Values::Keys(least) => least,
            _ => 0,
        }
    }
}
