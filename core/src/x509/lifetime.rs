//! How long a certificate is asked to live, and how that compares with what was granted.
//!
//! Sources: `pkg/apis/certificates/validation/validation.go` (bounds of `expirationSeconds`),
//! `pkg/controller/certificates/authority/policies.go` (backdating).

use std::fmt;
use std::str::FromStr;

use crate::time::{UnixTime, human_duration};

/// Seconds that a certificate is asked to live: 600 to 2,147,483,647, the bounds of
/// `spec.expirationSeconds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime(i32);

/// The shortest that the API server accepts, in seconds.
pub(crate) const MIN_SECONDS: i32 = 600;
/// What signers may shave off (`NotBefore` lies five minutes back), in seconds.
pub const BACKDATING: i64 = 300;
const DAY: i64 = 86_400;

/// Why a text is not a lifetime.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LifetimeError {
    /// Not a number with units.
    #[error("\"{0}\" is not a duration; write it as 30d, 24h, 90m, 1w, 1y or 1h30m")]
    Syntax(String),
    /// Below ten minutes.
    #[error("\"{0}\" is shorter than 10 minutes, the least that the API server accepts")]
    TooShort(String),
    /// Past what the field can hold.
    #[error("\"{0}\" is longer than 24855d, the most that the API can express")]
    TooLong(String),
}

impl Lifetime {
    /// A lifetime of so many seconds, if it is within the bounds.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        i32::try_from(seconds).ok().filter(|s| *s >= MIN_SECONDS).map(Self)
    }

    /// The value for `spec.expirationSeconds`.
    pub fn seconds(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&human_duration(self.0.into()))
    }
}

impl FromStr for Lifetime {
    type Err = LifetimeError;

    /// Reads `30d`, `24h`, `8760h`, `1h30m`, `1.5h`, `2w`, `1y`: Go durations plus days, weeks and years.
    fn from_str(s: &str) -> Result<Self, LifetimeError> {
        let nanos = parse_duration(s).ok_or_else(|| LifetimeError::Syntax(text(s)))?;
        let seconds = nanos / 1_000_000_000;
        if seconds < i64::from(MIN_SECONDS) {
            return Err(LifetimeError::TooShort(text(s)));
        }
        i32::try_from(seconds).map(Self).map_err(|_| LifetimeError::TooLong(text(s)))
    }
}

fn text(s: &str) -> String {
    crate::text::show_short(s, 40)
}

/// A duration in Go's notation, extended by `d`, `w` and `y` (365 days), in nanoseconds; `0` needs no
/// unit. What is longer than 292 years comes back as that.
///
/// Source: `Go: time.ParseDuration`.
pub fn parse_duration(s: &str) -> Option<i64> {
    let (negative, mut rest) = match s.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, s.strip_prefix('+').unwrap_or(s)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let number =
            rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        let (digits, after) = rest.split_at(number);
        let unit = after.len() - after.trim_start_matches(|c: char| c.is_alphabetic()).len();
        let (unit, after) = after.split_at(unit);
        let nanos: i64 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            "w" => 7 * 86_400_000_000_000,
            "y" => 365 * 86_400_000_000_000,
            _ => return None,
        };
        total = total.saturating_add(scaled(digits, nanos)?);
        rest = after;
    }
    Some(if negative { -total } else { total })
}

/// Decimal `digits` times `unit`, the fraction cut off.
fn scaled(digits: &str, unit: i64) -> Option<i64> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let value = |digit: u8| i64::from(digit - b'0');
    let more = |number: i64, digit| number.saturating_mul(10).saturating_add(value(digit));
    let number = whole.bytes().fold(0, more);
    let tenth = |part: i64, digit| (value(digit) * unit + part) / 10;
    let part = fraction.bytes().rev().fold(0, tenth);
    Some(number.saturating_mul(unit).saturating_add(part))
}

/// Below this lifetime the end is not moved back together with the start, in seconds.
const SHORT_SECONDS: i64 = 8 * 3_600;

/// Start and end of a certificate that is signed now, as the built-in signers place them.
pub fn validity(lifetime: Lifetime, now: UnixTime) -> (UnixTime, UnixTime) {
    let seconds = i64::from(lifetime.0);
    let end = if seconds < SHORT_SECONDS { seconds } else { seconds - BACKDATING };
    (now.plus(-BACKDATING), now.plus(end))
}

/// The lifetime for which a built-in signer grants this validity; the shortest for one that it never
/// grants.
pub fn asked_for(not_before: UnixTime, not_after: UnixTime) -> Lifetime {
    let whole = not_after.since(not_before);
    let short = whole - BACKDATING;
    let seconds = if short < SHORT_SECONDS { short } else { whole };
    Lifetime(i32::try_from(seconds.max(MIN_SECONDS.into())).unwrap_or(i32::MAX))
}

/// How a granted validity compares with what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    /// Nothing in particular was asked.
    SignersChoice,
    /// What was asked, within the signer's backdating and a hundredth of the lifetime.
    AsAsked,
    /// Shorter by this many seconds: the signer's maximum or the end of its CA.
    Shorter(i64),
    /// Longer by this many seconds.
    Longer(i64),
}

/// Compares a certificate's end with the asked lifetime, counted from the moment of issuing, which
/// signers place five minutes after `not_before`.
pub fn granted(asked: Option<Lifetime>, not_before: UnixTime, not_after: UnixTime) -> Granted {
    let Some(asked) = asked else { return Granted::SignersChoice };
    let usable = not_after.since(not_before.plus(BACKDATING));
    let difference = usable - i64::from(asked.0);
    // What is left of a CA's life may be less by minutes; nobody has to act on that.
    if difference.abs() <= (BACKDATING + 60).max(i64::from(asked.0) / 100) {
        Granted::AsAsked
    } else if difference < 0 {
        Granted::Shorter(-difference)
    } else {
        Granted::Longer(difference)
    }
}

