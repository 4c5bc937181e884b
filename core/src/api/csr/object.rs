//! One object as it is read, reviewed and written back.

use std::ops::Deref;
use std::sync::OnceLock;

use serde_json::Value;

use super::write::appended;
use super::{Decision, Object, ObjectError};
use crate::time::UnixTime;
use crate::x509::pkcs10::{CertificateRequest, CsrError};

/// An object as the server sent it: its JSON, what was read of that, and the certificate request
/// inside, which is read once. It cannot be changed, so the three always belong together.
///
/// An item of a long list is kept without its JSON, as `CsrObject<()>`: it can be shown, but not
/// written back.
#[derive(Clone, Debug)]
pub struct CsrObject<Raw = Value> {
    raw: Raw,
    fields: Object,
    enclosed: OnceLock<Enclosed>,
}

/// What `spec.request` holds.
#[derive(Clone, Debug)]
struct Enclosed {
    pem: Vec<u8>,
    request: Result<CertificateRequest, CsrError>,
}

impl CsrObject {
    /// Reads the object from its JSON.
    ///
    /// # Errors
    /// Another kind, or a field of the wrong type.
    pub fn from_value(raw: Value) -> Result<Self, ObjectError> {
        Ok(Self { fields: Object::from_value(&raw)?, raw, enclosed: OnceLock::new() })
    }

    /// Reads an item of a list, which carries no kind of its own.
    ///
    /// # Errors
    /// A field of the wrong type.
    pub fn from_item(raw: Value) -> Result<Self, ObjectError> {
        Ok(Self { fields: Object::from_item(&raw)?, raw, enclosed: OnceLock::new() })
    }

    /// The JSON exactly as it was read.
    pub fn raw(&self) -> &Value {
        &self.raw
    }

    /// The JSON with a decision appended: the body for a PUT to `/approval`. UID and resourceVersion
    /// stay in, so that the server refuses the write if the object is another or has changed; a body
    /// without them, or a patch, would decide on whatever has that name by then.
    pub fn decided(&self, decision: Decision, reason: &str, message: &str, now: UnixTime) -> Value {
        appended(&self.raw, decision.condition_type(), reason, message, now)
    }
}

impl From<Object> for CsrObject<()> {
    fn from(fields: Object) -> Self {
        Self { raw: (), fields, enclosed: OnceLock::new() }
    }
}

impl<Raw> CsrObject<Raw> {
    /// The bytes of `spec.request`, PEM text if all is well; nothing if it is not base64.
    pub fn pem(&self) -> &[u8] {
        &self.enclosed().pem
    }

    /// The certificate request inside, as the API server reads it.
    ///
    /// # Errors
    /// No request, or an unreadable one.
    pub fn request(&self) -> Result<&CertificateRequest, CsrError> {
        self.enclosed().request.as_ref().map_err(Clone::clone)
    }

    /// The fields alone.
    pub fn into_fields(self) -> Object {
        self.fields
    }

    fn enclosed(&self) -> &Enclosed {
        self.enclosed.get_or_init(|| match self.fields.request_pem() {
            Ok(pem) => Enclosed { request: CertificateRequest::from_pem(&pem), pem },
            Err(_) => Enclosed { request: Err(CsrError::NOT_BASE64), pem: Vec::new() },
        })
    }
}

impl<Raw> Deref for CsrObject<Raw> {
    type Target = Object;

    fn deref(&self) -> &Object {
        &self.fields
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use super::*;
    use crate::x509::pkcs10;
    use crate::x509::testing::request;

    fn object(request: &str) -> CsrObject {
        CsrObject::from_item(json!({
            "metadata": {"name": "a", "uid": "u", "resourceVersion": "7", "labels": {"x": "y"}},
            "spec": {"request": request, "unknown": [1]},
            "status": {"conditions": [{"type": "Custom"}]},
        }))
        .unwrap()
    }

    #[test]
    fn decisions_keep_everything_that_was_read() {
        let read = object("");
        let body = read.decided(Decision::Approve, "R", "M", UnixTime(0));
        assert_eq!(body["metadata"], read.raw()["metadata"]);
        assert_eq!(body["spec"], read.raw()["spec"]);
        assert_eq!(body["status"]["conditions"][0], json!({"type": "Custom"}));
        assert_eq!(body["status"]["conditions"][1]["type"], "Approved");
        assert_eq!(body["status"]["conditions"][1]["lastUpdateTime"], "1970-01-01T00:00:00Z");
        let fresh = CsrObject::from_item(json!({"metadata": {}})).unwrap();
        let fresh = fresh.decided(Decision::Deny, "R", "M", UnixTime(0));
        assert_eq!(fresh["status"]["conditions"][0]["type"], "Denied");
    }

    #[test]
    fn the_request_inside_is_that_of_the_fields() {
        let pem = pkcs10::to_pem(&request("alice", &["dev"]).der);
        let read = object(&STANDARD.encode(&pem));
        assert_eq!(read.pem(), pem.as_bytes());
        assert_eq!(read.request().unwrap().subject.user(), "alice");
        assert!(std::ptr::eq(read.request().unwrap(), read.request().unwrap()), "read once");
        for bad in ["%", "", "eA=="] {
            let (whole, listed) = (object(bad), CsrObject::from(object(bad).into_fields()));
            let wanted = whole.certificate_request().unwrap_err().to_string();
            assert_eq!(whole.request().unwrap_err().to_string(), wanted);
            assert_eq!(listed.request().unwrap_err().to_string(), wanted);
        }
    }
}
