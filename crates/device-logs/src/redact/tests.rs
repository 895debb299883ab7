use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;

use super::*;

fn knowing<'a>(values: &[(&'a str, &'a str)]) -> Redactor {
    Redactor::new(values.iter().copied()).unwrap()
}

/// The lines of a batch after redaction.
fn redacted(redactor: &Redactor, lines: &[&str], carry: &mut Carry) -> Vec<String> {
    let mut texts: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    let mut lines: Vec<_> = texts.iter_mut().map(|text| Line { text, is_cut: false }).collect();
    redactor.lines(&mut lines, carry);
    texts
}

#[test]
fn a_known_value_is_replaced_by_its_name_in_every_form() {
    let secret = "p\"4\\ss/wörd +1";
    let redactor = knowing(&[("DB PASSWORD", secret)]);
    let percent = "p%224%5css%2Fw%C3%B6rd%20%2B1";
    let form = "p%224%5Css%2Fw%C3%B6rd+%2B1";
    let json = serde_json::to_string(secret).unwrap();
    let twice = serde_json::to_string(&json).unwrap();
    let basic = STANDARD.encode(format!("user:{secret}"));
    let encoded = STANDARD.encode(secret);
    for text in [secret, percent, form, &json, &twice, &encoded, &basic] {
        let shown = redactor.text(&format!("before <{text}> after"));
        assert!(shown.contains("•••(DB_PASSWORD)"), "{text}: {shown}");
        assert!(shown.starts_with("before <") && shown.ends_with("> after"), "{shown}");
        assert!(!shown.contains("ss/w") && !shown.contains("%2Fw"), "{shown}");
    }
    assert_eq!(redactor.text(secret), "•••(DB_PASSWORD)");
}

