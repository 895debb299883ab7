//! A whole second toolset: a read, a change with consent, and a tool with behaviour, as JSON, on two hosts.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod rename;
mod service;
mod settings;

use std::{cell::RefCell, fs, path::Path, rc::Rc};

use catalogue::{Form, Placed, arguments::Arguments, find, groups, run};
use catalogue_build::Catalogue;
use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use mcp_protocol::{
    capabilities::ClientCapabilities,
    content::{CallToolResult, ContentBlock},
    stateless::mrtr::KeyedRequest,
};
use mcp_server::{
    client_request::Stop,
    context::{Consent, Context},
    notifier::Notifier,
    tasks::TaskPolicy,
    testing::{FakePlatform, ScriptedResponse, json as answers},
    toolset::{Effect, Visibility},
};
use serde_json::{Value, json, value::to_raw_value};
use service::Shelf;

const BOOK: &str = "6f1c2b1e-8f0a-4c57-9d0e-0a9b8c7d6e5f";

/// A person who gives one answer to each question.
struct Person {
    agrees: bool,
    asked: RefCell<Vec<String>>,
}

impl Notifier for Person {
    fn ask(
        &self,
        questions: Vec<KeyedRequest>,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        let message = questions[0].question.params()["message"].as_str().unwrap().to_owned();
        self.asked.borrow_mut().push(message);
        let content = json!({ "confirm": self.agrees });
        ready(Ok(vec![json!({ "action": "accept", "content": content })])).boxed_local()
    }

    fn capabilities(&self) -> ClientCapabilities {
        ClientCapabilities::ELICITATION_FORM
    }
}

fn call(ctx: &Context, tool: &str, arguments: Value) -> (String, CallToolResult) {
    let raw = to_raw_value(&arguments).unwrap();
    let shelf = Shelf { is_open: true };
    let called = run(&shelf, ctx, find(tool).unwrap(), Some(&raw));
    let result = pollster::block_on(called).unwrap();
    let [ContentBlock::Text { text }] = result.content.as_slice() else {
        panic!("not one text: {:?}", result.content)
    };
    (text.clone(), result)
}

/// Calls a tool for a person: the text, the data, what was sent, and what they were asked.
fn call_for(
    agrees: bool,
    script: Vec<ScriptedResponse>,
    tool: &str,
    arguments: Value,
) -> (String, Option<Value>, Vec<String>, Vec<String>) {
    let fake = FakePlatform::new(script);
    let person = Rc::new(Person { agrees, asked: RefCell::default() });
    let ctx = Context { notifier: person.clone(), ..fake.context() };
    let (text, result) = call(&ctx, tool, arguments);
    (text, result.structured_content, sent(&fake), person.asked.take())
}

fn sent(fake: &FakePlatform) -> Vec<String> {
    let line = |request: &mcp_platform::OutboundRequest| {
        let body = request.body.clone().unwrap_or_default();
        format!("{:?} {} {body}", request.method, request.url).trim_end().to_owned()
    };
    fake.requests().iter().map(line).collect()
}

/// Run it with `INSTA_UPDATE=always` to write the table instead.
#[test]
fn the_table_is_what_the_build_step_makes_of_the_catalogue() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shelf");
    let catalogue = Catalogue::read(&folder.join("catalogue")).unwrap();
    assert_eq!(catalogue.problems(&settings::SETTINGS), [""; 0]);
    let table = catalogue.table(&catalogue.definitions(&settings::SETTINGS)).unwrap();
    let file = folder.join("table.rs");
    if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
        fs::write(&file, &table).unwrap();
    }
    assert!(fs::read_to_string(&file).unwrap() == table, "tests/shelf/table.rs is not current");
}

