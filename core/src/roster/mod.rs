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

/// Reads a roster.
///
/// # Errors
/// Everything that is wrong with it, in the order of the lines.
pub fn read(input: &[u8], defaults: &Defaults) -> Result<Vec<Person>, Vec<Problem>> {
    let mut problems = Vec::new();
    let rows = match rows(input, &mut problems) {
        Ok(rows) => rows,
        Err(problem) => return Err(vec![problem]),
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
    if problems.is_empty() { Ok(people) } else { Err(problems) }
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
        return Err(Problem::new(1, "there is nobody in it"));
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
                wrong(format!("grants: {grant} is there twice"));
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
            "user name {} looks like {} on line {}, but is another",
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
mod tests {
    use super::*;
    use crate::x509::lifetime::default_lifetime;

    const DEFAULTS: fn() -> Defaults =
        || Defaults { lifetime: Some(default_lifetime()), key_type: KeyType::P256 };

    fn ok(text: &str) -> Vec<Person> {
        read(text.as_bytes(), &DEFAULTS()).unwrap_or_else(|problems| panic!("{problems:?}: {text}"))
    }

    fn wrong(text: &str) -> Vec<String> {
        read(text.as_bytes(), &DEFAULTS()).unwrap_err().iter().map(ToString::to_string).collect()
    }

    const YAML: &str = "\
people:
- name: alice
  groups: [dev, ops]
  expires: 12h
  keyType: p384
  grants: [role/deployer@dev, 'clusterrole/view@*']
- name: 0042   # as it is written
  csr: bob.csr
- {name: 'Zoë, from the press', groups: press}
";

    #[test]
    fn both_forms_say_the_same() {
        let csv = "name,groups,expires,keyType,grants,csr\n\
                   alice, dev;ops, 12h, p384, role/deployer@dev; clusterrole/view@*,\n\
                   # a comment\n\
                   0042,,,,,bob.csr\n\
                   \"Zoë, from the press\",press\n\n";
        let forms = [ok(csv), ok(YAML), ok(&format!("\u{feff}{}", csv.replace('\n', "\r\n")))]
            .map(|people| people.into_iter().map(|p| Person { line: 0, ..p }).collect::<Vec<_>>());
        assert_eq!(forms[0], forms[1]);
        assert_eq!(forms[0], forms[2]);
        let alice = &forms[0][0];
        assert_eq!(alice.identity, Identity::parse("alice", &["ops", "dev"]).unwrap());
        assert_eq!((alice.lifetime.unwrap().seconds(), alice.key_type), (43_200, KeyType::P384));
        assert_eq!(alice.grants[0].to_string(), "role/deployer@dev");
        assert_eq!(forms[0][1].identity.user.as_str(), "0042");
        assert_eq!(forms[0][1].csr.as_deref(), Some("bob.csr"));
        assert_eq!(forms[0][1].lifetime, Some(default_lifetime()));
    }

    #[test]
    fn lines_are_the_files() {
        let lines = |text: &str| ok(text).iter().map(|p| p.line).collect::<Vec<_>>();
        assert_eq!(lines(YAML), [2, 7, 9]);
        assert_eq!(lines("name\na\n\n# x\nb\r\n\"c\"\n"), [2, 5, 6]);
        assert_eq!(lines("name;groups\na;\"x;y\"\nb;z\n"), [2, 3]);
        assert_eq!(lines("# staff\n\nname,groups\na,\"x;\ny\"\nb,z\n"), [4, 6]);
    }

    #[test]
    fn semicolons_separate_where_the_header_has_them() {
        let people = ok("name;groups\nalice;\"dev;ops\"\n");
        assert_eq!(people[0].identity.groups.len(), 2);
    }

    #[test]
    fn everything_wrong_is_said_with_its_line() {
        assert_eq!(
            wrong(
                "name,groups,expires,keyType,grants,csr\n\
                 alice,dev,5m,p257,view@dev,\n\
                 bob,system:masters\n\
                 alice\n\
                 \"b\tb\"\n\
                 carol,,,p256,role/x@*,c.csr\n\
                 ,dev\n\
                 dave,,,,,,more\n"
            ),
            [
                "line 2: expires: \"5m\" is shorter than 10 minutes, the least that the API server accepts",
                "line 2: keyType: unknown key type p257: choose p256, p384, ed25519, rsa2048, rsa3072 or rsa4096",
                "line 2: grants: view@dev is no grant; write it as role/NAME@NAMESPACE, clusterrole/NAME@NAMESPACE, or clusterrole/NAME@* for the whole cluster",
                "line 3: the group system:masters cannot be requested: its members pass every authorization check for ever, and the API server refuses it",
                "line 4: alice is on line 2 already",
                "line 5: the user name \"b\\tb\" holds the invisible or control character U+0009 at position 2",
                "line 6: keyType: no key is made where csr names a request",
                "line 6: grants: role/x@*: a role is in one namespace; only a cluster role can be granted in all",
                "line 7: the user name is empty",
                "line 8: there are 7 values, and the first line names 6",
            ]
        );
    }

    #[test]
    fn unknown_and_repeated_fields_are_refused() {
        assert_eq!(
            wrong("name,team\na,b\n"),
            [
                "line 1: there is no field team; there are name, groups, expires, keyType, grants, csr"
            ]
        );
        assert_eq!(wrong("name,name\na,b\n"), ["line 1: name is there twice"]);
        for (yaml, problem) in [
            (
                "people:\n- name: a\n  team: b\n",
                "line 3: people[0]: unknown field `team`, expected one of `name`, `groups`, `expires`, `keyType`, `grants`, `csr`",
            ),
            (
                "- name: b\n- groups: c\n  name: a\n  name: c\n",
                "line 2: [1]: duplicate field `name`",
            ),
            (
                "- name: b\n  groups: {x: y}\n",
                "line 2: [0].groups: invalid type: map, expected a list of values, or one value, in quotes where it looks like a number",
            ),
            (
                "- name: b\n  groups: 1e3\n",
                "line 2: [0].groups: invalid type: floating point `1000.0`, expected a list of values, or one value, in quotes where it looks like a number",
            ),
            (
                "- name: b\n  groups: [[x]]\n",
                "line 2: [0].groups[0]: invalid type: sequence, expected a string",
            ),
            ("- name: [b]\n", "line 1: [0].name: invalid type: sequence, expected a string"),
            (
                "people:\n- c\n",
                "line 2: people[0]: invalid type: string \"c\", expected a person with at least a name, as `- name: alice`",
            ),
            ("people: c\n", "line 1: people: invalid type: string \"c\", expected a sequence"),
            ("persons: []\n", "line 1: unknown field `persons`, expected `people`"),
            ("people:\n- name: a\npeople:\n- name: b\n", "line 1: duplicate field `people`"),
            (
                "alice\n",
                "line 1: invalid type: string \"alice\", expected a list of people: `people:` and one `- name: …` for each, or CSV whose first line names the fields",
            ),
            ("- &a {name: a}\n", "line 1: anchors and aliases are not allowed here"),
            ("- name: a\n---\n- name: b\n", "line 2: a second document starts here"),
            (
                "- name: a\n  \"b\\e[2J\": x\n",
                "line 2: \"[0]: unknown field `b\\u{1b}[2J`, expected one of `name`, `groups`, `expires`, `keyType`, `grants`, `csr`\"",
            ),
        ] {
            assert_eq!(wrong(yaml), [problem], "{yaml}");
        }
        assert_eq!(wrong("- name: ~\n- groups: [~]\n  name: b\n").len(), 2);
        assert_eq!(wrong("people: []\n"), ["line 1: there is nobody in it"]);
        assert_eq!(wrong("name\n"), ["line 1: there is nobody in it"]);
        assert_eq!(wrong(""), ["line 1: there is nobody in it"]);
        assert_eq!(wrong("people: [\n"), ["line 1: a bracket without its counterpart"]);
        assert_eq!(read(b"name\nM\xfcller\n", &DEFAULTS()).unwrap_err()[0].line, 2);
    }

    #[test]
    fn a_quote_that_is_not_closed_is_refused() {
        for (csv, line) in [
            ("name,groups\na,x\nb,\"y\nc,z\n", 3),
            ("name,groups\na,x\nb,\"y", 3),
            ("# staff\nname,\"groups\na,x\n", 2),
        ] {
            let problem = format!("line {line}: a quote that is opened is not closed");
            assert_eq!(wrong(csv), [problem], "{csv}");
        }
        assert_eq!(ok("name,groups\na,\"x;\ny\"\nb,a \"b\" c").len(), 2);
    }

    #[test]
    fn a_row_that_asks_for_something_else_has_another_digest() {
        let rows = [
            "alice",
            "bob",
            "alice,dev",
            "alice,dev;ops",
            "alice,,1h",
            "alice,,signer",
            "alice,,,p384",
        ];
        let digests: std::collections::BTreeSet<String> = rows
            .iter()
            .map(|row| ok(&format!("name,groups,expires,keyType\n{row}\n"))[0].digest("s", None))
            .collect();
        assert_eq!(digests.len(), rows.len());
        let one = &ok("name,grants\nalice,clusterrole/view@*\n")[0];
        assert_eq!(one.digest("s", None), ok("name\nalice\n")[0].digest("s", None));
        assert_ne!(one.digest("s", None), one.digest("t", None));
        assert_ne!(one.digest("s", None), one.digest("s", Some(b"der")));
    }

    #[cfg(feature = "unicode")]
    #[test]
    fn people_who_look_alike_are_found() {
        let people = ok("name\nalice\nbob\nаlice\n");
        let found = look_alikes(&people.iter().collect::<Vec<_>>());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, 2);
        assert_eq!(
            found[0].1.message,
            "user name аlice looks like alice on line 2, but is another"
        );
    }

    #[test]
    fn a_request_must_agree_with_its_row() {
        let request = crate::x509::testing::request("alice", &["dev", "ops"]);
        let agree =
            |row: &str| ok(&format!("name,groups,csr\n{row},f\n"))[0].disagreements(&request);
        assert_eq!(agree("alice,ops;dev"), Vec::<String>::new());
        assert_eq!(
            agree("bob,ops;sre"),
            [
                "the request is for alice",
                "the request asks for further groups: dev",
                "the request lacks groups: sre"
            ]
        );
    }
}
