//! A roster: the people who are to get certificates, one row each, as CSV or YAML.
//!
//! The whole text is read before anything is said about it, so that somebody who mends a file of a
//! thousand rows learns all that is wrong with it at once. What is written twice, or under a name that
//! is not known, is refused: in a list of people nothing may be passed over silently.

mod csv;
pub mod journal;
mod role_at;
mod yaml;

use std::collections::BTreeMap;
use std::fmt;

use crate::api::csr;
use crate::review::{Finding, FindingCode};
use crate::text;
use crate::text::confusable::Look;
use crate::x509::code::Code;
use crate::x509::identity::Identity;
use crate::x509::key::KeyType;
use crate::x509::lifetime::Lifetime;
use crate::x509::pkcs10::CertificateRequest;

pub use role_at::{RoleAt, RoleAtError};

/// Longest roster that is read, in bytes: some hundred thousand people.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// One person.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// Line of the file, counted from 1.
    pub line: usize,
    /// User and groups.
    pub identity: Identity,
    /// Lifetime to ask for; `None` leaves it to the signer.
    pub lifetime: Option<Lifetime>,
    /// Kind of key to make; no key is made for somebody who has sent a request.
    pub key_type: KeyType,
    /// Roles to bind.
    pub grants: Vec<RoleAt>,
    /// The file with the person's own certificate request.
    pub csr: Option<String>,
}

/// What holds for rows that do not say.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    /// Lifetime; `None` leaves it to the signer.
    pub lifetime: Option<Lifetime>,
    /// Kind of key.
    pub key_type: KeyType,
}

/// Something wrong in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line, counted from 1.
    pub line: usize,
    /// In words, safe to show.
    pub what: String,
}

