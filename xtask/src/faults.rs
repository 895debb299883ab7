//! Faults of Durable Objects, put between the runtime and the built Worker.
//!
//! The Worker itself is the one that is built for everything else: a module in front of it replaces the
//! classes whose objects are to fail.

use std::fmt::Write as _;

use crate::capnp::OBJECTS;

const MODULE: &str = include_str!("faults.js");

/// How an object fails to answer a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It answers nothing for an hour.
    Hang,
    /// It begins its answer and sends no byte of the body.
    Stall,
    /// It fails before it reads the request.
    Refuse,
    /// It opens a socket of which its class knows nothing, and says nothing on it.
    Mute,
    /// It does what was asked, works on for 0.4 s, and is reset before its answer leaves.
    Lose,
    /// It does not know the request, and does nothing.
    Unknown,
    /// Its alarms come after 0.2 s at the latest, for every path.
    Early,
    /// Its alarm cannot be set, whatever its path; the log has [`Faults::ALARM_SET`] for one that could.
    Unarmed,
}

impl How {
    fn name(self) -> &'static str {
        match self {
            Self::Hang => "hang",
            Self::Stall => "stall",
            Self::Refuse => "refuse",
            Self::Mute => "mute",
            Self::Lose => "lose",
            Self::Unknown => "unknown",
            Self::Early => "early",
            Self::Unarmed => "unarmed",
        }
    }
}

/// A fault of the objects of one class.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// The class.
    pub class: &'static str,
    /// The path of the requests that fail; those of all paths that begin like this where it ends with `*`.
    pub path: &'static str,
    /// How they fail.
    pub how: How,
    /// How many requests or alarms fail, over all objects of the class; a restart counts anew.
    pub times: usize,
}

/// Faults, and how much faster the pauses of at least a second pass.
#[derive(Debug, Clone)]
pub struct Faults {
    /// The faults. The first that fits a request counts.
    pub faults: Vec<Fault>,
    /// 1: pauses take their time.
    pub haste: u32,
}

impl Faults {
    /// The line about an alarm that was set after others could not be.
    pub const ALARM_SET: &str = "an alarm was set";

    /// Alarms of this class come after 0.2 s at the latest.
    #[must_use]
    pub fn early(class: &'static str) -> Self {
        Self { faults: vec![Fault { class, path: "", how: How::Early, times: 0 }], haste: 1 }
    }

    /// The main module.
    pub(crate) fn module(&self) -> String {
        let mut text = String::from("const FAULTS = [\n");
        for Fault { class, path, how, times } in &self.faults {
            let how = how.name();
            let _ = writeln!(
                text,
                r#"  {{ class: "{class}", path: "{path}", how: "{how}", times: {times} }},"#
            );
        }
        let _ = write!(text, "];\nconst HASTE = {};\n{MODULE}", self.haste.max(1));
        for (_, class) in OBJECTS {
            if self.faults.iter().any(|fault| fault.class == class) {
                let _ = writeln!(text, "export const {class} = faulty(\"{class}\");");
            }
        }
        text
    }
}
