//! `results.svg`: requests per second, the floor of each figure being 100 %.
//!
//! This is our own code because the picture is bars and words: `plotters` draws coordinate systems, and would need its
//! own code for groups of bars whose lengths are shares of one of them.

use std::fmt::Write as _;

use crate::{
    contestant::Contestant::{
        self, Before, Classes, FastMcp, Floor, Gateway, McpAgent, McpHandler, Ours, Quiet, Reading,
        Silent, Subject,
    },
    figure::Figure,
    results::Results,
    targets::short,
};

const WIDTH: f64 = 860.0;
/// Where the bars begin, and how long 100 % is.
const LEFT: f64 = 290.0;
const FULL: f64 = 430.0;
const BAR: f64 = 16.0;
const GAP: f64 = 18.0;
const TOP: f64 = 64.0;

/// A bar: whose, and how many each second.
type Bar = (Contestant, f64);

/// The whole picture.
#[must_use]
pub fn svg(results: &Results) -> String {
    let mut y = TOP;
    let mut body = String::new();
    for figure in Figure::ALL {
        let bars = bars(results, figure);
        let Some((_, full)) = bars.iter().find(|(who, _)| *who == Floor).copied() else {
            continue;
        };
        group(&mut body, figure.name(), &bars, full, &mut y);
    }
    let height = y + GAP;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"20\" y=\"26\" font-size=\"16\" font-weight=\"600\">Requests per second, the bare runtime \
         being 100 %</text>\n"
    );
    legend(&mut text);
    text + &body + "</svg>\n"
}

fn bars(results: &Results, figure: Figure) -> Vec<Bar> {
    let rate = |who| results.timed.of(figure, who, |point| point.load.rate).median;
    let mut bars: Vec<Bar> = Contestant::ALL.map(|who| (who, rate(who))).into();
    // Its sessions are the same in both placements of ours.
    if figure == Figure::SubjectSession {
        let rate = results.timed.of(Figure::Session, McpAgent, |point| point.load.rate).median;
        bars.push((McpAgent, rate));
    }
    bars.retain(|(_, rate)| *rate > 0.0);
    bars
}

fn group(text: &mut String, name: &str, bars: &[Bar], full: f64, y: &mut f64) {
    let middle = *y + BAR * bars.len() as f64 / 2.0 + 4.0;
    let name = name.replace('`', "");
    let _ = writeln!(text, "<text x=\"20\" y=\"{middle:.0}\">{name}</text>");
    for (who, rate) in bars {
        let share = rate / full;
        let (width, colour) = ((share * FULL).clamp(1.0, FULL * 1.2), colour(*who));
        let _ = writeln!(
            text,
            "<rect x=\"{LEFT}\" y=\"{y:.0}\" width=\"{width:.1}\" height=\"{:.0}\" fill=\"{colour}\"/>\
             <text x=\"{:.0}\" y=\"{:.0}\" fill=\"#444444\">{} ({:.1} %)</text>",
            BAR - 3.0,
            LEFT + width + 6.0,
            *y + BAR - 5.0,
            short(*rate),
            share * 100.0,
        );
        *y += BAR;
    }
    *y += GAP;
}

fn legend(text: &mut String) {
    let mut x = 20.0;
    for who in [Ours, Quiet, Floor, Silent, McpAgent, McpHandler] {
        let name = who.name().replace('`', "");
        let _ = writeln!(
            text,
            "<rect x=\"{x:.0}\" y=\"38\" width=\"12\" height=\"12\" fill=\"{}\"/>\
             <text x=\"{:.0}\" y=\"48\">{name}</text>",
            colour(who),
            x + 18.0,
        );
        x += 44.0 + 7.0 * name.len() as f64;
    }
}

fn colour(who: Contestant) -> &'static str {
    match who {
        Ours | Subject | Gateway => "#d9480f",
        Quiet | Before => "#ff922b",
        Floor | Reading | Classes => "#adb5bd",
        Silent => "#dee2e6",
        McpAgent => "#1c7ed6",
        McpHandler | FastMcp => "#37b24d",
    }
}
