//! Points in time (RFC 5280 section 4.1.2.5).

use super::read::Element;
use super::tag::{GENERALIZED_TIME, UTC_TIME};
use super::write::element;
use crate::time::UnixTime;

/// Reads UTCTime or GeneralizedTime as Go does, which takes other time zones, and UTCTime without seconds.
pub(crate) fn read_time(element: &Element<'_>) -> Option<UnixTime> {
    let (digits, zone) = match element.content {
        [digits @ .., b'Z'] => (digits, None),
        content => content.split_last_chunk::<5>().map(|(digits, zone)| (digits, Some(zone)))?,
    };
    let east = zone.map_or(Some(0), offset)?;
    let pair = |at: usize| two_digits(digits.get(at..at + 2)?);
    let (year, start) = match element.tag {
        UTC_TIME => (pair(0).map(|year| year + if year < 50 { 2000 } else { 1900 })?, 2),
        GENERALIZED_TIME => (pair(0)? * 100 + pair(2)?, 4),
        _ => return None,
    };
    let part = |number: usize| pair(start + 2 * number);
    let is_short = element.tag == UTC_TIME && digits.len() == start + 8;
    let seconds = if is_short { 0 } else { part(4)? };
    let time = UnixTime::from_parts(year, [part(0)?, part(1)?, part(2)?, part(3)?, seconds]);
    time.filter(|_| is_short || digits.len() == start + 10).map(|time| time.plus(-east))
}

fn two_digits(text: &[u8]) -> Option<i64> {
    match text {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
        }
        _ => None,
    }
}

/// Seconds east of Greenwich of a zone such as `+0130`; none that is written otherwise than Go does.
fn offset([sign, zone @ ..]: &[u8; 5]) -> Option<i64> {
    let (hours, minutes) = zone.split_at(2);
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    let good = hours <= 24 && minutes < 60 && hours + minutes > 0;
    let seconds = hours * 3600 + minutes * 60;
    match sign {
        b'+' if good => Some(seconds),
        b'-' if good => Some(-seconds),
        _ => None,
    }
}

/// UTCTime from 1950 to 2049, GeneralizedTime before and after. Only the years to 9999 can be written.
pub(crate) fn time(at: UnixTime) -> Vec<u8> {
    // As 2026-11-22T20:15:00Z.
    let written = at.to_string();
    let digits: String = written.chars().filter(char::is_ascii_digit).chain(['Z']).collect();
    let short = ("1950".."2050").contains(&written.as_str()).then(|| digits.get(2..)).flatten();
    match short {
        Some(short) => element(UTC_TIME, &[short.as_bytes()]),
        None => element(GENERALIZED_TIME, &[digits.as_bytes()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_year_2050_begins_another_form() {
        for (text, tag, written) in [
            ("1950-01-01T00:00:00Z", UTC_TIME, "500101000000Z"),
            ("2049-12-31T23:59:59Z", UTC_TIME, "491231235959Z"),
            ("2050-01-01T00:00:00Z", GENERALIZED_TIME, "20500101000000Z"),
            ("1949-12-31T23:59:59Z", GENERALIZED_TIME, "19491231235959Z"),
            ("9999-12-31T23:59:59Z", GENERALIZED_TIME, "99991231235959Z"),
        ] {
            let at: UnixTime = text.parse().unwrap();
            let der = time(at);
            let element = Element::only_of(&der, tag).unwrap();
            assert_eq!(element.content, written.as_bytes());
            assert_eq!(read_time(&element), Some(at));
        }
    }
}
