//! The shell's commands.

use super::wp_cli;
use crate::sitebay::data::{Place, Site};

/// Where the shell starts: the folder the site's files are in.
pub(super) const HOME: &str = "/bitnami/wordpress/wp-content";

/// A shell on a site or its stage.
pub(super) struct Shell<'a> {
    /// The site.
    pub(super) site: &'a mut Site,
    /// Whether it is on the stage.
    pub(super) stage: bool,
    /// Where it is.
    pub(super) cwd: String,
}

/// A command's output, and whether it succeeds.
pub(super) type Printed = (String, bool);

/// A success.
pub(super) fn ok(text: impl Into<String>) -> Printed {
    (text.into(), true)
}

/// A failure.
pub(super) fn fails(text: impl Into<String>) -> Printed {
    (text.into(), false)
}

impl Shell<'_> {
    /// Runs one command, given what the one before it printed.
    pub(super) fn command(&mut self, words: &[String], input: &str) -> Printed {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let at = words.iter().position(|word| *word == ">" || *word == ">>");
        let Some((command, target)) = at.and_then(|at| words.split_at_checked(at)) else {
            return self.plain(&words, input);
        };
        let (text, ok) = self.plain(command, input);
        if let [how, path, ..] = target {
            return self.write(path, &text, *how == ">>");
        }
        (text, ok)
    }

    fn plain(&mut self, words: &[&str], input: &str) -> Printed {
        let (Some(name), arguments) = (words.first(), words.get(1..).unwrap_or_default()) else {
            return ok("");
        };
        let plain: Vec<&str> = arguments.iter().copied().filter(|a| !a.starts_with('-')).collect();
        match *name {
            "cd" => self.enter(plain.first().copied().unwrap_or("~")),
            "pwd" => ok(self.cwd.clone()),
            "ls" => self.list(plain.first().copied().unwrap_or(".")),
            "echo" => ok(arguments.join(" ")),
            "cat" => self.text_of(plain.first(), input),
            "head" | "tail" => self.part(name, arguments, input),
            "wc" => {
                self.text_of(plain.first(), input).map_ok(|text| text.lines().count().to_string())
            }
            "grep" => self.grep(&plain, input),
            "rm" => self.remove(&plain),
            "touch" => plain.first().map_or_else(|| ok(""), |path| self.write(path, "", true)),
            "mkdir" | "chmod" | "chown" | "true" => ok(""),
            "false" => fails(""),
            "whoami" => ok("bitnami"),
            "php" => ok("PHP 8.3.20 (cli)"),
            "wp" => wp_cli::run(self, arguments),
            _ => fails(format!("bash: {name}: command not found")),
        }
    }

    /// The content of the site or its stage.
    pub(super) fn place(&self) -> &Place {
        self.site.place(self.stage).unwrap_or(&self.site.live)
    }

    /// A path as the site's files have it; `None` outside of them.
    fn inside(&self, path: &str) -> Option<String> {
        let whole = joined(&self.cwd, path);
        if whole == HOME {
            return Some(String::new());
        }
        whole.strip_prefix(HOME)?.strip_prefix('/').map(str::to_owned)
    }

    fn enter(&mut self, target: &str) -> Printed {
        self.cwd = joined(&self.cwd, target);
        ok("")
    }

    fn list(&self, path: &str) -> Printed {
        let missing = || fails(format!("ls: cannot access '{path}': No such file or directory"));
        let Some(folder) = self.inside(path) else {
            return missing();
        };
        let files = self.place().files();
        if files.contains_key(&folder) {
            return ok(path);
        }
        let start = if folder.is_empty() { folder } else { format!("{folder}/") };
        let below = files.keys().filter_map(|path| path.strip_prefix(&start));
        let mut names: Vec<&str> = below.filter_map(|rest| rest.split('/').next()).collect();
        names.dedup();
        if names.is_empty() { missing() } else { ok(names.join("\n")) }
    }

    fn text_of(&self, path: Option<&&str>, input: &str) -> Printed {
        let Some(path) = path else {
            return ok(input);
        };
        let inside = self.inside(path);
        match inside.and_then(|inside| self.place().files().get(&inside)) {
            Some(text) => ok(text.trim_end_matches('\n')),
            None => fails(format!("cat: {path}: No such file or directory")),
        }
    }

    /// `head` and `tail`, with `-n 5`, `-n5` or `-5`.
    fn part(&self, name: &str, arguments: &[&str], input: &str) -> Printed {
        let number = |word: &str| word.trim_start_matches(['-', 'n']).parse::<usize>().ok();
        let count = arguments.iter().find_map(|word| number(word)).unwrap_or(10);
        let path = arguments.iter().rfind(|word| !word.starts_with('-') && number(word).is_none());
        self.text_of(path, input).map_ok(|text| {
            let lines: Vec<&str> = text.lines().collect();
            let skip = if name == "tail" { lines.len().saturating_sub(count) } else { 0 };
            let part: Vec<&str> = lines.into_iter().skip(skip).take(count).collect();
            part.join("\n")
        })
    }

    fn grep(&self, plain: &[&str], input: &str) -> Printed {
        let Some(pattern) = plain.first() else {
            return fails("usage: grep PATTERN [FILE]");
        };
        let (text, found) = self.text_of(plain.get(1), input);
        if !found {
            return fails(text);
        }
        let lines: Vec<&str> = text.lines().filter(|line| line.contains(*pattern)).collect();
        (lines.join("\n"), !lines.is_empty())
    }

    fn write(&mut self, path: &str, text: &str, append: bool) -> Printed {
        let Some(inside) = self.inside(path).filter(|inside| !inside.is_empty()) else {
            return fails(format!("bash: {path}: Permission denied"));
        };
        let line = if text.is_empty() { String::new() } else { format!("{text}\n") };
        if let Some(place) = self.site.place_mut(self.stage) {
            place.change_files(|files| {
                let file = files.entry(inside).or_default();
                if !append {
                    file.clear();
                }
                file.push_str(&line);
            });
        }
        ok("")
    }

    /// Removes files, and folders with what is in them.
    fn remove(&mut self, paths: &[&str]) -> Printed {
        let targets: Vec<String> = paths.iter().filter_map(|path| self.inside(path)).collect();
        let hit = |path: &str| {
            targets.iter().any(|target| {
                let rest = path.strip_prefix(target.as_str());
                rest.is_some_and(|rest| {
                    rest.is_empty() || target.is_empty() || rest.starts_with('/')
                })
            })
        };
        if !self.place().files().keys().any(|path| hit(path)) {
            let names = paths.join(" ");
            return fails(format!("rm: cannot remove '{names}': No such file or directory"));
        }
        if let Some(place) = self.site.place_mut(self.stage) {
            place.change_files(|files| files.retain(|path, _| !hit(path)));
        }
        ok("")
    }
}

trait MapOk {
    fn map_ok(self, change: impl FnOnce(&str) -> String) -> Printed;
}

impl MapOk for Printed {
    fn map_ok(self, change: impl FnOnce(&str) -> String) -> Printed {
        if self.1 { (change(&self.0), true) } else { self }
    }
}

/// A path seen from a folder, without `.` and `..` in it.
fn joined(cwd: &str, path: &str) -> String {
    if path == "~" {
        return HOME.to_owned();
    }
    let start = if path.starts_with('/') { "" } else { cwd };
    let mut parts: Vec<&str> = Vec::new();
    for part in start.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
