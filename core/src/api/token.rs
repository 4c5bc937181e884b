//! Tokens of service accounts by TokenRequest (`authentication.k8s.io/v1`).
//!
//! Sources: `pkg/apis/authentication/validation/validation.go` (the bounds),
//! `pkg/registry/core/serviceaccount/storage/token.go`.

use std::str::FromStr;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::encoding::base64;
use crate::text::show_short;
use crate::time::UnixTime;
use crate::x509::lifetime::parse_duration;

/// Seconds that a token is asked to live: 600 to 2^32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLifetime(i64);

const SHORTEST: i64 = 600;
const LONGEST: i64 = 1 << 32;

/// Why a text is not a lifetime of a token.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TokenLifetimeError {
    /// Not a number with units.
    #[error("\"{0}\" is not a duration; write it as 1h, 90m, 30d or 1h30m")]
    Syntax(String),
    /// Below 600 seconds.
    #[error("\"{0}\" is shorter than 10 minutes, the least that the API server accepts")]
    TooShort(String),
    /// Past 2^32 seconds.
    #[error("\"{0}\" is longer than 2^32 seconds (49710d), the most that the API server accepts")]
    TooLong(String),
}

impl TokenLifetime {
    /// In seconds.
    pub fn seconds(self) -> i64 {
        self.0
    }
}

impl FromStr for TokenLifetime {
    type Err = TokenLifetimeError;

    fn from_str(s: &str) -> Result<Self, TokenLifetimeError> {
        let text = || show_short(s, 40);
        let nanos = parse_duration(s).ok_or_else(|| TokenLifetimeError::Syntax(text()))?;
        match nanos / 1_000_000_000 {
            ..SHORTEST => Err(TokenLifetimeError::TooShort(text())),
            seconds @ SHORTEST..=LONGEST => Ok(Self(seconds)),
            _ => Err(TokenLifetimeError::TooLong(text())),
        }
    }
}

/// The object that asks for a token; without audiences it is for the API server itself.
pub fn request(lifetime: TokenLifetime, audiences: &[String]) -> Value {
    let mut spec = json!({ "expirationSeconds": lifetime.0 });
    if !audiences.is_empty() {
        spec["audiences"] = audiences.into();
    }
    json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec })
}

/// A token that was granted.
pub struct Token {
    /// The token itself.
    pub secret: Zeroizing<String>,
    /// Until when it counts; the server may have shortened it.
    pub expires: UnixTime,
}

/// Takes the token out of the server's answer.
pub fn read(answer: &Value) -> Option<Token> {
    let status = &answer["status"];
    let secret = status["token"].as_str().filter(|t| !t.is_empty())?;
    Some(Token {
        secret: Zeroizing::new(secret.to_owned()),
        expires: status["expirationTimestamp"].as_str()?.parse().ok()?,
    })
}

/// Until when a token says that it counts (RFC 7519, claim `exp`), for people only: nobody checks its
/// signature here. `None` for tokens of other kinds.
pub fn end(token: &str) -> Option<UnixTime> {
    let claims = token.split('.').nth(1)?;
    let claims = base64::decode_url(claims.trim_end_matches('='))?;
    serde_json::from_slice::<Value>(&claims).ok()?["exp"].as_i64().map(UnixTime)
}

/// Who the server takes the bearer for.
pub fn user_name(namespace: &str, account: &str) -> String {
    format!("system:serviceaccount:{namespace}:{account}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_within_the_servers_bounds() {
        for (text, seconds) in
            [("10m", 600), ("1h", 3600), ("30d", 2_592_000), ("4294967296s", LONGEST)]
        {
            assert_eq!(
                text.parse::<TokenLifetime>().map(TokenLifetime::seconds),
                Ok(seconds),
                "{text}"
            );
        }
        let error = |text: &str| text.parse::<TokenLifetime>().unwrap_err();
        for short in ["599s", "0", "-1h", "-9999999999999h"] {
            assert_eq!(error(short), TokenLifetimeError::TooShort(short.into()));
        }
        for long in ["4294967297s", "60000d", "99999999999999h"] {
            assert_eq!(error(long), TokenLifetimeError::TooLong(long.into()));
        }
        assert!(matches!(error("1 hour"), TokenLifetimeError::Syntax(_)));
    }

    #[test]
    fn audiences_are_left_out_when_there_are_none() {
        let hour = "1h".parse().unwrap();
        assert_eq!(request(hour, &[])["spec"], json!({"expirationSeconds": 3600}));
        assert_eq!(request(hour, &["vault".into()])["spec"]["audiences"], json!(["vault"]));
    }

    #[test]
    fn the_end_is_read_where_there_is_one() {
        // {"alg":"none"} and {"exp":1795378500}
        assert_eq!(
            end("eyJhbGciOiJub25lIn0.eyJleHAiOjE3OTUzNzg1MDB9.x"),
            Some(UnixTime(1_795_378_500))
        );
        for other in ["", "opaque", "a.b.c", "..", "e30.e30.e30"] {
            assert_eq!(end(other), None, "{other}");
        }
    }

    #[test]
    fn answers_without_a_token_are_none() {
        let answer = |token: &str| {
            read(
                &json!({"status": {"token": token, "expirationTimestamp": "2026-11-22T20:15:00Z"}}),
            )
        };
        assert_eq!(
            answer("a.b.c").map(|t| t.expires.to_string()),
            Some("2026-11-22T20:15:00Z".into())
        );
        assert!(answer("").is_none() && read(&json!({})).is_none());
    }
}
