//! Values that are known to be secret.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

use super::{Carry, Line, RedactorError, Span, is_name_byte, masked, views::View};
use crate::text::clean;

/// Bytes of all texts that are looked for.
const MAX_PATTERNS: usize = 4 * 1024 * 1024;
/// Bytes that are kept of a source, to find a value that begins in them.
const MAX_TAIL: usize = 8 * 1024;
/// Characters of a name that are shown.
const MAX_NAME: usize = 64;
/// Characters that the beginning of a value has at least, where the rest of the line is missing.
const MIN_BEGINNING: usize = 6;

/// A text that is looked for.
struct Pattern {
    text: String,
    name: usize,
    /// For each beginning of the text, the length of its longest end that is also a beginning (Knuth, Morris, Pratt).
    borders: Vec<usize>,
}

/// All known values.
pub(super) struct Known {
    names: Vec<String>,
    patterns: Vec<Pattern>,
    finder: AhoCorasick,
    longest: usize,
}

type Found = Span<usize>;

/// A value without the line breaks in it and the space around it: a line has neither.
pub(super) fn bare(value: &str) -> String {
    value.trim().replace(['\r', '\n'], "")
}

impl Known {
    pub(super) fn new(values: &[(&str, &str)]) -> Result<Self, RedactorError> {
        let names = values.iter().map(|(name, _)| shown_name(name)).collect();
        let mut patterns = Vec::new();
        for (name, (_, value)) in values.iter().enumerate() {
            let texts = forms(value).into_iter();
            patterns.extend(texts.map(|text| Pattern { borders: borders(&text), text, name }));
        }
        let total = patterns.iter().fold(0_usize, |sum, one| sum.saturating_add(one.text.len()));
        if total > MAX_PATTERNS {
            return Err(RedactorError::TooMany);
        }
        let texts = patterns.iter().map(|pattern| &pattern.text);
        // Small: a table for each byte of each state would be megabytes for a few long keys.
        let finder = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(texts)
            .map_err(|_| RedactorError::TooMany)?;
        let longest = patterns.iter().map(|one| one.text.len()).max().unwrap_or_default();
        Ok(Self { names, patterns, finder, longest })
    }

    /// Takes the values out of the lines of one source. If it goes on, a beginning of a value at its end is taken out as well.
    pub(super) fn mask(&self, lines: &mut [Line<'_>], carry: &mut Carry, goes_on: bool) -> bool {
        let mut joined = std::mem::take(&mut carry.tail);
        let mut found = Vec::new();
        let mut bounds = Vec::with_capacity(lines.len());
        for line in &*lines {
            let start = joined.len();
            joined.push_str(line.text);
            bounds.push((start, joined.len()));
            if line.is_cut {
                found.extend(self.beginning(&joined));
            }
        }
        if goes_on {
            found.extend(self.beginning(&joined));
        }
        self.find(&joined, &mut found);
        let spans = merged(found);
        let mut changed = false;
        let mut first = 0;
        for (line, (start, end)) in lines.iter_mut().zip(bounds) {
            // Both are in order: what ends before this line is not looked at again.
            let rest = spans.get(first..).unwrap_or_default();
            first = first.saturating_add(rest.iter().take_while(|span| span.end <= start).count());
            let rest = spans.get(first..).unwrap_or_default();
            let within = rest.iter().take_while(|span| span.start < end).filter_map(|span| {
                let (from, to) = (span.start.max(start), span.end.min(end));
                let name = self.names.get(span.name)?;
                let local = |at: usize| at.saturating_sub(start);
                (from < to).then(|| Span { start: local(from), end: local(to), name })
            });
            let within: Vec<_> = within.collect();
            if let Some(text) = masked(line.text, &within) {
                *line.text = text;
                changed = true;
            }
        }
        carry.tail = self.tail(&joined);
        changed
    }

    /// Everything that is found, in each reading of the text.
    fn find(&self, text: &str, found: &mut Vec<Found>) {
        let plain = View::of(text);
        self.search(&plain, found);
        if let Some(json) = plain.unescaped() {
            self.search(&json, found);
            // A text within a text, and a URL within one.
            json.unescaped().iter().for_each(|view| self.search(view, found));
            json.percent_decoded().iter().for_each(|view| self.search(view, found));
        }
        plain.percent_decoded().iter().for_each(|view| self.search(view, found));
    }

    fn search(&self, view: &View<'_>, found: &mut Vec<Found>) {
        // Fails for kinds of matches and searches that are not chosen here.
        let Ok(matches) = self.finder.try_find_overlapping_iter(&*view.bytes) else { return };
        found.extend(matches.filter_map(|one| {
            let name = self.patterns.get(one.pattern().as_usize())?.name;
            Some(Span { start: view.place(one.start()), end: view.place(one.end()), name })
        }));
    }

    /// The beginning of a value with which the text ends.
    fn beginning(&self, text: &str) -> Option<Found> {
        let found = self.patterns.iter().filter_map(|pattern| {
            let length = pattern.beginning_at_end_of(text.as_bytes());
            let start = text.len().checked_sub(length)?;
            let long = MIN_BEGINNING.min(pattern.text.len() / 2);
            let is_one = length >= long && text.is_char_boundary(start);
            is_one.then_some(Span { start, end: text.len(), name: pattern.name })
        });
        found.min_by_key(|span| span.start)
    }

    fn tail(&self, joined: &str) -> String {
        let most = self.longest.saturating_sub(1).min(MAX_TAIL);
        let mut from = joined.len().saturating_sub(most);
        while !joined.is_char_boundary(from) {
            from = from.saturating_add(1);
        }
        joined.get(from..).unwrap_or_default().to_owned()
    }
}

impl Pattern {
    /// The length of the longest beginning of this text, but not all of it, with which `text` ends.
    fn beginning_at_end_of(&self, text: &[u8]) -> usize {
        let own = self.text.as_bytes();
        let from = text.len().saturating_sub(own.len().saturating_sub(1));
        let mut matched = 0_usize;
        for byte in text.get(from..).unwrap_or_default() {
            while matched > 0 && own.get(matched) != Some(byte) {
                matched = self.border(matched);
            }
            if own.get(matched) == Some(byte) {
                matched = matched.saturating_add(1);
            }
        }
        matched
    }

