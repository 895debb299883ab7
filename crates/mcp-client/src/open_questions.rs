//! The questions of an upstream that have no answer yet.
//!
//! Invariant: while one of an exchange is open, its deadlines stand still, because a person may be asked. How long that may
//! take is for whoever asks the person.

use std::{cell::RefCell, collections::BTreeSet, rc::Rc};

use mcp_protocol::jsonrpc::RequestId;

/// Questions that may be open at a time.
const MAX_OPEN: usize = 100;

/// The open questions of a connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenQuestions(Rc<RefCell<BTreeSet<String>>>);

impl OpenQuestions {
    /// A question has its answer.
    pub(crate) fn close(&self, id: &RequestId) {
        self.0.borrow_mut().remove(id.as_json());
    }

    /// Those of an exchange that begins.
    pub(crate) fn of_exchange(&self) -> AskedBy {
        AskedBy { all: self.clone(), own: Vec::new() }
    }
}

/// The open questions of one exchange.
#[derive(Debug, Default)]
pub(crate) struct AskedBy {
    all: OpenQuestions,
    own: Vec<String>,
}

impl AskedBy {
    /// A question came. False: too many are open.
    pub(crate) fn open(&mut self, id: &RequestId) -> bool {
        self.any_open();
        if self.own.len() >= MAX_OPEN {
            return false;
        }
        self.own.push(id.as_json().to_owned());
        self.all.0.borrow_mut().insert(id.as_json().to_owned());
        true
    }

    /// Whether one is open.
    pub(crate) fn any_open(&mut self) -> bool {
        if !self.own.is_empty() {
            let all = self.all.0.borrow();
            self.own.retain(|id| all.contains(id));
        }
        !self.own.is_empty()
    }
}

impl Drop for AskedBy {
    fn drop(&mut self) {
        let mut all = self.all.0.borrow_mut();
        for id in &self.own {
            all.remove(id);
        }
    }
}
