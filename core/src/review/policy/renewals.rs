//! Rules about certificates that are renewed without a person.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::Names;
use crate::api::csr::CLIENT_SIGNER;
use crate::encoding::handwritten;
use crate::time::UnixTime;
use crate::x509::lifetime::Lifetime;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Who may renew a certificate, how, and until when.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RenewalRule {
    #[serde(deserialize_with = "handwritten::word")]
    name: RuleName,
    #[serde(default, deserialize_with = "handwritten::filled")]
    users: Names,
    #[serde(default, deserialize_with = "handwritten::filled")]
    groups: Names,
    #[serde(deserialize_with = "handwritten::word")]
    until: EndDate,
    #[serde(deserialize_with = "handwritten::word")]
    max_lifetime: Lifetime,
    #[serde(default, deserialize_with = "handwritten::word")]
    earliest: Share,
    #[serde(default = "client_signer")]
    signer: String,
    #[serde(default)]
    on_reuse: OnReuse,
}

/// What becomes of a second renewal of a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnReuse {
    /// It is denied.
    #[default]
    Deny,
    /// And every certificate that descends from the same one is revoked.
    Revoke,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct RuleName(String);

/// A moment; of a day, its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct EndDate(UnixTime);

/// Part of a lifetime, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Share(u8);

fn client_signer() -> String {
    CLIENT_SIGNER.to_owned()
}

impl Default for Share {
    fn default() -> Self {
        Self(50)
    }
}

impl RenewalRule {
    /// Its name, which approvals carry.
    pub fn name(&self) -> &str {
        &self.name.0
    }

    /// The signer that must be asked.
    pub fn signer(&self) -> &str {
        &self.signer
    }

    /// The longest lifetime that may be asked for.
    pub fn longest(&self) -> Lifetime {
        self.max_lifetime
    }

    /// From when on nothing is renewed.
    pub fn until(&self) -> UnixTime {
        self.until.0
    }

    /// What becomes of a second renewal.
    pub(crate) fn on_reuse(&self) -> OnReuse {
        self.on_reuse
    }

    /// When a certificate that is valid between these two may be renewed.
    pub fn earliest(&self, not_before: UnixTime, not_after: UnixTime) -> UnixTime {
        let whole = not_after.since(not_before).max(0);
        not_before.plus(whole / 100 * i64::from(self.earliest.0))
    }

    /// Whether it is about somebody with this name and these groups.
    pub(crate) fn concerns<'a>(
        &self,
        user: &str,
        groups: impl IntoIterator<Item = &'a String>,
    ) -> bool {
        let mut groups = groups.into_iter().peekable();
        // Who has no group is in none that a rule about groups alone is for.
        let in_one = groups.peek().is_some() || self.groups.allow.is_none();
        let named = in_one || self.users.allow.is_some();
        named && self.users.permit(user) && groups.all(|group| self.groups.permit(group))
    }

    /// Whether it names this user, so that the certificate which is renewed need not be recorded.
    pub fn names(&self, user: &str) -> bool {
        self.users.allow.is_some() && self.users.permit(user)
    }
}

/// The rules of a policy: each of another name, and about somebody.
pub(super) fn rules<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<RenewalRule>, D::Error> {
    let rules = Vec::<RenewalRule>::deserialize(deserializer)?;
    for (index, rule) in rules.iter().enumerate() {
        let name = &rule.name;
        if rules.iter().take(index).any(|before| before.name == *name) {
            return Err(D::Error::custom(format!("two rules are named {name}")));
        }
        if rule.users == Names::default() && rule.groups == Names::default() {
            return Err(D::Error::custom(format!(
                "the rule {name} names neither users nor groups; users: {{allow: [\"*\"]}} is everybody"
            )));
        }
    }
    Ok(rules)
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RuleName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if text.is_empty() || text.len() > 63 || !text.bytes().all(fits) {
            return Err("a rule's name is 1 to 63 letters, digits, - and _");
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for EndDate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = || format!("{text}T00:00:00Z").parse().ok().map(|t: UnixTime| t.plus(DAY));
        let moment = text.parse().ok().or_else(day);
        moment.map(Self).ok_or("write it as \"2027-06-30\" or \"2027-06-30T18:00:00Z\"")
    }
}

