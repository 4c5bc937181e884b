//! Points in time as seconds since 1970, and their two written forms.
//!
//! Core never asks what time it is: `now` is an argument.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use der::DateTime;
use serde::{Deserialize, Serialize};

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

    /// Seconds from `earlier` to this time; negative when this one is earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = u64::try_from(self.0)
            .ok()
            .and_then(|s| DateTime::from_unix_duration(Duration::from_secs(s)).ok());
        match date {
            Some(date) => date.fmt(f),
            // Outside of 1970 to 9999 there is nothing better to say than the number.
            None => write!(f, "@{}", self.0),
        }
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
        let whole = match s.split_once('.') {
            Some((whole, rest)) if rest.ends_with('Z') => format!("{whole}Z"),
            _ => s.to_owned(),
        };
        let date = whole.parse::<DateTime>().map_err(|_| TimeError)?;
        i64::try_from(date.unix_duration().as_secs()).map(Self).map_err(|_| TimeError)
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
#[must_use]
pub fn human_duration(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
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
    fn rfc3339_round_trip() {
        let t: UnixTime = "2026-11-22T20:15:00Z".parse().unwrap();
        assert_eq!(t, UnixTime(1_795_378_500));
        assert_eq!(t.to_string(), "2026-11-22T20:15:00Z");
        assert_eq!("2026-11-22T20:15:00.123456Z".parse(), Ok(t));
        assert!("2026-11-22".parse::<UnixTime>().is_err());
        assert_eq!(UnixTime(-5).to_string().parse(), Ok(UnixTime(-5)));
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
