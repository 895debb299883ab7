//! SiteBay's operations: the table that `build.rs` renders from `catalogue/*.toml`, and what only this
//! catalogue has.

use catalogue::{Alternative, Empty, Field, FieldKind, Moved, Place, SchemaCell, Shape};
use mcp_platform::Method;
use mcp_server::toolset::Effect;

use crate::{blocks, content_path, service::SitebayService};

include!(concat!(env!("OUT_DIR"), "/sitebay_table.rs"));

/// One operation of SiteBay.
pub(crate) type Operation = catalogue::Operation<SitebayService>;
/// A parameter of an operation.
pub(crate) type Parameter = catalogue::Parameter<OwnKind>;
/// The kind of a parameter's values.
pub(crate) type Kind = catalogue::Kind<OwnKind>;

/// The operation of that name.
pub(crate) fn find(name: &str) -> Option<&'static Operation> {
    catalogue::find(name)
}

/// The file under `tools/` that runs an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// None: the generic executor.
    Plain,
    Update,
    DeleteSite,
    Shell,
    EditFile,
    Proxy,
    ListCommits,
    Restore,
    Checkout,
    Screenshot,
    Logs,
}

/// The kinds of text that only SiteBay has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnKind {
    /// A path below wp-content; empty for wp-content itself, where that is allowed.
    ContentPath,
    /// Search and replace blocks.
    Blocks,
}

impl catalogue::OwnKind for OwnKind {
    fn expected(self) -> String {
        match self {
            Self::ContentPath => {
                "a path below wp-content without .. in it, such as themes/mine/style.css".into()
            }
            Self::Blocks => blocks::EXPECTED.into(),
        }
    }

    fn read(self, parameter: &Parameter, text: &str) -> Result<String, String> {
        match self {
            Self::ContentPath => {
                let below = below_content(parameter, text);
                below.filter(|path| parameter.takes_length_of(path)).ok_or_else(|| self.expected())
            }
            Self::Blocks => blocks::normalise(text)
                .map_err(|problem| format!("whole search and replace blocks ({problem})")),
        }
    }
}

/// wp-content itself fits only where nothing has to be named.
fn below_content(parameter: &Parameter, text: &str) -> Option<String> {
    let below = content_path::normalise(text, false)?;
    let whole = !parameter.required || content_path::names_a_file(text, &below);
    whole.then_some(below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_server::arguments::{ParsedText, TextFormat as _};

    const BLOCKS: &str = "<<<<<< SEARCH\na\n======\nb\n>>>>>> REPLACE";

    fn parameter(kind: OwnKind) -> Parameter {
        Parameter {
            name: "p",
            api: "p",
            place: Place::Body,
            kind: Kind::Own(kind),
            required: false,
            min_length: None,
            max_length: None,
            choices: &[],
            empty: Empty::Itself,
            secret: false,
            items: &[],
        }
    }

    #[test]
    fn every_kind_takes_its_own_values_and_no_others() {
        let cases = [
            (OwnKind::ContentPath, vec!["a/b.php", ""], vec!["../a"]),
            (OwnKind::Blocks, vec![BLOCKS], vec!["", "x"]),
        ];
        for (kind, right, wrong) in cases {
            let parameter = parameter(kind);
            for text in right {
                assert!(matches!(parameter.read(text), ParsedText::Fits(_)), "{kind:?} {text}");
            }
            for text in wrong {
                assert!(matches!(parameter.read(text), ParsedText::Unfit(_)), "{kind:?} {text}");
            }
        }
    }
}
