//! Points in time as seconds since 1970, and their two written forms.
//!
//! Core never asks what time it is: `now` is an argument.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Seconds since 1970-01-01T00:00:00Z. Written as RFC 3339 in UTC, as Kubernetes writes its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct UnixTime(pub i64);

impl UnixTime {
    /// This time plus `seconds`.
    #[must_use]
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Reads a time of RFC 3339 in any zone; `Z` alone is what [`FromStr`] takes.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        if let Ok(time) = text.parse() {
            return Some(time);
        }
        let (local, zone) = text.split_at_checked(text.len().checked_sub(6)?)?;
        let (hours, minutes) = zone.get(1..)?.split_once(':')?;
        let offset = hours.parse::<i64>().ok()? * HOUR + minutes.parse::<i64>().ok()? * MINUTE;
        let local: Self = format!("{local}Z").parse().ok()?;
        match zone.as_bytes().first()? {
            b'+' => Some(local.plus(-offset)),
            b'-' => Some(local.plus(offset)),
            _ => None,
        }
    }

    /// Reads the time of an HTTP `Date` header, as `Sun, 22 Nov 2026 20:15:00 GMT` (RFC 9110, section
    /// 5.6.7; the obsolete forms are not sent by anybody).
    pub fn from_http_date(text: &str) -> Option<Self> {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let (_, date) = text.split_once(", ")?;
        let mut parts = date.strip_suffix(" GMT")?.split(' ');
        let (day, month, year, clock) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let month = MONTHS.iter().position(|m| *m == month)? + 1;
        format!("{year}-{month:02}-{day}T{clock}Z").parse().ok()
    }

    /// Seconds from `earlier` to this time; negative when this one is earlier.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The time with this year, and month, day, hour, minute and second, in UTC; `None` when there
    /// is none such.
    pub(crate) fn from_parts(year: i64, rest: [i64; 5]) -> Option<Self> {
        let [month, day, hour, minute, second] = rest;
        let clock =
            (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
        let first = days_before(year, month);
        let length = days_before(year, month + 1) - first;
        let exists = (1..=12).contains(&month) && (1..=length).contains(&day);
        let days = first + day - 1;
        (clock && exists).then(|| Self(days * DAY + hour * HOUR + minute * MINUTE + second))
    }
}

/// Days from 1970-01-01 to the first of a month. Years are counted from March, so that the leap day
/// is the last of its year.
fn days_before(year: i64, month: i64) -> i64 {
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leaps + (153 * month + 2) / 5 - 719_468
}

/// Year, month and day so many days after 1970-01-01, for the years 0 to 9999.
fn date_of(days: i64) -> (i64, i64, i64) {
    // As if no year had a leap day, or before 1970 each, this is some years too late at most.
    let mut year = days.div_euclid(if days < 0 { 366 } else { 365 }) + 1970;
    while days_before(year, 1) > days {
        year -= 1;
    }
    let month = (1..=12).rev().find(|month| days_before(year, *month) <= days).unwrap_or(1);
    (year, month, days - days_before(year, month) + 1)
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, seconds) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        // Outside of the years 0 to 9999 there is nothing better to say than the number.
        if !(days_before(0, 1)..days_before(10_000, 1)).contains(&days) {
            return write!(f, "@{}", self.0);
        }
        let (year, month, day) = date_of(days);
        let (hour, minute, second) = (seconds / HOUR, seconds % HOUR / MINUTE, seconds % MINUTE);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// The text is not an RFC 3339 time in UTC.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a time such as 2026-11-22T20:15:00Z")]
pub struct TimeError;

impl FromStr for UnixTime {
    type Err = TimeError;

    fn from_str(s: &str) -> Result<Self, TimeError> {
        if let Some(seconds) = s.strip_prefix('@') {
            return seconds.parse().map(Self).map_err(|_| TimeError);
        }
        // metav1.MicroTime carries a fraction; whole seconds are all we need.
        let (whole, rest) = s.split_at_checked(19).ok_or(TimeError)?;
        let fraction = rest.strip_suffix('Z').ok_or(TimeError)?;
        let shape = |(place, byte): (usize, u8)| match place {
            4 | 7 => byte == b'-',
            10 => byte == b'T',
            13 | 16 => byte == b':',
            _ => byte.is_ascii_digit(),
        };
        let digits = fraction.strip_prefix('.').unwrap_or(fraction);
        if !whole.bytes().enumerate().all(shape)
            || !digits.bytes().all(|byte| byte.is_ascii_digit())
            || digits.is_empty() != fraction.is_empty()
        {
            return Err(TimeError);
        }
        let number = |at: std::ops::Range<usize>| {
            whole.get(at).and_then(|digits| digits.parse().ok()).unwrap_or_default()
        };
        let rest = [number(5..7), number(8..10), number(11..13), number(14..16), number(17..19)];
        Self::from_parts(number(0..4), rest).ok_or(TimeError)
    }
}