#[test]
fn a_value_of_several_lines_is_found_over_line_breaks_of_the_same_batch() {
    let redactor = knowing(&[("KEY", "first part\nsecond part\r\nthird part\n")]);
    let mut carry = Carry::default();
    let lines = ["x first part", "second part", "third part y", "next"];
    let shown = redacted(&redactor, &lines, &mut carry);
    assert_eq!(shown, ["x •••(KEY)", "•••(KEY)", "•••(KEY) y", "next"]);
    assert_eq!(
        redactor.text(r#"{"k":"first part\nsecond part\r\nthird part\n"}"#),
        r#"{"k":"•••(KEY)"}"#
    );
}

#[test]
fn values_that_overlap_are_taken_out_whole() {
    let redactor = knowing(&[("A", "abcdef"), ("B", "defghi"), ("C", "abcdefg")]);
    assert_eq!(redactor.text("-abcdefghi-"), "-•••(C)-");
    assert_eq!(redactor.text("abcdef defghi"), "•••(A) •••(B)");
}

#[test]
fn a_short_value_is_not_looked_for_and_named_and_a_huge_one_is_refused() {
    let redactor = knowing(&[("PIN", " 12345\n"), ("OK", "123456")]);
    assert_eq!(redactor.too_short(), ["PIN"]);
    assert_eq!(redactor.text("12345 123456"), "12345 •••(OK)");
    let huge = "x".repeat(MAX_VALUE + 1);
    assert_eq!(
        Redactor::new([("K", huge.as_str())]).unwrap_err(),
        RedactorError::TooLong("K".to_owned())
    );
    assert_eq!(format!("{redactor:?}{:?}", Carry::default()), "[secrets][text]");
}

#[test]
fn the_beginning_of_a_value_at_a_cut_is_taken_out() {
    let redactor = knowing(&[("KEY", "0123456789abcdef")]);
    let mut text = "so it begins: 0123456789".to_owned();
    let mut next = "9abcdef".to_owned();
    let mut lines =
        [Line { text: &mut text, is_cut: true }, Line { text: &mut next, is_cut: false }];
    redactor.lines(&mut lines, &mut Carry::default());
    assert_eq!((text.as_str(), next.as_str()), ("so it begins: •••(KEY)", "9abcdef"));
}

#[test]
fn what_looks_like_a_secret_is_taken_out() {
    let redactor = Redactor::shapes_only();
    for (text, shown) in [
        ("Authorization: Bearer abc.def-1, x", "Authorization: Bearer •••(authorization), x"),
        ("authorization=Basic dTpw== x", "authorization=Basic •••(authorization) x"),
        ("Proxy-Authorization: Digest a=\"b\", c=d", "Proxy-Authorization: •••(authorization)"),
        (r#"{"Authorization":"k 1","x":1}"#, r#"{"Authorization":"•••(authorization)","x":1}"#),
        (r"curl -H 'Authorization: abc def' u", r"curl -H 'Authorization: •••(authorization)' u"),
        ("sent Bearer 0123456789abcdef.x now", "sent Bearer •••(authorization) now"),
        ("bearer of news", "bearer of news"),
        ("t eyJhbGciOi.eyJzdWIiOiIx.c2ln end", "t •••(jwt) end"),
        ("eyJhbGciOiJub25lIn0 alone", "eyJhbGciOiJub25lIn0 alone"),
        ("a -----BEGIN X KEY-----\\nMIIE\\n-----END X KEY----- b", "a •••(pem) b"),
        ("ghp_0123456789abcdefABCD", "•••(key)"),
        ("github_pat_0123456789abcdef_x", "•••(key)"),
        ("sk-proj-0123456789abcdef, task-0123456789abcdef0", "•••(key), task-0123456789abcdef0"),
        ("xoxb-1234567890-a", "•••(key)"),
        ("AKIAIOSFODNN7EXAMPLE", "•••(key)"),
        ("AIzaSyA-0123456789abcdefghijklmnopqrstu", "•••(key)"),
        ("postgres://user:p@ss@db.example/x", "postgres://•••(userinfo)@db.example/x"),
        ("https://a.example/x@y", "https://a.example/x@y"),
        ("GET /x?a=1&api_key=abc&key=d#f", "GET /x?a=1&api_key=•••(value)&key=•••(value)#f"),
        ("?access_token=a&Password=b", "?access_token=•••(value)&Password=•••(value)"),
        ("SITEBAY_API_TOKEN=abc x", "SITEBAY_API_TOKEN=•••(value) x"),
        ("password: hunter2 !", "password: •••(value) !"),
        (r#"{"client_secret": "a\"b", "n": 1}"#, r#"{"client_secret": "•••(value)", "n": 1}"#),
        (r#""{\"token\":\"ab\",\"n\":1}""#, r#""{\"token\":\"•••(value)\",\"n\":1}""#),
        (r#"{"password":null,"token":""}"#, r#"{"password":null,"token":""}"#),
        ("run --token abc --api-key=def -v", "run --token •••(value) --api-key=•••(value) -v"),
        ("run --token --verbose", "run --token --verbose"),
        ("unexpected token: }", "unexpected token: }"),
        ("if token == x and token::parse()", "if token == x and token::parse()"),
        ("key=1 monkey=2 tokens=3", "key=1 monkey=2 tokens=3"),
    ] {
        assert_eq!(redactor.text(text), shown);
    }
}

/// Else the Worker would pack batches anew, and the name of the value would be lost.
#[test]
fn what_was_taken_out_is_left_as_it_is() {
    let redactor = knowing(&[("NAME", "secret-value")]);
    assert_eq!(redactor.text("password=secret-value x"), "password=•••(NAME) x");
    assert_eq!(
        redactor.text("Authorization: Bearer secret-value"),
        "Authorization: Bearer •••(NAME)"
    );
    let mut text = "password=•••(NAME) https://•••(userinfo)@a.example •••(jwt)".to_owned();
    let mut lines = [Line { text: &mut text, is_cut: false }];
    assert!(!Redactor::shapes_only().lines(&mut lines, &mut Carry::default()));
}

#[test]
fn what_is_left_of_a_shape_around_another_is_taken_out() {
    let text = "https://user-----BEGIN x-----END x-----word@a.example";
    assert_eq!(Redactor::shapes_only().text(text), "https://•••(userinfo)@a.example");
}

#[test]
fn a_pem_block_is_taken_out_line_by_line_also_over_batches() {
    let redactor = Redactor::shapes_only();
    let mut carry = Carry::default();
    let first = redacted(&redactor, &["-----BEGIN KEY-----", "", "MIIE"], &mut carry);
    assert_eq!(first, ["•••(pem)", "", "•••(pem)"]);
    let second = redacted(&redactor, &["QUJD", "-----END KEY----- x", "y"], &mut carry);
    assert_eq!(second, ["•••(pem)", "•••(pem) x", "y"]);
    // One without an end does not take everything that follows.
    let lines = vec!["-----BEGIN KEY-----"; 1];
    redacted(&redactor, &lines, &mut carry);
    let rest = redacted(&redactor, &vec!["line"; 300], &mut carry);
    assert_eq!((rest[255].as_str(), rest[256].as_str()), ("•••(pem)", "line"));
}

#[test]
fn a_command_is_shown_without_the_values_of_its_options() {
    let redactor = knowing(&[("PW", "hunter22")]);
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let shown = redactor.command(&words(
        "server --api-key abc -token d --name e --x=hunter22 -e A_SECRET=f --password --v",
    ));
    assert_eq!(
        shown.join(" "),
        "server --api-key •••(argument) -token •••(argument) --name e --x=•••(PW) -e A_SECRET=•••(value) --password --v"
    );
}

#[test]
fn long_texts_made_of_beginnings_are_read_in_linear_time() {
    let value = format!("{}b", "a".repeat(4_000));
    let redactor = knowing(&[("A", value.as_str())]);
    for part in
        ["a", "eyJ", "sk-", "-----BEGIN ", "://", "token=", "authorization:", "\\", "%2", "--"]
    {
        let text = part.repeat(400_000 / part.len());
        assert!(redactor.text(&text).len() <= text.len() * 4, "{part}");
    }
}

fn json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    quoted[1..quoted.len() - 1].to_owned()
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

proptest! {
    /// As far as logs go: however a value is written and wherever its lines break.
    #[test]
    fn statement_25_no_known_value_survives_in_any_form_and_split(
        secret in "[!-~äŽ🦀]{6,40}",
        form in 0_usize..6,
        (before, after) in ("[ .,]{0,9}", "[ .,]{0,9}"),
        cuts in proptest::collection::vec(0_usize..400, 0..6),
    ) {
        let written = match form {
            0 => secret.clone(),
            1 => percent(&secret),
            2 => json(&secret),
            3 => json(&json(&secret)),
            4 => STANDARD.encode(&secret),
            _ => json(&percent(&secret)),
        };
        let text = format!("{before}{written}{after}");
        let mut bounds: Vec<usize> = cuts.iter().map(|cut| text.floor_char_boundary(cut % text.len())).collect();
        bounds.extend([0, text.len()]);
        bounds.sort_unstable();
        let lines: Vec<&str> = bounds.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        let redactor = knowing(&[("NAME", secret.as_str())]);
        let shown = redacted(&redactor, &lines, &mut Carry::default());
        let left: String = shown.concat().replace("•••(NAME)", "");
        prop_assert_eq!(left.replace([' ', '.', ',', '='], ""), "", "{:?}", shown);
    }

    /// A value in two batches: of the first part at most a few characters have left, of the second none do.
    #[test]
    fn statement_25_the_rest_of_a_value_is_taken_out_of_the_next_batch(
        secret in "[a-zA-Z0-9]{8,40}", at in 1_usize..40,
    ) {
        let at = at.min(secret.len() - 1);
        let redactor = knowing(&[("NAME", secret.as_str())]);
        let mut carry = Carry::default();
        let first = redacted(&redactor, &["one", &secret[..at]], &mut carry);
        let second = redacted(&redactor, &[&secret[at..], "two"], &mut carry);
        prop_assert_eq!(&second[0], "•••(NAME)");
        prop_assert!(first[1] == "•••(NAME)" || at < 6, "{}", first[1]);
    }

    #[test]
    fn what_was_redacted_stays_as_it_is(
        text in "((Authorization: |Bearer |token=|password: |\"secret\":\"|https://|eyJ|ghp_|sk-|--token |-----BEGIN |-----END |•••\\(x\\))?[ -~]{0,20}){0,6}",
    ) {
        let redactor = knowing(&[("NAME", "secret-value")]);
        let once = redactor.text(&text);
        prop_assert_eq!(redactor.text(&once), once.clone());
    }
}
