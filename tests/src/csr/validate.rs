//! Validation, after `pkg/apis/certificates/validation/validation.go` and, for signer names,
//! `pkg/apis/core/validation/names.go`.
//!
//! Stored objects always satisfy these rules, so the tolerance for older data is left out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{APPROVED, DENIED, FAILED, LEGACY_SIGNER};
use crate::api::{CertificateSigningRequest, Condition};
use crate::metadata::{dns_label, dns_subdomain};
use crate::status::FieldError;
use crate::text::quote;
use crate::x509::{self, KNOWN_USAGES, check_certificate};

/// Checks a new request.
pub(crate) fn validate_create(request: &CertificateSigningRequest) -> Vec<FieldError> {
    let spec = &request.spec;
    let mut errors = Vec::new();
    let parsed = x509::Request::parse(&spec.request);
    if let Err(why) = parsed.and_then(|it| it.check_signature()) {
        let value = quote(&STANDARD.encode(&spec.request));
        errors.push(FieldError::invalid("spec.request", &value, &why));
    }
    if spec.usages.is_empty() {
        errors.push(FieldError::required("spec.usages", ""));
    }
    for (i, usage) in spec.usages.iter().enumerate() {
        if !KNOWN_USAGES.contains(&usage.as_str()) {
            let field = format!("spec.usages[{i}]");
            errors.push(FieldError::unsupported(field, usage, &KNOWN_USAGES));
        }
    }
    for (i, usage) in spec.usages.iter().enumerate() {
        if spec.usages.iter().take(i).any(|earlier| earlier == usage) {
            errors.push(FieldError::duplicate(format!("spec.usages[{i}]"), usage));
        }
    }
    errors.extend(signer_name(&spec.signer_name));
    if let Some(seconds) = spec.expiration_seconds
        && seconds < 600
    {
        errors.push(FieldError::invalid(
            "spec.expirationSeconds",
            &seconds.to_string(),
            "may not specify a duration less than 600 seconds (10 minutes)",
        ));
    }
    errors.extend(conditions(&request.status.conditions));
    if let Err(why) = check_certificate(&request.status.certificate) {
        errors.push(FieldError::invalid("status.certificate", "\"<certificate data>\"", &why));
    }
    errors
}

/// Checks the difference that an update through the main resource or a subresource makes.
pub(crate) fn validate_update(
    request: &CertificateSigningRequest,
    old: &CertificateSigningRequest,
    subresource: &str,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let of = |conditions: &[Condition], kind: &str| -> Vec<Condition> {
        conditions.iter().filter(|it| it.kind == kind).cloned().collect()
    };
    let refuse = |what: String| FieldError::forbidden("status.conditions", &what);
    for kind in [APPROVED, DENIED, FAILED] {
        let (new, old) = (of(&request.status.conditions, kind), of(&old.status.conditions, kind));
        if new.len() < old.len() {
            let kind = quote(kind);
            errors.push(refuse(format!("updates may not remove a condition of type {kind}")));
        }
    }
    if subresource != "approval" {
        for kind in [APPROVED, DENIED] {
            let (new, old) =
                (of(&request.status.conditions, kind), of(&old.status.conditions, kind));
            let kind = quote(kind);
            if new.len() > old.len() {
                errors.push(refuse(format!("updates may not add a condition of type {kind}")));
            } else if new.len() == old.len() && new != old {
                errors.push(refuse(format!("updates may not modify a condition of type {kind}")));
            }
        }
    }
    if request.status.certificate != old.status.certificate {
        let refusal = if subresource != "status" {
            Some("updates may not set certificate content")
        } else if !old.status.certificate.is_empty() {
            Some("updates may not modify existing certificate content")
        } else {
            None
        };
        errors.extend(refusal.map(|why| FieldError::forbidden("status.certificate", why)));
    }
    errors
}

fn signer_name(name: &str) -> Vec<FieldError> {
    const FIELD: &str = "spec.signerName";
    let invalid = |value: &str, why: &str| FieldError::invalid(FIELD, &quote(value), why);
    if name == LEGACY_SIGNER {
        return vec![invalid(name, "the legacy signerName is not allowed via this API version")];
    }
    if name.is_empty() {
        return vec![FieldError::required(FIELD, "")];
    }
    let [domain, path] = name.split('/').collect::<Vec<_>>()[..] else {
        return vec![invalid(
            name,
            "must be a fully qualified domain and path of the form 'example.com/signer-name'",
        )];
    };
    let mut errors = Vec::new();
    if domain.len() > 253 {
        errors.push(FieldError::too_long(FIELD, 253));
    }
    // Only the first bad label of each part is reported.
    let first_bad = |text: &str, check: fn(&str) -> Vec<String>| {
        let bad = text.split('.').map(|label| (label.to_owned(), check(label)));
        let (label, whys) = bad.into_iter().find(|(_, whys)| !whys.is_empty()).unwrap_or_default();
        let label = quote(&label);
        whys.iter()
            .map(|why| invalid(text, &format!("validating label {label}: {why}")))
            .collect::<Vec<_>>()
    };
    errors.extend(first_bad(domain, dns_label));
    if !domain.contains('.') {
        let why = "should be a domain with at least two segments separated by dots";
        errors.push(invalid(domain, why));
    }
    errors.extend(first_bad(path, dns_subdomain));
    // Domain, slash, and a path that has room for a label, a dot and a subdomain.
    const LONGEST: usize = 253 + 1 + (63 + 1 + 253);
    if name.len() > LONGEST {
        errors.push(FieldError::too_long(FIELD, LONGEST));
    }
    errors
}

fn conditions(conditions: &[Condition]) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (i, condition) in conditions.iter().enumerate() {
        let field = |name: &str| format!("status.conditions[{i}].{name}");
        let earlier = |kind: &str| conditions.iter().take(i).any(|it| it.kind == kind);
        if condition.kind.is_empty() {
            errors.push(FieldError::required(field("type"), ""));
        }
        let allowed: &[&str] = match condition.kind.as_str() {
            APPROVED | DENIED | FAILED => &["True"],
            _ => &["False", "True", "Unknown"],
        };
        if condition.status.is_empty() {
            errors.push(FieldError::required(field("status"), ""));
        } else if !allowed.contains(&condition.status.as_str()) {
            errors.push(FieldError::unsupported(field("status"), &condition.status, allowed));
        }
        let opposite = match condition.kind.as_str() {
            APPROVED => earlier(DENIED),
            DENIED => earlier(APPROVED),
            _ => false,
        };
        if opposite {
            errors.push(FieldError::invalid(
                "status.conditions",
                &quote(&condition.kind),
                "Approved and Denied conditions are mutually exclusive",
            ));
        }
        if earlier(&condition.kind) {
            errors.push(FieldError::duplicate(field("type"), &condition.kind));
        }
    }
    errors
}