impl From<UnixTime> for String {
    fn from(t: UnixTime) -> Self {
        t.to_string()
    }
}

impl TryFrom<String> for UnixTime {
    type Error = TimeError;

    fn try_from(s: String) -> Result<Self, TimeError> {
        s.parse()
    }
}

/// A span of time as kubectl prints ages and durations.
///
/// Source: `apimachinery/pkg/util/duration/duration.go`, `HumanDuration`.
pub fn human_duration(seconds: i64) -> String {
    const YEAR: i64 = 365 * DAY;
    let two = |big: i64, unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{big}{unit}"),
        small => format!("{big}{unit}{small}{small_unit}"),
    };
    let s = seconds;
    if s < -1 {
        "<invalid>".to_owned()
    } else if s < 0 {
        "0s".to_owned()
    } else if s < 2 * MINUTE {
        format!("{s}s")
    } else if s < 10 * MINUTE {
        two(s / MINUTE, "m", s % MINUTE, "s")
    } else if s < 3 * HOUR {
        format!("{}m", s / MINUTE)
    } else if s < 8 * HOUR {
        two(s / HOUR, "h", s % HOUR / MINUTE, "m")
    } else if s < 2 * DAY {
        format!("{}h", s / HOUR)
    } else if s < 8 * DAY {
        two(s / DAY, "d", s % DAY / HOUR, "h")
    } else if s < 2 * YEAR {
        format!("{}d", s / DAY)
    } else if s < 8 * YEAR {
        two(s / YEAR, "y", s % YEAR / DAY, "d")
    } else {
        format!("{}y", s / YEAR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_any_zone() {
        let time = UnixTime::from_rfc3339;
        assert_eq!(time("1970-01-01T00:00:00Z"), Some(UnixTime(0)));
        assert_eq!(time("1970-01-01T00:00:00.5-01:30"), Some(UnixTime(5400)));
        for text in ["", "soon", "1970-01-01T00:00:00", "1970-01-01T00:00:00+x1:00"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn rfc3339_round_trip() {
        let t: UnixTime = "2026-11-22T20:15:00Z".parse().unwrap();
        assert_eq!(t, UnixTime(1_795_378_500));
        assert_eq!(t.to_string(), "2026-11-22T20:15:00Z");
        assert_eq!("2026-11-22T20:15:00.123456Z".parse(), Ok(t));
        assert!("2026-11-22".parse::<UnixTime>().is_err());
        for (seconds, text) in [
            (-5, "1969-12-31T23:59:55Z"),
            (-631_152_000, "1950-01-01T00:00:00Z"),
            (-631_152_001, "1949-12-31T23:59:59Z"),
            (-62_135_596_800, "0001-01-01T00:00:00Z"),
            (-62_167_219_200, "0000-01-01T00:00:00Z"),
            (-62_167_219_201, "@-62167219201"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(UnixTime(seconds).to_string(), text);
            assert_eq!(text.parse(), Ok(UnixTime(seconds)));
        }
    }

    #[test]
    fn http_dates() {
        let read = UnixTime::from_http_date;
        assert_eq!(read("Sun, 22 Nov 2026 20:15:00 GMT"), Some(UnixTime(1_795_378_500)));
        for odd in [
            "",
            "Sun, 22 Nov 2026 20:15:00",
            "Sunday, 22-Nov-26 20:15:00 GMT",
            "Sun, 22 Foo 2026 20:15:00 GMT",
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }

    #[test]
    fn durations_read_as_kubectl_prints_them() {
        for (seconds, text) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (599, "9m59s"),
            (600, "10m"),
            (3 * 3600 - 1, "179m"),
            (3 * 3600, "3h"),
            (3 * 3600 + 60, "3h1m"),
            (47 * 3600, "47h"),
            (48 * 3600, "2d"),
            (30 * 86400, "30d"),
            (365 * 86400, "365d"),
            (3 * 365 * 86400, "3y"),
            (100 * 365 * 86400, "100y"),
        ] {
            assert_eq!(human_duration(seconds), text);
        }
    }
}
