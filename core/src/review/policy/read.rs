//! Reading a policy file.

use std::collections::BTreeMap;

use super::{Families, Family, LifetimeRule, Names, Pattern, Policy, PolicyError, Requester};
use crate::encoding::placed::{self, Fields, Node};
use crate::review::{FindingCode, Severity};
use crate::text;
use crate::x509::lifetime::Lifetime;

/// `apiVersion` of a policy.
pub const API_VERSION: &str = "usercert/v1";
/// `kind` of a policy.
pub const KIND: &str = "Policy";

pub(super) fn policy(text: &str) -> Result<Policy, PolicyError> {
    const TOP: [&str; 9] = [
        "apiVersion",
        "kind",
        "signers",
        "users",
        "groups",
        "lifetime",
        "keys",
        "requester",
        "findings",
    ];
    let root = placed::parse(text)?;
    let top = root.fields(&TOP)?;
    constant(top, "apiVersion", API_VERSION)?;
    constant(top, "kind", KIND)?;
    Ok(Policy {
        signers: top.get("signers").map(patterns).transpose()?,
        users: top.get("users").map(names).transpose()?.unwrap_or_default(),
        groups: top.get("groups").map(names).transpose()?.unwrap_or_default(),
        lifetime: top.get("lifetime").map(lifetime).transpose()?,
        keys: top.get("keys").map(keys).transpose()?.unwrap_or_default(),
        requester: top.get("requester").map(requester).transpose()?,
        severities: top.get("findings").map(severities).transpose()?.unwrap_or_default(),
    })
}

fn constant(top: Fields<'_>, field: &str, value: &str) -> Result<(), PolicyError> {
    let node = top.required(field)?;
    match node.text()? {
        found if found == value => Ok(()),
        found => {
            let found = text::show_short(found, 60);
            Err(node.place.error(format!("{field} is {found}; {value} is expected")))
        }
    }
}

fn patterns(node: &Node) -> Result<Vec<Pattern>, PolicyError> {
    node.list()?
        .iter()
        .map(|item| match item.text()? {
            "" => Err(item.place.error("an empty pattern, which no name matches")),
            text => Ok(Pattern::new(text)),
        })
        .collect()
}

/// A mapping that says something: an empty one would pass for a rule and be none.
fn some_fields<'a>(node: &'a Node, known: &[&str]) -> Result<Fields<'a>, PolicyError> {
    let fields = node.fields(known)?;
    if known.iter().all(|name| fields.get(name).is_none()) {
        let known = known.join(", ");
        return Err(node.place.error(format!("nothing is in it; known here: {known}")));
    }
    Ok(fields)
}

fn names(node: &Node) -> Result<Names, PolicyError> {
    let fields = some_fields(node, &["allow", "deny"])?;
    Ok(Names {
        allow: fields.get("allow").map(patterns).transpose()?,
        deny: fields.get("deny").map(patterns).transpose()?.unwrap_or_default(),
    })
}

fn lifetime(node: &Node) -> Result<LifetimeRule, PolicyError> {
    let fields = some_fields(node, &["max", "signerChooses"])?;
    let max = match fields.get("max") {
        None => None,
        Some(node) => {
            let max = node.text()?.parse::<Lifetime>();
            Some(max.map_err(|error| node.place.error(error.to_string()))?)
        }
    };
    let signer_chooses = fields.get("signerChooses").map(Node::bool).transpose()?;
    // A maximum that the signer need not keep would be none.
    Ok(LifetimeRule { max, signer_chooses: signer_chooses.unwrap_or(max.is_none()) })
}

fn keys(node: &Node) -> Result<Families, PolicyError> {
    let fields = some_fields(node, &["types", "minimumRsaBits"])?;
    let types = match fields.get("types") {
        None => None,
        Some(node) => Some(node.list()?.iter().map(family).collect::<Result<Vec<_>, _>>()?),
    };
    let minimum_rsa_bits = match fields.get("minimumRsaBits") {
        None => None,
        Some(node) => {
            let bits = usize::try_from(node.integer()?).ok().filter(|b| (1024..=8192).contains(b));
            Some(bits.ok_or_else(|| node.place.error("from 1024 to 8192 bits are possible"))?)
        }
    };
    Ok(Families { types, minimum_rsa_bits })
}

fn family(node: &Node) -> Result<Family, PolicyError> {
    let word = node.text()?;
    let found = Family::ALL.into_iter().find(|family| family.name() == word);
    found.ok_or_else(|| {
        let known = Family::ALL.map(Family::name).join(", ");
        let word = text::show_short(word, 40);
        node.place.error(format!("unknown key type {word}; known are {known}"))
    })
}

fn requester(node: &Node) -> Result<Requester, PolicyError> {
    let fields = some_fields(node, &["sameUser", "users", "groups"])?;
    let rule = Requester {
        same_user: fields.get("sameUser").map(Node::bool).transpose()?.unwrap_or(false),
        users: fields.get("users").map(patterns).transpose()?.unwrap_or_default(),
        groups: fields.get("groups").map(patterns).transpose()?.unwrap_or_default(),
    };
    if !rule.same_user && rule.users.is_empty() && rule.groups.is_empty() {
        return Err(node.place.error("nobody may ask by this rule; name users or groups"));
    }
    Ok(rule)
}

fn severities(node: &Node) -> Result<BTreeMap<FindingCode, Severity>, PolicyError> {
    let mut severities = BTreeMap::new();
    for (key, value) in node.mapping()? {
        let code = key.text.parse::<FindingCode>();
        let code = code.map_err(|error| key.place.error(error.to_string()))?;
        if code.severity() == Severity::Hard {
            let problem = format!("{}: it always refuses, and no policy can change that", key.text);
            return Err(key.place.error(problem));
        }
        let severity = match value.text()? {
            "allow" => Severity::Info,
            "warn" => Severity::Warn,
            "refuse" => Severity::Refuse,
            other => {
                let other = text::show_short(other, 40);
                return Err(value.place.error(format!("{other}: expected allow, warn or refuse")));
            }
        };
        severities.insert(code, severity);
    }
    Ok(severities)
}
