//! Validation of metadata and names, after `k8s.io/apimachinery/pkg/api/validation` and `…/pkg/api/validate/content`.

use crate::api::ObjectMeta;
use crate::status::FieldError;
use crate::text::quote;

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const LABEL_KEY: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

/// Checks metadata of a new or changed object; `name` tells what is wrong with a name.
pub(crate) fn validate(meta: &ObjectMeta, name: fn(&str) -> Vec<String>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if meta.name.is_empty() {
        errors.push(FieldError::required("metadata.name", "name or generateName is required"));
    } else {
        let invalid = |why: String| FieldError::invalid("metadata.name", &quote(&meta.name), &why);
        errors.extend(name(&meta.name).into_iter().map(invalid));
    }
    for (key, value) in &meta.labels {
        errors.extend(
            label_key(key)
                .into_iter()
                .map(|why| FieldError::invalid("metadata.labels", &quote(key), &why)),
        );
        errors.extend(
            label_value(value)
                .map(|why| FieldError::invalid("metadata.labels", &quote(value), &why)),
        );
    }
    for key in meta.annotations.keys() {
        errors.extend(
            label_key(&key.to_lowercase())
                .into_iter()
                .map(|why| FieldError::invalid("metadata.annotations", &quote(key), &why)),
        );
    }
    for finalizer in &meta.finalizers {
        errors.extend(
            label_key(finalizer)
                .into_iter()
                .map(|why| FieldError::invalid("metadata.finalizers", &quote(finalizer), &why)),
        );
    }
    for (i, finalizer) in meta.finalizers.iter().enumerate() {
        let standard = ["kubernetes", "orphan", "foregroundDeletion"];
        if !finalizer.contains('/') && !standard.contains(&finalizer.as_str()) {
            errors.push(FieldError::invalid(
                format!("metadata.finalizers[{i}]"),
                &quote(finalizer),
                "name is neither a standard finalizer name nor is it fully qualified",
            ));
        }
    }
    errors
}

/// Checks that an update leaves alone what cannot change.
pub(crate) fn validate_update(meta: &ObjectMeta, old: &ObjectMeta) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if old.deletion_timestamp.is_some() {
        let added = meta.finalizers.iter().filter(|it| !old.finalizers.contains(it));
        let added: Vec<String> = added.map(|it| quote(it)).collect();
        if !added.is_empty() {
            let why = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            );
            errors.push(FieldError::forbidden("metadata.finalizers", &why));
        }
    }
    let immutable = "field is immutable";
    for (field, new, old) in [
        ("metadata.name", &meta.name, &old.name),
        ("metadata.namespace", &meta.namespace, &old.namespace),
        ("metadata.uid", &meta.uid, &old.uid),
    ] {
        if new != old {
            errors.push(FieldError::invalid(field, &quote(new), immutable));
        }
    }
    errors
}

/// No rule of its own.
pub(crate) fn any_name(_: &str) -> Vec<String> {
    Vec::new()
}

/// What every name has to obey to stand in a path.
pub(crate) fn path_segment(name: &str) -> Vec<String> {
    if matches!(name, "." | "..") {
        return vec![format!("may not be '{name}'")];
    }
    let unwanted = ["/", "%"].into_iter().filter(|it| name.contains(it));
    unwanted.map(|it| format!("may not contain '{it}'")).collect()
}

/// A DNS label: names of namespaces, parts of signer names.
pub(crate) fn dns_label(label: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if label.len() > 63 {
        errors.push("must be no more than 63 characters".into());
    }
    if !is_dns_label(label) {
        errors.push(format!(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and \
             end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{LABEL}')"
        ));
    }
    errors
}

/// A DNS name.
pub(crate) fn dns_subdomain(name: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if name.len() > 253 {
        errors.push("must be no more than 253 characters".into());
    }
    if !name.split('.').all(is_dns_label) {
        errors.push(format!(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
             start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
             '{LABEL}(\\.{LABEL})*')"
        ));
    }
    errors
}

fn is_dns_label(label: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    !label.is_empty()
        && label.starts_with(inner)
        && label.ends_with(inner)
        && label.chars().all(|c| inner(c) || c == '-')
}

fn label_key(key: &str) -> Vec<String> {
    let rule = format!(
        "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
         character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{LABEL_KEY}')"
    );
    let mut errors = Vec::new();
    let name = match key.split('/').collect::<Vec<_>>().as_slice() {
        [name] => (*name).to_owned(),
        [prefix, name] => {
            if prefix.is_empty() {
                errors.push("prefix part must be non-empty".into());
            } else {
                errors.extend(dns_subdomain(prefix).iter().map(|why| format!("prefix part {why}")));
            }
            (*name).to_owned()
        }
        _ => {
            return vec![format!(
                "a valid label key {rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        errors.push("name part must be non-empty".into());
    } else if name.len() > 63 {
        errors.push("name part must be no more than 63 bytes".into());
    }
    if !is_label_text(&name) {
        errors.push(format!("name part {rule}"));
    }
    errors
}

fn label_value(value: &str) -> Option<String> {
    if value.len() > 63 {
        return Some("must be no more than 63 bytes".into());
    }
    (!value.is_empty() && !is_label_text(value)).then(|| {
        format!(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
             start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used \
             for validation is '({LABEL_KEY})?')"
        )
    })
}

fn is_label_text(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(inner)
        && text.ends_with(inner)
        && text.chars().all(|c| inner(c) || "-_.".contains(c))
}
