//! The shell: lines of commands, answered from what the site holds.
//!
//! `&&`, `;`, `|`, quotes, `>` and `>>` work; variables, loops and the rest do not.

use serde_json::json;

use super::commands::{HOME, Shell};
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::{boolean, string};
use crate::sitebay::data::World;
use crate::sitebay::route::{Outcome, Route, post};

pub(super) const ROUTES: &[Route] = &[post("/site/{fqdn}/cmd", run).until_march()];

/// Runs a line. With `auto_track_dir` the directory it ends in is answered, else the one it began
/// in.
fn run(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let line = form.required("cmd", string);
    let cwd = form.given("cwd", string);
    let track = form.given("auto_track_dir", boolean).unwrap_or(false);
    form.finish()?;
    let (site, stage) = world.target_mut(ask.fqdn())?;
    site.require_idle()?;

    let began = cwd.unwrap_or_else(|| HOME.to_owned());
    let mut shell = Shell { site, stage, cwd: began.clone() };
    let mut output: Vec<String> = Vec::new();
    let mut skips = false;
    for step in steps(&line) {
        if skips {
            skips = step.stops;
            continue;
        }
        let (text, ok) = pipe(&mut shell, &step.pipe);
        output.extend((!text.is_empty()).then_some(text));
        skips = !ok && step.stops;
    }
    let cwd = if track { shell.cwd } else { began };
    let response = output.join("\n");
    site.events.note("wordpress", "info", format!("Shell: {line}"));
    Ok(Reply::ok(&json!({ "response": response, "cwd": cwd })))
}

/// Commands whose output goes from one to the next.
struct Step {
    pipe: Vec<Vec<String>>,
    /// Whether what follows is only run if this succeeds.
    stops: bool,
}

fn pipe(shell: &mut Shell<'_>, commands: &[Vec<String>]) -> (String, bool) {
    let mut carried = (String::new(), true);
    for words in commands {
        carried = shell.command(words, &carried.0);
    }
    carried
}

fn steps(line: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut pipe: Vec<Vec<String>> = Vec::new();
    let mut words = Vec::new();
    for token in tokens(line) {
        match token {
            Token::Word(word) => words.push(word),
            Token::Mark("|") => pipe.push(std::mem::take(&mut words)),
            Token::Mark(mark) => {
                pipe.push(std::mem::take(&mut words));
                steps.push(Step { pipe: std::mem::take(&mut pipe), stops: mark == "&&" });
            }
        }
    }
    pipe.push(words);
    steps.push(Step { pipe, stops: false });
    steps
}

enum Token {
    Word(String),
    Mark(&'static str),
}

fn tokens(line: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        let mark = match c {
            _ if quote == Some(c) => {
                quote = None;
                continue;
            }
            '\\' if quote != Some('\'') => {
                word.get_or_insert_default().extend(characters.next());
                continue;
            }
            _ if quote.is_some() => {
                word.get_or_insert_default().push(c);
                continue;
            }
            '"' | '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
                continue;
            }
            '&' if characters.next_if_eq(&'&').is_some() => Some("&&"),
            '|' => Some("|"),
            ';' | '\n' => Some(";"),
            _ if c.is_whitespace() => None,
            _ => {
                word.get_or_insert_default().push(c);
                continue;
            }
        };
        found.extend(word.take().map(Token::Word));
        found.extend(mark.map(Token::Mark));
    }
    found.extend(word.map(Token::Word));
    found
}