/// Two spans of time in words that differ, as long as the spans do by a second.
pub fn apart(one: i64, other: i64) -> (String, String) {
    let ways: [fn(i64) -> String; 2] = [human_duration, |s| format!("{}d", s / DAY)];
    let said = ways.map(|way| (way(one), way(other))).into_iter().find(|(a, b)| a != b);
    said.unwrap_or_else(|| (format!("{one}s"), format!("{other}s")))
}

/// "expires in 12d", "expired 3h ago".
pub fn expiry_in_words(not_after: UnixTime, now: UnixTime) -> String {
    let left = not_after.since(now);
    if left >= 0 {
        format!("expires in {}", human_duration(left))
    } else {
        format!("expired {} ago", human_duration(-left))
    }
}

/// The lifetime that `request` asks for unless told otherwise: 30 days.
pub fn default_lifetime() -> Lifetime {
    Lifetime((30 * DAY) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_people_write_them() {
        for (text, seconds) in [
            ("24h", 86_400),
            ("30d", 30 * 86_400),
            ("8760h", 365 * 86_400),
            ("1h30m", 5400),
            ("1.5h", 5400),
            ("2w", 14 * 86_400),
            ("600s", 600),
            ("10m", 600),
            ("1d12h", 129_600),
            ("1y", 365 * 86_400),
        ] {
            assert_eq!(text.parse::<Lifetime>().unwrap().seconds(), seconds, "{text}");
        }
    }

    #[test]
    fn bad_durations_say_why() {
        for text in ["", "30", "d", "1x", "1..5h", "1h 30m", "ten", "."] {
            assert!(matches!(text.parse::<Lifetime>(), Err(LifetimeError::Syntax(_))), "{text}");
        }
        for text in ["0", "599s", "-24h", "9m59s"] {
            assert!(matches!(text.parse::<Lifetime>(), Err(LifetimeError::TooShort(_))), "{text}");
        }
        assert!(matches!("100000d".parse::<Lifetime>(), Err(LifetimeError::TooLong(_))));
        assert!(matches!("9".repeat(60).parse::<Lifetime>(), Err(LifetimeError::Syntax(_))));
        let long = format!("{}d", "9".repeat(60));
        assert!(matches!(long.parse::<Lifetime>(), Err(LifetimeError::TooLong(_))));
    }

    #[test]
    fn fractions_are_cut_off_and_long_durations_are_as_long_as_can_be() {
        for (text, nanos) in [
            ("1.5h", 5_400_000_000_000),
            ("0.1s", 100_000_000),
            ("0.0000000019s", 1),
            (".999999999999999999999s", 999_999_999),
            ("-1.5s", -1_500_000_000),
            ("99999999999999999999w", i64::MAX),
            ("-300000d", -i64::MAX),
        ] {
            assert_eq!(parse_duration(text), Some(nanos), "{text}");
        }
    }

    #[test]
    fn granted_against_asked_knows_backdating() {
        let day = Lifetime::from_seconds(86_400);
        let at = |before, after| granted(day, UnixTime(before), UnixTime(after));
        // Eight hours and more: both ends lie five minutes back.
        assert_eq!(at(-300, 86_400 - 300), Granted::AsAsked);
        assert_eq!(at(-300, 3600), Granted::Shorter(86_400 - 3600));
        assert_eq!(at(-300, 2 * 86_400), Granted::Longer(86_400));
        // A CA that ends half an hour before the thirty days is no news; a day is.
        let month = Lifetime::from_seconds(30 * 86_400);
        let ends = |before: i64| granted(month, UnixTime(-300), UnixTime(30 * 86_400 - before));
        assert_eq!(ends(1800), Granted::AsAsked);
        assert_eq!(ends(86_400), Granted::Shorter(86_400));
        let short = Lifetime::from_seconds(600);
        assert_eq!(granted(short, UnixTime(-300), UnixTime(600)), Granted::AsAsked);
        assert_eq!(granted(None, UnixTime(0), UnixTime(1)), Granted::SignersChoice);
    }

    #[test]
    fn spans_that_differ_are_told_apart() {
        let day = 86_400;
        for (one, other, said) in [
            (day, 2 * day, ("24h", "2d")),
            (9990 * day, 10_000 * day, ("9990d", "10000d")),
            (10_000 * day, 10_000 * day + 1, ("864000000s", "864000001s")),
        ] {
            let (a, b) = apart(one, other);
            assert_eq!((a.as_str(), b.as_str()), said);
        }
    }

    #[test]
    fn validity_is_the_built_in_signers() {
        for (asked, end) in [("10m", 600), ("7h59m", 28_740), ("8h", 28_500), ("24h", 86_100)] {
            let lifetime: Lifetime = asked.parse().unwrap();
            let (from, to) = validity(lifetime, UnixTime(1000));
            assert_eq!((from.0, to.0), (700, 1000 + end), "{asked}");
            assert_eq!(granted(Some(lifetime), from, to), Granted::AsAsked);
        }
        for asked in ["10m", "7h", "9h", "30d", "24855d"] {
            let lifetime: Lifetime = asked.parse().unwrap();
            let (from, to) = validity(lifetime, UnixTime(1000));
            assert_eq!(asked_for(from, to), lifetime, "{asked}");
        }
        assert_eq!(asked_for(UnixTime(0), UnixTime(1)).seconds(), MIN_SECONDS);
        assert_eq!(asked_for(UnixTime(0), UnixTime(i64::MAX)).seconds(), i32::MAX);
    }
}
