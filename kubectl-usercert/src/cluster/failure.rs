//! Why a request got no answer that could be used.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kube::core::response::Status;

use super::transport::transport_message;

#[derive(Debug)]
pub enum ApiError {
    Status(Box<Status>),
    /// The certificate in use was revoked; whose it is, and in which context, safe to show.
    Revoked(Box<Status>, Arc<str>),
    /// It is busy for longer than it is waited for: this long.
    Busy(Box<Status>, Duration),
    /// There was no answer, or none that makes sense.
    Transport(Box<kube::Error>),
    Timeout(Duration),
    Malformed(String),
    /// The credential plugin gave no further credentials.
    Credential(String),
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) | Self::Revoked(status, _) | Self::Busy(status, _) => {
                f.write_str(&status.message)
            }
            Self::Transport(error) => f.write_str(&transport_message(error)),
            Self::Timeout(after) => write!(f, "no answer within {}s", after.as_secs_f32()),
            Self::Credential(why) => f.write_str(why),
            Self::Malformed(what) => write!(f, "the server's answer cannot be used: {what}"),
        }
    }
}

impl From<kube::Error> for ApiError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Status(status),
            other => Self::Transport(Box::new(other)),
        }
    }
}

impl ApiError {
    /// The failure's `reason`, which tells AlreadyExists from Conflict (both are 409).
    pub fn reason(&self) -> &str {
        match self {
            Self::Status(status) | Self::Revoked(status, _) | Self::Busy(status, _) => {
                &status.reason
            }
            _ => "",
        }
    }

    /// The failure's HTTP code; 0 if there was no answer.
    pub fn code(&self) -> u16 {
        match self {
            Self::Status(status) | Self::Revoked(status, _) | Self::Busy(status, _) => status.code,
            _ => 0,
        }
    }

    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Transport(_) | Self::Timeout(_))
    }

    /// Whether somebody answered whose certificate the cluster's CA does not vouch for.
    pub fn is_untrusted(&self) -> bool {
        matches!(self, Self::Transport(_)) && self.to_string().contains("invalid peer certificate")
    }
}