impl FromStr for Share {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let share = text.strip_suffix('%').and_then(|number| number.parse().ok());
        share.filter(|s| *s < 100).map(Self).ok_or("write it as 50%, from 0% to 99%")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::policy::Policy;

    fn parsed(rule: &str) -> Result<Policy, String> {
        let text = format!("apiVersion: usercert/v1\nkind: Policy\nrenewals:\n{rule}");
        Policy::parse(&text).map_err(|e| e.to_string())
    }

    fn rule(more: &str) -> RenewalRule {
        let text = format!(
            "- name: developers\n  groups: {{allow: [\"team-*\"]}}\n  until: \"2027-06-30\"\n  maxLifetime: 12h\n{more}"
        );
        parsed(&text).unwrap().renewals()[0].clone()
    }

    #[test]
    fn a_rule_says_who_how_and_until_when() {
        let rule = rule("");
        assert_eq!(rule.name(), "developers");
        assert_eq!(rule.until().to_string(), "2027-07-01T00:00:00Z", "the whole of the last day");
        assert_eq!((rule.signer(), rule.on_reuse()), (CLIENT_SIGNER, OnReuse::Deny));
        assert_eq!(rule.longest().seconds(), 12 * 3600);
        assert_eq!(rule.earliest(UnixTime(0), UnixTime(1000)), UnixTime(500));
        let groups = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert!(rule.concerns("anybody", &groups(&["team-a", "team-b"])));
        assert!(!rule.concerns("anybody", &groups(&["team-a", "admins"])));
        assert!(!rule.concerns("anybody", &[]));
        assert!(!rule.names("anybody"), "no user is named");
    }

    #[test]
    fn rules_can_be_narrower() {
        let rule = rule(
            "  users: {allow: [\"*@example.com\"], deny: [\"root@*\"]}\n  earliest: 70%\n  signer: example.com/people\n  onReuse: revoke\n",
        );
        assert!(rule.names("alice@example.com") && !rule.names("root@example.com"));
        assert!(!rule.concerns("alice@example.org", &[]));
        assert_eq!((rule.signer(), rule.on_reuse()), ("example.com/people", OnReuse::Revoke));
        assert_eq!(rule.earliest(UnixTime(0), UnixTime(1000)), UnixTime(700));
    }

    #[test]
    fn what_is_missing_or_wrong_is_told() {
        let whole = [
            "- name: developers\n",
            "  users: {allow: [a]}\n",
            "  until: \"2027-06-30\"\n",
            "  maxLifetime: 12h\n",
        ];
        assert!(parsed(&whole.concat()).is_ok());
        for (missing, problem) in [
            (0, "missing field `name`"),
            (1, "the rule developers names neither users nor groups"),
            (2, "missing field `until`"),
            (3, "missing field `maxLifetime`"),
        ] {
            let mut rest = whole.to_vec();
            rest[missing] = if missing == 0 { "- onReuse: deny\n" } else { "" };
            let error = parsed(&rest.concat()).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
        for (line, problem) in [
            ("  earliest: 100%\n", "write it as 50%"),
            ("  earliest: 0.5\n", "quotes"),
            ("  onReuse: warn\n", "unknown variant `warn`"),
            ("  since: 2026\n", "unknown field `since`"),
        ] {
            let error = parsed(&format!("{}{line}", whole.concat())).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
        let error = parsed(&whole.concat().replace("2027-06-30", "2027-02-30")).unwrap_err();
        assert!(error.contains("line 6, column 10") && error.contains("write it as"), "{error}");
        let error = parsed(&format!("{0}{0}", whole.concat())).unwrap_err();
        assert!(error.contains("two rules are named developers"), "{error}");
    }
}