#[test]
fn the_tools_are_declared_as_the_catalogue_says() {
    assert_eq!(groups::<Shelf>(), ["books"]);
    let tool = |name: &str| find::<Shelf>(name).unwrap().tool();
    let listed = tool("shelf_list_books");
    assert_eq!((listed.effect, listed.visibility), (Effect::Read, Visibility::Default));
    assert!(matches!(tool("shelf_delete_book").task_policy, TaskPolicy::Never));
    assert!(matches!(tool("shelf_rename_book").task_policy, TaskPolicy::AtBegin));
    assert!(find::<Shelf>("sitebay_list_sites").is_none());
    let definition: Value = serde_json::from_str(listed.definition).unwrap();
    let total = &definition["outputSchema"]["properties"]["total"]["description"];
    assert_eq!(total, "How many Shelf says there are.");
}

#[test]
fn a_list_is_placed_redacted_conformed_and_shown_as_json() {
    let book = json!({"id": BOOK, "title": "Emma", "year": "1815", "pin": 7, "#key": "KEY",
        "loans": [{"who": "Ann", "token": "TOKEN", "since": 3}, "Bob"]});
    let fake = FakePlatform::new([answers(200, json!([book]))]);
    let arguments = json!({"shelf": "a/b", "limit": 3});
    let (text, result) = call(&fake.context(), "shelf_list_books", arguments);
    let url = "https://catalogue.shelf.test/shelves/a%2Fb/books?sortBy=title&limit=3";
    assert_eq!(sent(&fake), [format!("Get {url}")]);
    let data = result.structured_content.unwrap();
    let shown = r##"{"books":[{"#key":"[redacted]","id":""##;
    assert!(text.starts_with(shown) && !text.contains("\"year\":"), "{text}");
    assert!(text.contains("\nWarnings:\n- books[0].year is a string"), "{text}");
    assert_eq!(data["count"], 1);
    let loan = json!({"who": "Ann", "token": "[redacted]", "since": null});
    assert_eq!(
        data["books"][0],
        json!({"id": BOOK, "title": "Emma", "year": null, "pin": "[redacted]",
            "#key": "[redacted]", "loans": [loan]})
    );
    assert_eq!(
        data["warnings"],
        json!([
            "books[0].year is a string, not an integer; it is null here",
            "books[0].loans[0].since is a number, not a string; it is null here",
            "books[0].loans[1] is a string, not an object; it was left out",
        ])
    );
}

#[test]
fn an_answer_that_is_no_list_is_an_error_in_the_services_name() {
    let fake = FakePlatform::new([answers(200, json!({"books": []}))]);
    let (text, result) = call(&fake.context(), "shelf_list_books", json!({"shelf": "a"}));
    assert!(result.is_error);
    let told = "Shelf's answer is not as expected: an object came where a list was expected.";
    assert_eq!(text, told);
}

#[test]
fn wrong_arguments_are_refused_before_anything_is_sent() {
    let fake = FakePlatform::new([]);
    let arguments = json!({"shelf": "", "sort_by": "colour", "limit": 501, "x": 1});
    let (text, result) = call(&fake.context(), "shelf_list_books", arguments);
    assert!(result.is_error && sent(&fake).is_empty());
    assert_eq!(
        text,
        "The arguments of shelf_list_books are not valid; nothing was done.\n\
         - x: there is no such parameter; there are limit, shelf, sort_by\n\
         - limit: expected an integer from 1 to 500; got the number 501\n\
         - shelf: expected a string that is not empty; got the string \"\"\n\
         - sort_by: expected one of title, year; got the string \"colour\""
    );
}

#[test]
fn a_person_agrees_to_the_losses_of_a_change() {
    let arguments = json!({"book": BOOK, "confirm": true});
    let gone = || vec![answers(200, json!("gone"))];
    let (text, data, sent, asked) = call_for(true, gone(), "shelf_delete_book", arguments.clone());
    assert_eq!(
        asked,
        [format!("Delete a book\nThis would be lost: The book {BOOK} and all its loans.")]
    );
    assert_eq!(sent, [format!("Delete https://register.shelf.test/books/{BOOK}?")]);
    assert_eq!((text.as_str(), data), ("{\"result\":\"gone\"}", Some(json!({"result": "gone"}))));
    let (text, _, sent, _) = call_for(false, gone(), "shelf_delete_book", arguments);
    assert!(text.starts_with("The person said no") && sent.is_empty(), "{text}");
}