impl Problem {
    fn new(line: usize, what: impl fmt::Display) -> Self {
        Self { line, what: what.to_string() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// A row before its values are looked at.
#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[serde(expecting = "a person with at least a name, as `- name: alice`")]
struct Row {
    #[serde(skip)]
    line: usize,
    #[serde(deserialize_with = "yaml::word")]
    name: String,
    #[serde(deserialize_with = "yaml::values")]
    groups: Vec<String>,
    #[serde(deserialize_with = "yaml::word")]
    expires: String,
    #[serde(deserialize_with = "yaml::word")]
    key_type: String,
    #[serde(deserialize_with = "yaml::values")]
    grants: Vec<String>,
    #[serde(deserialize_with = "yaml::word")]
    csr: String,
}

/// Reads a roster: the people whose rows are good, and everything that is wrong with it, in the order of
/// the lines.
pub fn read(input: &[u8], defaults: &Defaults) -> (Vec<Person>, Vec<Problem>) {
    let mut problems = Vec::new();
    let rows = match rows(input, &mut problems) {
        Ok(rows) => rows,
        Err(problem) => return (Vec::new(), vec![problem]),
    };
    let mut people = Vec::new();
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows {
        if let Some(line) = first.get(&row.name) {
            let what = format!("{} is on line {line} already", text::show_short(&row.name, 80));
            problems.push(Problem::new(row.line, what));
            continue;
        }
        if !row.name.is_empty() {
            first.insert(row.name.clone(), row.line);
        }
        people.extend(person(row, defaults, &mut problems));
    }
    problems.sort_by_key(|p| p.line);
    (people, problems)
}

fn rows(input: &[u8], problems: &mut Vec<Problem>) -> Result<Vec<Row>, Problem> {
    if input.len() > MAX_BYTES {
        return Err(Problem::new(1, "the file is longer than 16 MiB"));
    }
    let text = std::str::from_utf8(input).map_err(|error| {
        let before = input.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        Problem::new(line, "this is not UTF-8 text; save the file as UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rows = match csv::delimiter(text) {
        Some(delimiter) => csv::rows(text, delimiter, problems)?,
        None => yaml::rows(text)?,
    };
    if rows.is_empty() && problems.is_empty() {
        return Err(Problem::new(1, "it lists nobody"));
    }
    Ok(rows)
}

/// Reads a row's values.
fn person(row: Row, defaults: &Defaults, problems: &mut Vec<Problem>) -> Option<Person> {
    let before = problems.len();
    let mut wrong = |what: String| problems.push(Problem::new(row.line, what));
    let identity = Identity::parse(&row.name, &row.groups).map_err(|e| wrong(e.to_string())).ok();
    let lifetime = match row.expires.as_str() {
        "" => defaults.lifetime,
        "signer" => None,
        text => text.parse::<Lifetime>().map_err(|e| wrong(format!("expires: {e}"))).ok(),
    };
    let key_type = match row.key_type.as_str() {
        "" => Some(defaults.key_type),
        _ if !row.csr.is_empty() => {
            wrong("keyType: no key is made where csr names a request".to_owned());
            None
        }
        text => text.parse::<KeyType>().map_err(|e| wrong(format!("keyType: {e}"))).ok(),
    };
    let mut grants: Vec<RoleAt> = Vec::new();
    for text in &row.grants {
        match text.parse::<RoleAt>() {
            Ok(grant) if grants.contains(&grant) => {
                wrong(format!("grants: {grant} appears twice"));
            }
            Ok(grant) => grants.push(grant),
            Err(error) => wrong(format!("grants: {error}")),
        }
    }
    if problems.len() > before {
        return None;
    }
    let csr = Some(row.csr).filter(|c| !c.is_empty());
    Some(Person { line: row.line, identity: identity?, lifetime, key_type: key_type?, grants, csr })
}

impl Person {
    /// In what a request that the person has sent names others than the row does.
    #[must_use]
    pub fn disagreements(&self, request: &CertificateRequest) -> Vec<String> {
        let mut found = Vec::new();
        let user = request.subject.user();
        if user != self.identity.user.as_str() {
            found.push(format!("the request is for {}", text::show_short(user, 80)));
        }
        let (here, there) = (self.identity.group_set(), request.subject.groups());
        let listed =
            |names: Vec<&String>| text::show_list(names.iter().map(|n| n.as_str()), 10, 80);
        let more: Vec<&String> = there.difference(&here).collect();
        if !more.is_empty() {
            found.push(format!("the request asks for further groups: {}", listed(more)));
        }
        let fewer: Vec<&String> = here.difference(&there).collect();
        if !fewer.is_empty() {
            found.push(format!("the request lacks groups: {}", listed(fewer)));
        }
        found
    }

    /// What tells this row's certificate from any other: a row that asks for something else has another
    /// digest, and so begins anew. Grants are no part of it; they can be added to a certificate.
    pub fn digest(&self, signer: &str, request_der: Option<&[u8]>) -> String {
        let lifetime = self.lifetime.map_or("signer".to_owned(), |l| l.seconds().to_string());
        let parts = [
            self.identity.user.as_str().as_bytes(),
            signer.as_bytes(),
            lifetime.as_bytes(),
            request_der.unwrap_or(self.key_type.name().as_bytes()),
        ];
        let groups = self.identity.groups.iter().map(|group| group.as_str().as_bytes());
        Code::of_parts(parts.into_iter().chain(groups)).full()
    }
}

/// Findings on people whose names look like those of others in the same file, by their places in it.
pub fn look_alikes(people: &[&Person]) -> Vec<(usize, Finding)> {
    let mut looks: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut known: Vec<Look> = Vec::new();
    let mut found = Vec::new();
    for (place, person) in people.iter().enumerate() {
        let user = person.identity.user.as_str();
        let look = Look::of(user);
        let alike = look.keys().iter().filter_map(|key| looks.get(key)).flatten();
        let twin = alike
            .filter(|place| known.get(**place).is_some_and(|other| other.imitates(&look)))
            .min()
            .and_then(|place| people.get(*place));
        look.keys().iter().for_each(|key| looks.entry(key.clone()).or_default().push(place));
        known.push(look);
        let Some(twin) = twin.filter(|twin| twin.identity.user != person.identity.user) else {
            continue;
        };
        let message = format!(
            "user name {} looks like {} on line {}, but differs",
            text::show_short(user, 80),
            text::show_short(twin.identity.user.as_str(), 80),
            twin.line
        );
        let code = FindingCode::LookAlike;
        found.push((place, Finding { code, severity: code.severity(), message }));
    }
    found
}

/// The name of a person's request: from user and key, so that a second attempt meets the first one and
/// nobody can have taken it before.
pub fn request_name(request: &CertificateRequest) -> String {
    csr::name_with_key(&csr::name_for_user(request.subject.user()), &request.key)
}

#[cfg(test)]
mod tests;