    fn border(&self, length: usize) -> usize {
        let border = length.checked_sub(1).and_then(|at| self.borders.get(at));
        border.copied().unwrap_or_default()
    }
}

fn borders(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut borders: Vec<usize> = Vec::with_capacity(bytes.len());
    for (at, byte) in bytes.iter().enumerate() {
        let mut length = at.checked_sub(1).and_then(|at| borders.get(at)).copied();
        let border = loop {
            match length {
                None => break 0,
                Some(known) if bytes.get(known) == Some(byte) => break known.saturating_add(1),
                Some(known) => {
                    length = known.checked_sub(1).and_then(|at| borders.get(at)).copied();
                }
            }
        };
        borders.push(border);
    }
    borders
}

/// The texts in which a value may appear; percent-encoding and JSON are resolved in what is read.
fn forms(value: &str) -> Vec<String> {
    let plain = bare(value);
    let mut forms = vec![clean(&plain), plain.replace(' ', "+")];
    // Alone; the others are those of a longer text, whose characters at the edges the value does not decide.
    forms.push(STANDARD_NO_PAD.encode(value.trim()));
    forms.push(URL_SAFE_NO_PAD.encode(value.trim()));
    for lead in 0..3 {
        forms.extend(base64_forms(value.trim(), lead));
    }
    forms.push(plain);
    forms.sort_unstable();
    forms.dedup();
    forms.retain(|form| form.len() >= super::MIN_VALUE);
    forms
}

/// The characters that only this value decides, in base64 of a text that has it after `lead` bytes, or three more, and so on.
fn base64_forms(value: &str, lead: usize) -> Vec<String> {
    let mut bytes = vec![0; lead];
    bytes.extend_from_slice(value.as_bytes());
    let bits = |bytes: usize| bytes.saturating_mul(8);
    let (from, to) = (bits(lead).div_ceil(6), bits(bytes.len()) / 6);
    let encoded = [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)];
    encoded.iter().filter_map(|text| text.get(from..to)).map(str::to_owned).collect()
}

/// In order; those that overlap are one.
fn merged(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_unstable_by_key(|span| (span.start, std::cmp::Reverse(span.end), span.name));
    let mut spans: Vec<Found> = Vec::new();
    for span in found {
        match spans.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => spans.push(span),
        }
    }
    spans
}

fn shown_name(name: &str) -> String {
    let safe =
        |c: char| u8::try_from(c).ok().filter(|byte| is_name_byte(*byte)).map_or('_', char::from);
    name.chars().take(MAX_NAME).map(safe).collect()
}