#[test]
fn without_a_person_only_an_argument_agrees_and_not_where_the_operator_refuses() {
    let fake = FakePlatform::new([]);
    let (text, _) = call(&fake.context(), "shelf_delete_book", json!({"book": BOOK}));
    assert!(
        text.ends_with("Ask the person; if they agree, call again with confirm: true."),
        "{text}"
    );
    let ctx = Context { consent: Consent::Refuse, ..fake.context() };
    let (text, _) = call(&ctx, "shelf_delete_book", json!({"book": BOOK, "confirm": true}));
    assert!(text.ends_with("Tell them to use a client that can ask, or Shelf itself."), "{text}");
    assert!(sent(&fake).is_empty());
}

#[test]
fn a_behaviour_shows_the_difference_before_it_makes_it() {
    let book = |title: &str| answers(200, json!({"id": BOOK, "title": title}));
    let script = || vec![book("Emma"), book("Emma"), book("Persuasion")];
    let arguments = json!({"book": BOOK, "title": "Persuasion"});
    let (text, data, sent, asked) =
        call_for(true, script(), "shelf_rename_book", arguments.clone());
    assert_eq!(asked, ["Rename a book\n- title: Emma\n+ title: Persuasion"]);
    let url = format!("https://catalogue.shelf.test/books/{BOOK}");
    let put = format!("Put {url} {{\"title\":\"Persuasion\"}}");
    assert_eq!(sent, [format!("Get {url}"), format!("Get {url}"), put]);
    let renamed = json!({"id": BOOK, "title": "Persuasion"});
    assert_eq!((text, data), (renamed.to_string(), Some(json!({ "result": renamed }))));
    // Nothing came back: what may have happened is said.
    let script = vec![book("Emma"), book("Emma")];
    let (text, data, _, _) = call_for(true, script, "shelf_rename_book", arguments);
    assert!(data.is_none() && text.starts_with("The title MAY be another one now."), "{text}");
}

#[test]
fn a_loss_that_changes_while_the_person_reads_is_asked_about_again() {
    let script = (0..9).map(|n| answers(200, json!({"title": n.to_string()}))).collect();
    let arguments = json!({"book": BOOK, "title": "Persuasion"});
    let (text, _, sent, asked) = call_for(true, script, "shelf_rename_book", arguments);
    assert_eq!((asked.len(), sent.len()), (3, 4));
    assert_eq!(text, <Shelf as catalogue::Service>::UNSETTLED);
}

#[test]
fn a_call_that_the_service_does_not_open_is_over() {
    let fake = FakePlatform::new([]);
    let (ctx, shelf) = (fake.context(), Shelf { is_open: false });
    let raw = to_raw_value(&json!({"shelf": "a"})).unwrap();
    let called = run(&shelf, &ctx, find("shelf_list_books").unwrap(), Some(&raw));
    let result = pollster::block_on(called).unwrap();
    assert!(result.is_error && sent(&fake).is_empty());
    let [ContentBlock::Text { text }] = result.content.as_slice() else { panic!("not one text") };
    assert_eq!(text, "The shelf is closed.");
}

#[test]
fn what_a_tool_without_a_request_is_given_is_sent_nowhere() {
    let operation = find::<Shelf>("shelf_rename_book").unwrap();
    let raw = to_raw_value(&json!({"book": BOOK, "title": "T"})).unwrap();
    let arguments = Arguments::check(operation, Some(&raw)).unwrap();
    let placed = Placed { form: Form::of(operation), arguments: &arguments };
    assert_eq!((placed.path().as_deref(), placed.query().len()), (Some(""), 0));
    assert_eq!(placed.body(), None);
}
