//! Where statements end, and where they do not.

use proptest::prelude::*;

use super::*;

#[test]
fn statements_end_with_a_semicolon_or_the_script() {
    for (script, statements) in [
        ("", vec![]),
        (" \n ", vec![]),
        ("SELECT 1", vec!["SELECT 1"]),
        (" SELECT 1 ; SELECT 2 ", vec!["SELECT 1 ;", "SELECT 2"]),
        ("SELECT 1;;SELECT 2;", vec!["SELECT 1;", "SELECT 2;"]),
        ("SELECT 1; ;SELECT 2", vec!["SELECT 1;", ";", "SELECT 2"]),
        (";", vec![]),
        ("SELECT 'žluť;';SELECT 1", vec!["SELECT 'žluť;';", "SELECT 1"]),
    ] {
        assert_eq!(split(script), statements, "{script}");
    }
}

#[test]
fn semicolons_in_strings_blocks_and_comments_end_nothing() {
    for script in [
        "SELECT 'a;b'",
        r"SELECT 'it\'s;'",
        "SELECT 'it''s;'",
        "SELECT \"a;b\"",
        r#"SELECT "a\";b""#,
        "EXECUTE $$ BEGIN; END; $$",
        "SELECT /* a; b */ 1",
        "SELECT /* * ; ** */ 1",
        "SELECT 1 -- a; b",
        "SELECT 1 // a; b",
        "SELECT 1 # a; b",
        "SELECT 1 -- it's; so\n+ 1",
        "SELECT '-- no comment' /* ' */ + ';'",
    ] {
        assert_eq!(split(script), [script], "{script}");
        assert_eq!(split(&format!("{script}\n;SELECT 2")).len(), 2, "{script}");
    }
}

#[test]
fn a_dash_a_slash_and_a_dollar_are_ordinary() {
    assert_eq!(split("SELECT 1 - 2 / 3, $1; SELECT a-b"), ["SELECT 1 - 2 / 3, $1;", "SELECT a-b"]);
    assert_eq!(split("SELECT /*/; */ 1; x"), ["SELECT /*/; */ 1;", "x"]);
    assert_eq!(split("$$$;$$ 1; x"), ["$$$;$$ 1;", "x"]);
}

#[test]
fn what_is_not_closed_is_ordinary_text() {
    for (script, statements) in [
        ("SELECT 'a; b", vec!["SELECT 'a;", "b"]),
        ("SELECT \"a; b", vec!["SELECT \"a;", "b"]),
        ("SELECT /* a; b", vec!["SELECT /* a;", "b"]),
        ("$$ a; b", vec!["$$ a;", "b"]),
        ("'a\\\n;b'; c", vec!["'a\\\n;", "b';", "c"]),
        ("'a\\", vec!["'a\\"]),
        (r"'\'; 'x;y'", vec![r"'\'; 'x;", "y'"]),
        (r"'\'; x", vec![r"'\';", "x"]),
    ] {
        assert_eq!(split(script), statements, "{script}");
    }
}

#[test]
fn a_joined_script_has_an_empty_line_after_each_statement() {
    assert_eq!(join(["SELECT 1;", " ", " SELECT 2; "]), "SELECT 1;\n\nSELECT 2;\n\n");
    assert_eq!(join([]), "");
}

#[test]
fn hostile_scripts_take_linear_time() {
    for pattern in ["'", "\"", "'\\", "\\'", "$$$", "/*", "/", "-", ";", "'\"", "$", "/*'", "a'\\'"]
    {
        let script = pattern.repeat(MAX_SQL_CHARACTERS / pattern.len());
        let started = std::time::Instant::now();
        split(&script);
        split(&format!("{script}\n"));
        // A slow build on a busy machine takes a second; a quadratic scan takes minutes.
        assert!(started.elapsed().as_secs() < 30, "{pattern}");
    }
}

/// The same rules without anything kept between tokens.
fn split_slowly(script: &str) -> Vec<String> {
    let (mut statements, mut current, mut rest) = (Vec::new(), String::new(), script);
    while !rest.is_empty() {
        let (token, after) = rest.split_at(token_length(rest));
        if token == ";" {
            if !current.trim().is_empty() {
                statements.push(format!("{current};").trim().to_owned());
            } else if !current.is_empty() {
                statements.push(";".to_owned());
            }
            current.clear();
        } else {
            current.push_str(token);
        }
        rest = after;
    }
    statements.extend(Some(current.trim().to_owned()).filter(|rest| !rest.is_empty()));
    statements
}

/// The bytes of the first token of a text that is not empty.
fn token_length(text: &str) -> usize {
    let first = text.chars().next().unwrap();
    let after = match first {
        '\'' | '"' => after_string(&text[1..], first),
        _ if text.starts_with("$$") => after_end(&text[2..], "$$"),
        _ if text.starts_with("/*") => after_end(&text[2..], "*/"),
        _ if ["#", "--", "//"].iter().any(|start| text.starts_with(start)) => {
            Some(text.trim_start_matches(|c| !matches!(c, '\n' | '\r')))
        }
        _ => None,
    };
    after.map_or(first.len_utf8(), |after| text.len().saturating_sub(after.len()))
}

fn after_end<'t>(inner: &'t str, end: &str) -> Option<&'t str> {
    inner.split_once(end).map(|(_, after)| after)
}

fn after_string(inner: &str, quote: char) -> Option<&str> {
    let mut characters = inner.chars();
    loop {
        match characters.next()? {
            '\\' if characters.next()? == '\n' => return None,
            found if found == quote => return Some(characters.as_str()),
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn the_scan_is_the_one_without_shortcuts(script in "['\"\\\\$/*;#\\-\n\ra ž]{0,60}") {
        prop_assert_eq!(split(&script), split_slowly(&script));
    }

    #[test]
    fn nothing_but_white_space_and_semicolons_is_lost(script in ".{0,60}|[';$/*\\-\n a]{0,60}") {
        let essential = |text: &str| -> String {
            text.chars().filter(|c| !c.is_whitespace() && *c != ';').collect()
        };
        prop_assert_eq!(essential(&split(&script).concat()), essential(&script));
    }
}
