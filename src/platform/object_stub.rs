//! Calls of Durable Objects. Every call of the server goes through [`ObjectStub`], which ends it at a
//! deadline, so that no caller waits for an object that hangs.

use std::time::Duration;

use js_sys::{Array, Promise};
use thiserror::Error;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use worker::{Env, Error, Headers, Request, Result};

use crate::platform::{
    http::{self, Response},
    request,
};
use mcp_platform::message::{self, Message};

/// How long an object may take for its whole answer.
pub const DEADLINE: Duration = Duration::from_secs(5);
/// How long an object may take to begin its answer to a client's request, whose body it reads first and
/// for which it may ask other objects. Calls answer or stream after 250 ms; a longer wait is an object
/// that starts cold, or one that is broken.
const CLIENT_DEADLINE: Duration = Duration::from_secs(20);

/// Why an object did not answer.
#[derive(Debug, Error)]
pub enum CallError {
    /// Not before the deadline.
    #[error("no answer in {} s", .0.as_secs())]
    TimedOut(Duration),
    /// It failed, or could not be reached.
    #[error("{0}")]
    Failed(#[from] Error),
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Failed(error) => error,
            late => Self::RustError(late.to_string()),
        }
    }
}

/// One object.
pub struct ObjectStub(Fetcher);

impl ObjectStub {
    /// The object of this name behind a binding.
    ///
    /// # Errors
    /// Where there is no such binding.
    pub fn named(env: &Env, binding: &str, name: &str) -> Result<Self> {
        Ok(Self(env.durable_object(binding)?.get_by_name(name)?.into_rpc()))
    }

    /// Sends a request: status and body of the answer, which must be whole before the deadline.
    ///
    /// # Errors
    /// Where it is not. The object may have done what was asked of it all the same.
    pub async fn text(&self, request: &Request) -> std::result::Result<(u16, String), CallError> {
        self.text_within(request, DEADLINE).await
    }

    /// The same for what takes the object longer.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub async fn text_within(
        &self,
        request: &Request,
        deadline: Duration,
    ) -> std::result::Result<(u16, String), CallError> {
        let sent = read(&self.0, millis(deadline), request.inner());
        Ok(status_and_text(&answered(sent, deadline).await?))
    }

    /// The same of an object that is not this server's own: of a longer answer the beginning, with at least so many bytes.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub async fn beginning_within(
        &self,
        request: &Request,
        deadline: Duration,
        at_least: u32,
    ) -> std::result::Result<(u16, String), CallError> {
        let sent = begun(&self.0, millis(deadline), request.inner(), at_least);
        Ok(status_and_text(&answered(sent, deadline).await?))
    }

    /// Asks the object. One of version 0.1.0, which does not know requests in JSON, is asked in its form.
    ///
    /// # Errors
    /// As [`Self::text`], and where the answer cannot be read.
    pub async fn ask<M: Message>(
        &self,
        message: &M,
        headers: &Headers,
    ) -> std::result::Result<M::Answer, CallError> {
        let json = message.to_json();
        let (status, text) = self.post(&message::path(&json), Some(&json), headers).await?;
        if let Some(answer) = message::read_answer::<M>(status, &text) {
            return Ok(answer);
        }
        if !matches!(status, 200 | 404) {
            return Err(CallError::Failed(answers(status)));
        }
        let old = message.to_0_1_0();
        let (status, text) = self.post(&old.path, old.body.as_deref(), headers).await?;
        let answer = message.read_answer_of_0_1_0(status, &text);
        answer.ok_or_else(|| CallError::Failed(answers(status)))
    }

    async fn post(
        &self,
        path: &str,
        body: Option<&str>,
        headers: &Headers,
    ) -> std::result::Result<(u16, String), CallError> {
        let url = format!("https://object{path}");
        self.text(&request::request("POST", &url, headers, body)?).await
    }

    /// Sends a request that is answered with a socket, which must be there before the deadline.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub async fn open(
        &self,
        request: &Request,
    ) -> std::result::Result<worker::Response, CallError> {
        let sent = asked(&self.0, millis(DEADLINE), request.inner());
        let response: Response = answered(sent, DEADLINE).await?;
        Ok(response.into())
    }

    /// Passes a client's request on with its body unread. `lines`: its headers, names and values in turn.
    ///
    /// # Errors
    /// As [`Self::text`], under the longer deadline of such requests.
    pub async fn pass_on(
        &self,
        request: &http::Request,
        url: &str,
        lines: &str,
    ) -> std::result::Result<Response, CallError> {
        let method = request.method();
        let (limit, method) = (millis(CLIENT_DEADLINE), method.as_ref());
        answered(passed(&self.0, limit, method, url, lines, request.inner()), CLIENT_DEADLINE).await
    }
}

#[wasm_bindgen]
extern "C" {
    /// An object's stub, as the runtime has it.
    type Fetcher;
}

#[wasm_bindgen(module = "/src/platform/http/glue.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn asked(
        object: &Fetcher,
        millis: u32,
        request: &web_sys::Request,
    ) -> std::result::Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    fn read(
        object: &Fetcher,
        millis: u32,
        request: &web_sys::Request,
    ) -> std::result::Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    fn begun(
        object: &Fetcher,
        millis: u32,
        request: &web_sys::Request,
        most: u32,
    ) -> std::result::Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    fn passed(
        object: &Fetcher,
        millis: u32,
        method: &str,
        url: &str,
        lines: &str,
        request: &web_sys::Request,
    ) -> std::result::Result<Promise, JsValue>;
}

fn status_and_text(answer: &Array) -> (u16, String) {
    let status = answer.get(0).as_f64().unwrap_or_default();
    // A status has three digits.
    (status as u16, answer.get(1).as_string().unwrap_or_default())
}

/// The error of an answer that says nothing. Its text may be secret.
fn answers(status: u16) -> Error {
    Error::RustError(format!("the object answers {status}"))
}

fn millis(deadline: Duration) -> u32 {
    u32::try_from(deadline.as_millis()).unwrap_or(u32::MAX)
}

/// The outcome of a call; null stands for the deadline.
async fn answered<T: JsCast>(
    sent: std::result::Result<Promise, JsValue>,
    deadline: Duration,
) -> std::result::Result<T, CallError> {
    match JsFuture::from(sent.map_err(Error::from)?).await {
        Ok(late) if late.is_null() => Err(CallError::TimedOut(deadline)),
        Ok(answer) => Ok(answer.unchecked_into()),
        Err(error) => Err(CallError::Failed(error.into())),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{fs, path::Path};

    /// Ways past the deadline.
    const DIRECT: [&str; 5] =
        ["fetch_with_request", "fetch_with_str", "fetch_with_init", ".durable_object(", "get_stub"];

    pub(crate) fn each_source(folder: &Path, check: &mut dyn FnMut(&str, &str)) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => each_source(&path, check),
                false => check(path.to_str().unwrap(), &fs::read_to_string(&path).unwrap()),
            }
        }
    }

    #[test]
    fn no_object_is_called_without_a_deadline() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut stubs = 0;
        each_source(&root, &mut |path, text| {
            if path.ends_with("object_stub.rs") {
                return;
            }
            for way in DIRECT {
                assert!(!text.contains(way), "{path} has `{way}`: use ObjectStub");
            }
            stubs += text.matches("ObjectStub::named(").count();
        });
        assert!(stubs >= 5, "{stubs}");
        let glue = include_str!("../platform/http/glue.js");
        for line in glue.lines().filter(|line| line.contains("object.fetch(")) {
            assert!(line.contains("return within(millis, "), "{line}");
        }
    }
}
