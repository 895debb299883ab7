//! The interface of the engine to one service: its names, its client, and its tools with behaviour.

use std::{fmt::Debug, future::Future, future::ready};

use mcp_protocol::content::CallToolResult;
use mcp_server::{arguments::type_name, context::Context};
use serde_json::Value;

use crate::{
    arguments::Arguments,
    call::{Call, CallOutcome, Listing, ShortCircuit},
    kinds::OwnKind,
    operation::Operation,
    redact::SecretKeys,
};

/// A service whose operations are a catalogue. Its functions are resolved at compile time.
pub trait Service: Debug + Sized + 'static {
    /// Its name in texts.
    const NAME: &'static str;

    /// The keys in its answers whose values are secret.
    const SECRETS: SecretKeys;

    /// The text beside the data of a result.
    const TEXT: ResultText = ResultText::Lines;

    /// What a person agrees to, in the consent form.
    const AGREED: &'static str = "What is named above is lost.";

    /// The end of a call whose losses changed each time that the person was asked.
    const UNSETTLED: &'static str = "Nothing was changed: what would be lost changed each time while the person was asked. Wait, \
         then call again.";

    /// The crate's enum of behaviours. `Plain` is for operations without one.
    type Behaviour: Copy + Debug + PartialEq + Sync + 'static;

    /// The kinds of text that only this catalogue has; [`crate::NoKind`] where there are none.
    type Kind: OwnKind;

    /// What a call has beside its arguments, such as the client and the project of the caller.
    type State<'a>;

    /// The table that the build step made.
    fn operations() -> &'static [Operation<Self>];

    /// Begins a call whose arguments are right; where that fails nothing is asked and nothing is done.
    fn open<'a>(
        &'a self,
        ctx: &'a Context,
        operation: &'static Operation<Self>,
        arguments: &Arguments,
    ) -> impl Future<Output = Result<Self::State<'a>, ShortCircuit>>;

    /// Runs a call as the behaviour of its operation says; [`Call::plain`] where it has none.
    fn run(call: &Call<'_, Self>) -> impl Future<Output = CallOutcome>;

    /// Sends the operation's request, and explains what fails. The answer went through
    /// [`crate::redact()`]: nothing behind this looks for secret keys.
    fn answer(call: &Call<'_, Self>) -> impl Future<Output = Result<Value, ShortCircuit>>;

    /// Reads the list that an operation answers with; `name` is the list's. Without another
    /// implementation the answer is the whole list.
    fn list(
        call: &Call<'_, Self>,
        _name: &'static str,
    ) -> impl Future<Output = Result<Listing, ShortCircuit>> {
        async move {
            match Self::answer(call).await? {
                Value::Array(items) => Ok(Listing { items, total: None, truncated: false }),
                other => {
                    let (came, service) = (type_name(&other), Self::NAME);
                    let text = format!(
                        "{service}'s answer is not as expected: {came} came where a list was expected."
                    );
                    Err(CallToolResult::error(text).into())
                }
            }
        }
    }

    /// What a call would destroy, as it is now: the text of the consent form. It only reads, and it is
    /// the same as long as nothing changes.
    fn losses(call: &Call<'_, Self>) -> impl Future<Output = Result<String, ShortCircuit>> {
        ready(Ok(call.losses()))
    }

    /// Saves the present state, for operations with `checkpoint` whose person wants it before.
    fn checkpoint(_call: &Call<'_, Self>) -> impl Future<Output = Result<(), ShortCircuit>> {
        ready(Ok(()))
    }

    /// Whether the call only tries, so that it needs no consent.
    fn is_dry(_call: &Call<'_, Self>) -> bool {
        false
    }

    /// Announces the changes of a call that has ended.
    fn announce(_call: &Call<'_, Self>, _result: &CallToolResult) {}
}

/// The text beside the data of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultText {
    /// The labelled fields of the shape, and a sentence.
    Lines,
    /// The data once more, as compact JSON without what is null.
    Json,
}
