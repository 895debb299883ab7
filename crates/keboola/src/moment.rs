//! Dates as Keboola writes them: `2026-08-17T07:39:18+0200`, also with a space, a colon in the zone,
//! `Z`, or no zone.

/// Seconds since 1970; None where it is no date. Without a zone it is read as UTC.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let mark =
        |at: usize, marks: &str| text.get(at..)?.chars().next().filter(|c| marks.contains(*c));
    mark(4, "-").and(mark(7, "-")).and(mark(10, "T t")).and(mark(13, ":")).and(mark(16, ":"))?;
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 24 {
        return None;
    }
    let rest = text.get(19..)?;
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    let clock =
        hour.checked_mul(3_600)?.checked_add(minute.checked_mul(60)?)?.checked_add(second)?;
    let local = days(year, month, day)?.checked_mul(86_400)?.checked_add(clock)?;
    local.checked_sub(zone(rest)?)
}

/// The seconds by which a zone is before UTC.
fn zone(text: &str) -> Option<i64> {
    let (sign, digits) = match text.split_at_checked(1) {
        None => return text.is_empty().then_some(0),
        Some(("Z" | "z", "")) => return Some(0),
        Some(("+", digits)) => (1_i64, digits.replace(':', "")),
        Some(("-", digits)) => (-1_i64, digits.replace(':', "")),
        Some(_) => return None,
    };
    let hours = digits.get(0..2)?.parse::<i64>().ok()?;
    let minutes = digits.get(2..4).map_or(Some(0), |minutes| minutes.parse::<i64>().ok())?;
    hours.checked_mul(3_600)?.checked_add(minutes.checked_mul(60)?)?.checked_mul(sign)
}

/// Days since 1970 in the Gregorian calendar, counted from March, so that a leap day ends its year.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let (year, month) = match month {
        1 | 2 => (year.checked_sub(1)?, month.checked_add(9)?),
        _ => (year, month.checked_sub(3)?),
    };
    let leaps = (year / 4).checked_sub(year / 100)?.checked_add(year / 400)?;
    let in_year = month.checked_mul(153)?.checked_add(2)? / 5;
    let whole = year.checked_mul(365)?.checked_add(leaps)?;
    whole.checked_add(in_year)?.checked_add(day)?.checked_sub(719_469)
}

/// The same with its zone as RFC 3339 has it: `+02:00`, or `Z` for UTC.
pub(crate) fn iso(text: &str) -> String {
    let zone = text.len().checked_sub(5).and_then(|at| text.split_at_checked(at));
    let is_zone = |zone: &str| {
        zone.starts_with(['+', '-']) && zone.chars().skip(1).all(|c| c.is_ascii_digit())
    };
    let text = match zone {
        Some((moment, zone)) if is_zone(zone) && parse(text).is_some() => {
            let (hours, minutes) = zone.split_at_checked(3).unwrap_or((zone, ""));
            format!("{moment}{hours}:{minutes}")
        }
        _ => text.to_owned(),
    };
    match text.strip_suffix("+00:00") {
        Some(moment) if parse(&text).is_some() => format!("{moment}Z"),
        _ => text,
    }
}

/// The latest of these, as it was written.
pub(crate) fn latest<'a>(texts: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    texts.filter(|text| !text.is_empty()).max_by_key(|text| parse(text).unwrap_or(i64::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_platform::time::rfc3339;

    #[test]
    fn every_form_is_the_same_moment() {
        let moment = parse("2026-08-17T05:39:18Z").unwrap();
        assert_eq!(rfc3339(u64::try_from(moment).unwrap() * 1_000), "2026-08-17T05:39:18Z");
        for same in [
            "2026-08-17T07:39:18+0200",
            "2026-08-17T07:39:18+02:00",
            "2026-08-17 05:39:18",
            "2026-08-17T05:39:18.123456Z",
            "2026-08-17T02:39:18-03",
        ] {
            assert_eq!(parse(same), Some(moment), "{same}");
        }
        assert_eq!(parse("2024-02-29T00:00:00Z"), Some(1_709_164_800));
        for wrong in ["", "soon", "2026-08-17", "2026-13-17T05:39:18Z", "2026-08-17T05:39:18+x"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_zone_is_written_with_a_colon() {
        for (given, iso_form) in [
            ("2026-08-17T07:39:18+0200", "2026-08-17T07:39:18+02:00"),
            ("2026-08-17T07:39:18+02:00", "2026-08-17T07:39:18+02:00"),
            ("2026-08-17T07:39:18+00:00", "2026-08-17T07:39:18Z"),
            ("2026-08-17T07:39:18+0000", "2026-08-17T07:39:18Z"),
            ("2026-08-17T07:39:18Z", "2026-08-17T07:39:18Z"),
            ("x+0200", "x+0200"),
            ("ž", "ž"),
            ("", ""),
        ] {
            assert_eq!(iso(given), iso_form);
        }
    }

    #[test]
    fn the_latest_counts_zones() {
        let of = ["2026-08-17T07:00:00+0200", "2026-08-17T06:00:00Z", ""];
        assert_eq!(latest(of.into_iter()), Some("2026-08-17T06:00:00Z"));
        assert_eq!(latest([""].into_iter()), None);
    }
}
