//! What several things have to do with each other: who signed whom, which key belongs to what.
//!
//! Whether a signature holds and which public half a private key has is the caller's to find out:
//! [`links`] says what to verify, [`relate`] takes the answers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Found, Item, Thing, profile};
use crate::api::csr::KIND;
use crate::text::{shell_word, show_short};
use crate::x509::certificate::Certificate;
use crate::x509::key::{PublicKey, SignatureAlgorithm, Verification};

/// CAs of one name that are tried for a certificate.
const CANDIDATES: usize = 8;
/// Certificates of one name that are looked at for that, and things of one key that are told.
const LOOKED_AT: usize = 64;
/// Steps of a chain that are followed.
const STEPS: usize = 16;

/// A thing and where it was found.
#[derive(Debug)]
pub struct Placed {
    /// The file, `-` or `csr/NAME`, as it can be shown.
    pub source: String,
    /// Whether people other than its owner can read the file.
    pub open: bool,
    /// What is named together, as a certificate and its key are by two flags: the same for both.
    pub pairs: Vec<String>,
    /// The thing.
    pub found: Found,
}

/// A signature to be verified: `issuer`'s key is to have signed `subject`. The two are the same for
/// what signed itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// What was signed, by its place in the list.
    pub subject: usize,
    /// Whose key is to have signed it.
    pub issuer: usize,
}

/// A signature with all that verifying it takes.
#[derive(Debug)]
pub struct Signed<'a> {
    /// The key that is to have signed.
    pub key: &'a PublicKey,
    /// How.
    pub algorithm: &'a SignatureAlgorithm,
    /// What.
    pub message: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
}

impl Link {
    /// What is to be verified.
    #[must_use]
    pub fn signed<'a>(&self, placed: &'a [Placed]) -> Option<Signed<'a>> {
        let key = match &placed.get(self.issuer)?.found.thing {
            Thing::Certificate(issuer) => &issuer.key,
            Thing::Request(request) => &request.key,
            _ => return None,
        };
        let (algorithm, message, signature) = match &placed.get(self.subject)?.found.thing {
            Thing::Certificate(c) => (&c.signature_algorithm, &c.signed, &c.signature),
            Thing::Request(r) => (&r.signature_algorithm, &r.signed, &r.signature),
            _ => return None,
        };
        Some(Signed { key, algorithm, message, signature })
    }
}

fn certificate(placed: &[Placed], index: usize) -> Option<&Certificate> {
    placed.get(index).and_then(|p| p.found.certificate())
}

/// Who may have signed whom, by names and key identifiers; each request signs itself.
#[must_use]
pub fn links(placed: &[Placed]) -> Vec<Link> {
    let mut by_name: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
    let mut known = BTreeSet::new();
    // The same CA often stands in several files; the first is named that begins with it, before chains
    // and copies in kubeconfigs.
    let mut order: Vec<(usize, &Placed)> = placed.iter().enumerate().collect();
    let leads = |i: usize| i == 0 || placed[i - 1].source != placed[i].source;
    order.sort_by_key(|(i, p)| (p.found.role.is_some(), !leads(*i)));
    for (index, p) in order {
        if let Some(ca) = p.found.certificate()
            && known.insert(&ca.der)
        {
            by_name.entry(&ca.subject_der).or_default().push(index);
        }
    }
    let mut links = Vec::new();
    for (subject, p) in placed.iter().enumerate() {
        match &p.found.thing {
            Thing::Request(_) => links.push(Link { subject, issuer: subject }),
            Thing::Certificate(certificate) => {
                let named = by_name.get(certificate.issuer_der.as_slice());
                let fits = |i: &&usize| {
                    self::certificate(placed, **i).is_some_and(|ca| {
                        certificate.names_as_issuer(ca)
                            && (ca.may_be_authority() || ca.der == certificate.der)
                    })
                };
                let named = named.into_iter().flatten().take(LOOKED_AT);
                let candidates = named.filter(fits).take(CANDIDATES);
                links.extend(candidates.map(|issuer| Link { subject, issuer: *issuer }));
            }
            _ => {}
        }
    }
    links
}

/// What the caller found out.
#[derive(Debug)]
pub struct Answers<'a> {
    /// One for each of [`links`].
    pub signatures: &'a [Verification],
    /// DER of the public half of each private key, by its place in the list; `None` for all else and
    /// where it cannot be told.
    pub public_keys: &'a [Option<Vec<u8>>],
}

/// Adds to `items`, which describe `placed` one by one, what they have to do with each other.
pub fn relate(placed: &[Placed], items: &mut [Item], links: &[Link], answers: &Answers<'_>) {
    let issuers = issuers(placed, items, links, answers.signatures);
    chains(placed, items, &issuers);
    answers_to_requests(placed, items);
    let owners = keys(placed, items, answers.public_keys);
    mismatches(placed, items, answers.public_keys, &owners);
    for (p, item) in placed.iter().zip(items.iter_mut()) {
        let secret = p.found.private_key().is_some_and(|key| key.kind.is_ok());
        if p.open && secret {
            item.problem(
                "key-readable",
                format!(
                    "users other than its owner can read the private key: chmod go-rwx -- {}",
                    shell_word(&p.source)
                ),
            );
        }
    }
}

/// For each thing the certificate that signed it. One that signed itself is a root, whoever has signed
/// it as well; else of several the one counts that is valid, and lasts longest.
fn issuers(
    placed: &[Placed],
    items: &mut [Item],
    links: &[Link],
    signatures: &[Verification],
) -> Vec<Option<usize>> {
    let mut issuers: Vec<Option<usize>> = vec![None; placed.len()];
    // What is to be said where nobody is found: by its subject, who is named and was not it.
    let mut others: BTreeMap<usize, (usize, Verification)> = BTreeMap::new();
    let valid: Vec<bool> = items.iter().map(is_valid).collect();
    let rank = |ca: usize| (valid[ca], certificate(placed, ca).map(|c| c.not_after));
    let is_request = |index: usize| matches!(placed[index].found.thing, Thing::Request(_));
    for (link, signature) in links.iter().zip(signatures) {
        let Link { subject, issuer } = *link;
        let Some(item) = items.get_mut(subject) else { continue };
        let known = issuers[subject];
        match signature {
            Verification::Invalid if is_request(subject) => item.problem(
                "signature-invalid",
                "its signature does not verify: whoever made it may not hold the key; the API server refuses it",
            ),
            Verification::Unsupported if is_request(subject) => item.note(
                "signature-unchecked",
                "its signature was not checked: the algorithm is not known here",
            ),
            Verification::Valid if subject == issuer => issuers[subject] = Some(issuer),
            // Nobody verifies what a root says of itself.
            Verification::Unsupported if subject == issuer => {
                issuers[subject].get_or_insert(issuer);
            }
            Verification::Valid => {
                let is_root = known == Some(subject);
                if !is_root && known.is_none_or(|known| rank(issuer) > rank(known)) {
                    issuers[subject] = Some(issuer);
                }
            }
            Verification::Invalid => {
                others.entry(subject).or_insert((issuer, Verification::Invalid));
            }
            Verification::Unsupported => {
                others.insert(subject, (issuer, Verification::Unsupported));
            }
        }
    }
    for (subject, (issuer, signature)) in others {
        let itself = certificate(placed, subject) == certificate(placed, issuer);
        if issuers[subject].is_some() || itself {
            continue;
        }
        let by = &placed[issuer].source;
        if signature == Verification::Unsupported {
            let message = format!(
                "names the CA in {by} as its issuer; whether that signed it was not checked: the algorithm is not known here"
            );
            items[subject].note("signature-unchecked", message);
        } else {
            items[subject].problem(
                "not-signed-by-its-ca",
                format!("names the CA in {by} as its issuer, but that CA did not sign it"),
            );
        }
    }
    issuers
}

/// Whether nothing is wrong with its time.
fn is_valid(item: &Item) -> bool {
    item.findings.iter().all(|f| !["expired", "not-yet-valid", "never-valid"].contains(&f.code))
}

/// Certificates that stand in an object beside the request that they do not answer; the API server
/// does not compare them.
fn answers_to_requests(placed: &[Placed], items: &mut [Item]) {
    for (index, pair) in placed.windows(2).enumerate() {
        let [first, second] = pair else { continue };
        let together = first.source == second.source && first.found.group == second.found.group;
        let in_object = first.found.about.contains_key(KIND);
        let (Thing::Request(request), Thing::Certificate(leaf), true) =
            (&first.found.thing, &second.found.thing, together && in_object)
        else {
            continue;
        };
        let same = request.key.spki == leaf.key.spki
            && request.subject.user() == leaf.subject.user()
            && request.subject.groups() == leaf.subject.groups();
        if !same {
            items[index + 1].problem(
                "not-the-answer",
                "it is for another key, user or groups than the request beside it: whoever signed it did not answer that request",
            );
        }
    }
}

fn chains(placed: &[Placed], items: &mut [Item], issuers: &[Option<usize>]) {
    for (subject, issuer) in issuers.iter().enumerate() {
        let (Some(issuer), Some(leaf)) = (*issuer, certificate(placed, subject)) else { continue };
        let Some(ca) = certificate(placed, issuer) else { continue };
        if ca.der == leaf.der {
            items[subject].set("selfSigned", true);
            continue;
        }
        items[subject].set("issuedBy", placed[issuer].source.clone());
        if !ca.is_ca && !items[issuer].word("profile").eq("ca") {
            // Of version 1, which cannot say so itself.
            items[issuer].set("profile", "ca");
            items[issuer].set("meaning", "signs certificates");
            items[issuer].findings.retain(|f| f.code != "self-signed");
        }
        // Of the same name as its issuer, but signed by another key.
        items[subject].findings.retain(|f| f.code != "self-signed");
        let mut above = Vec::new();
        let mut next = Some(issuer);
        while let Some(index) = next.filter(|_| above.len() < STEPS) {
            let Some(ca) = certificate(placed, index) else { break };
            // CAs that have signed each other.
            let same = |(_, c): &(usize, &Certificate)| {
                c.subject_der == ca.subject_der && c.key.spki == ca.key.spki
            };
            if above.iter().any(same) {
                break;
            }
            above.push((index, ca));
            next = issuers[index].filter(|i| *i != index);
        }
        let names: Vec<String> =
            above.iter().map(|(_, ca)| show_short(&ca.subject.shown(), 200)).collect();
        items[subject].set("chain", names);
        if check_chain(items, subject, leaf, &above) && ca.not_after < leaf.not_after {
            let message = format!(
                "it outlives its CA, which ends at {}: from then on nobody accepts it",
                ca.not_after
            );
            items[subject].note("outlives-its-ca", message);
        }
    }
}

/// What the CAs above a certificate make of it (`Go: crypto/x509`, verification of chains). Whether
/// all of them are still valid.
fn check_chain(
    items: &mut [Item],
    subject: usize,
    leaf: &Certificate,
    above: &[(usize, &Certificate)],
) -> bool {
    let name = |ca: &Certificate| show_short(&ca.subject.shown(), 200);
    let ended = above.iter().find(|(index, _)| !is_valid(&items[*index])).map(|(_, ca)| *ca);
    let mut problem = |code, message: String| items[subject].problem(code, message);
    if let Some(ca) = ended {
        let name = name(ca);
        problem("ca-expired", format!("{name} above it is not valid now: nobody accepts it"));
    }
    let mut counted = (0..).zip(above);
    let full = |(below, (_, ca)): &(u32, &(usize, &Certificate))| {
        ca.path_length.is_some_and(|most| *below > most)
    };
    if let Some((_, (_, ca))) = counted.find(full) {
        let message = format!("{} allows fewer CAs below it: nobody accepts it", name(ca));
        problem("path-too-long", message);
    }
    if !leaf.is_ca {
        for (purpose, wanted) in [
            ("client auth", leaf.allows_client_auth()),
            ("server auth", profile::allows_server_auth(leaf)),
        ] {
            let lacks = |ca: &Certificate| {
                let usages = ca.extended_key_usages.as_ref();
                usages.is_some_and(|all| all.iter().all(|u| u != purpose && u != "any"))
            };
            let stated = leaf.extended_key_usages.is_some();
            if let Some((_, ca)) = above.iter().find(|(_, ca)| wanted && stated && lacks(ca)) {
                let message = format!("{} above it is not meant for {purpose}", name(ca));
                problem("ca-other-purpose", message);
            }
        }
    }
    if let Some((_, ca)) = above.iter().find(|(_, ca)| ca.has_name_constraints) {
        let message =
            format!("{} above it limits which names it may certify; not checked here", name(ca));
        items[subject].note("name-constraints", message);
    }
    ended.is_none()
}

/// What each private key belongs to: places of certificates, requests and public keys.
fn keys(placed: &[Placed], items: &mut [Item], publics: &[Option<Vec<u8>>]) -> Vec<Vec<usize>> {
    let mut by_key: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
    for (index, p) in placed.iter().enumerate() {
        if let Some(spki) = p.found.spki() {
            let owners = by_key.entry(spki).or_default();
            if owners.len() < LOOKED_AT {
                owners.push(index);
            }
        }
    }
    let mut all = vec![Vec::new(); placed.len()];
    for (index, spki) in publics.iter().enumerate() {
        let Some(owners) = spki.as_deref().and_then(|s| by_key.get(s)) else { continue };
        for owner in owners {
            let source = placed[index].source.clone();
            if items[*owner].word("privateKey").is_empty() {
                items[*owner].set("privateKey", source);
            }
        }
        let mut sources: Vec<String> = owners.iter().map(|o| placed[*o].source.clone()).collect();
        sources.dedup();
        items[index].set("belongsTo", sources);
        all[index].clone_from(owners);
    }
    all
}

/// Keys that stand beside a certificate and do not belong to it.
fn mismatches(
    placed: &[Placed],
    items: &mut [Item],
    publics: &[Option<Vec<u8>>],
    owners: &[Vec<usize>],
) {
    let mut groups: BTreeMap<(&str, usize), Vec<usize>> = BTreeMap::new();
    // In files of their own.
    let mut pairs: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, p) in placed.iter().enumerate() {
        groups.entry((p.source.as_str(), p.found.group)).or_default().push(index);
        let named = p.pairs.iter().map(String::as_str).chain(stem(&p.source));
        named.for_each(|name| pairs.entry(name).or_default().push(index));
    }
    let mut told = BTreeSet::new();
    let in_one = groups.values().map(|members| (members, true));
    for (members, in_one) in in_one.chain(pairs.values().map(|members| (members, false))) {
        // The first certificate is the one that is presented with the key.
        let first = members.iter().find(|i| placed[**i].found.certificate().is_some());
        let Some(first) = first.copied() else { continue };
        let known = |i: &&usize| publics.get(**i).is_some_and(Option::is_some);
        let keys: Vec<usize> = members.iter().filter(known).copied().collect();
        // In files of their own, a key may belong to another file's first certificate.
        let here = |owner: usize| placed[owner].source == placed[first].source;
        let fits = |key: &usize| {
            let other_file = |owner: usize| !in_one && members.contains(&owner) && !here(owner);
            owners[*key].iter().any(|owner| *owner == first || other_file(*owner))
        };
        if keys.is_empty() || keys.iter().any(fits) || !told.insert(first) {
            continue;
        }
        let of = &placed[keys[0]].source;
        let other = owners[keys[0]].iter().any(|o| members.contains(o) && here(*o));
        let (code, message) = match other {
            true => (
                "leaf-not-first",
                "the key beside it belongs to a later certificate: programs present the first one, so put the leaf first".to_owned(),
            ),
            false => (
                "key-mismatch",
                format!("the private key in {of} does not belong to it: no handshake succeeds"),
            ),
        };
        items[first].problem(code, message);
    }
}

/// What files of a certificate and of its key have in common: `a/x` of `a/x.crt`, `a/x.key`,
/// `a/x.pem` and `a/x-key.pem`.
fn stem(source: &str) -> Option<&str> {
    let extension = Path::new(source).extension()?.to_str()?;
    if !["crt", "cert", "cer", "pem", "key"].contains(&extension) {
        return None;
    }
    let stem = source.strip_suffix(extension)?.strip_suffix('.')?;
    let ends = ["-key", "-cert", "key", "cert"];
    // Only whole names are so short: `key.pem` beside `cert.pem`.
    let whole =
        |end: &&str| end.starts_with('-') || stem == *end || stem.ends_with(&format!("/{end}"));
    let end = ends.into_iter().find(|end| whole(end) && stem.ends_with(*end));
    Some(end.and_then(|end| stem.strip_suffix(end)).unwrap_or(stem))
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::inspect::testing::{DURING, certificate, found};
    use crate::inspect::{PrivateKey, describe};
    use crate::x509::key::KeyKind;

    fn placed(source: &str, group: usize, thing: Thing) -> Placed {
        let mut found = found(thing);
        found.group = group;
        Placed { source: source.to_owned(), open: false, pairs: Vec::new(), found }
    }

    fn leaf(user: &str, key: u8) -> Thing {
        let mut certificate = certificate(user, &[]);
        certificate.key.spki = vec![key];
        certificate.der = vec![key, 1];
        Thing::Certificate(Box::new(certificate))
    }

    fn ca() -> Thing {
        let Thing::Certificate(mut ca) = leaf("ca", 9) else { unreachable!() };
        ca.is_ca = true;
        Thing::Certificate(ca)
    }

    fn key() -> Thing {
        let pkcs8 = Zeroizing::new(vec![1]);
        Thing::PrivateKey(PrivateKey { pkcs8, kind: Ok(KeyKind::P256) })
    }

    /// Codes of findings that come from relations, and the properties of each thing.
    fn related(
        placed: &[Placed],
        signature: Verification,
        publics: &[Option<u8>],
    ) -> (Vec<Item>, Vec<&'static str>) {
        let mut items: Vec<Item> = placed.iter().map(|p| describe(&p.found, DURING)).collect();
        items.iter_mut().for_each(|item| item.findings.clear());
        let links = links(placed);
        let signatures = vec![signature; links.len()];
        let public_keys: Vec<_> = publics.iter().map(|k| k.map(|k| vec![k])).collect();
        let answers = Answers { signatures: &signatures, public_keys: &public_keys };
        relate(placed, &mut items, &links, &answers);
        let codes = items.iter().flat_map(|i| &i.findings).map(|f| f.code).collect();
        (items, codes)
    }

    #[test]
    fn a_chain_is_told_when_the_signatures_hold() {
        let things =
            [placed("a.crt", 1, leaf("alice", 1)), placed("ca.crt", 1, ca()), placed("b", 1, ca())];
        let (items, codes) = related(&things, Verification::Valid, &[None, None, None]);
        assert_eq!(items[0].word("issuedBy"), "ca.crt");
        assert_eq!(items[0].properties["chain"], serde_json::json!(["CN=ca"]));
        assert!(items[1].properties.contains_key("selfSigned"));
        assert!(codes.is_empty(), "{codes:?}");
        let (items, codes) = related(&things, Verification::Invalid, &[None, None, None]);
        assert_eq!(items[0].word("issuedBy"), "");
        assert_eq!(codes, ["not-signed-by-its-ca"]);
    }

    #[test]
    fn a_leaf_signs_nobody_and_outlives_no_ca_silently() {
        let Thing::Certificate(mut short) = ca() else { unreachable!() };
        short.not_after = short.not_after.plus(-1);
        let things = [placed("a", 1, leaf("alice", 1)), placed("ca", 1, Thing::Certificate(short))];
        assert_eq!(related(&things, Verification::Valid, &[None, None]).1, ["outlives-its-ca"]);
        let no_ca = [placed("a", 1, leaf("alice", 1)), placed("x", 1, leaf("ca", 2))];
        let only_itself = vec![Link { subject: 1, issuer: 1 }];
        assert_eq!(links(&no_ca), only_itself);
    }

    #[test]
    fn what_another_of_the_same_name_signed_is_not_self_signed() {
        let Thing::Certificate(mut twin) = leaf("ca", 1) else { unreachable!() };
        twin.issuer_der.clone_from(&twin.subject_der);
        let things = [placed("a", 1, Thing::Certificate(twin)), placed("ca", 1, ca())];
        let mut items: Vec<Item> = things.iter().map(|p| describe(&p.found, DURING)).collect();
        assert_eq!(items[0].findings[0].code, "self-signed");
        let links = links(&things);
        let verdict = |l: &Link| match (l.subject, l.issuer) {
            (0, 0) => Verification::Invalid,
            _ => Verification::Valid,
        };
        let signatures: Vec<_> = links.iter().map(verdict).collect();
        let answers = Answers { signatures: &signatures, public_keys: &[None, None] };
        relate(&things, &mut items, &links, &answers);
        assert_eq!(items[0].word("issuedBy"), "ca");
        assert!(items[0].findings.is_empty(), "{:?}", items[0].findings);
    }

    #[test]
    fn what_was_not_verified_is_nobodys() {
        let things = [placed("alice", 0, leaf("alice", 1)), placed("ca", 0, ca())];
        let mut things = things;
        let Thing::Certificate(alice) = &mut things[0].found.thing else { unreachable!() };
        alice.issuer_der = certificate("ca", &[]).subject_der;
        let (items, codes) = related(&things, Verification::Unsupported, &[None, None]);
        assert_eq!(codes, ["signature-unchecked"]);
        assert!(items[0].word("issuedBy").is_empty() && !items[0].properties.contains_key("chain"));
        let (items, codes) = related(&things, Verification::Valid, &[None, None]);
        assert!(codes.is_empty() && items[0].word("issuedBy") == "ca");
    }

    #[test]
    fn a_renewed_ca_beside_its_old_certificate_is_no_ring() {
        let twin = |der: u8, not_after: i64| {
            let Thing::Certificate(mut ca) = ca() else { unreachable!() };
            ca.der = vec![9, der];
            ca.issuer_der.clone_from(&ca.subject_der);
            ca.not_after = DURING.plus(not_after);
            ca.path_length = Some(0);
            Thing::Certificate(ca)
        };
        let (old, new) = (|| twin(1, -5), || twin(2, 1_000_000_000));
        for twins in [[old(), new()], [new(), old()]] {
            let [one, other] = twins;
            let mut things = vec![
                placed("one", 0, one),
                placed("other", 0, other),
                placed("a", 0, leaf("a", 1)),
            ];
            let Thing::Certificate(a) = &mut things[2].found.thing else { unreachable!() };
            a.issuer_der = certificate("ca", &[]).subject_der;
            let mut items: Vec<Item> = things.iter().map(|p| describe(&p.found, DURING)).collect();
            let links = links(&things);
            let signatures = vec![Verification::Valid; links.len()];
            let answers = Answers { signatures: &signatures, public_keys: &[None, None, None] };
            relate(&things, &mut items, &links, &answers);
            assert_eq!(items[2].properties["chain"].as_array().map(Vec::len), Some(1));
            assert!(items[2].findings.is_empty(), "{:?}", items[2].findings);
            assert!(items[..2].iter().all(|item| item.properties["selfSigned"] == true));
            let codes: Vec<_> =
                items[..2].iter().flat_map(|i| &i.findings).map(|f| f.code).collect();
            assert_eq!(codes, ["expired"]);
        }
    }

    #[test]
    fn an_answer_to_another_request_is_told() {
        let in_object = |thing| {
            let mut placed = placed("csr/a", 1, thing);
            placed.found.about.insert(KIND.to_owned(), "a".into());
            placed
        };
        let request = crate::x509::testing::request("alice", &["dev"]);
        let mut right = certificate("alice", &["dev"]);
        right.key = request.key.clone();
        let other = Certificate { subject: certificate("root", &[]).subject, ..right.clone() };
        for (answer, expected) in [(right, &[][..]), (other, &["not-the-answer"])] {
            let things = [
                in_object(Thing::Request(Box::new(request.clone()))),
                in_object(Thing::Certificate(Box::new(answer))),
            ];
            let (_, codes) = related(&things, Verification::Valid, &[None, None]);
            assert_eq!(codes, expected);
        }
    }

    #[test]
    fn what_stands_above_can_spoil_it() {
        let leaf = certificate("alice", &[]);
        let found = |change: &dyn Fn(&mut Certificate), codes_of_ca: &[&'static str]| {
            let mut ca = certificate("ca", &[]);
            ca.extended_key_usages = None;
            change(&mut ca);
            let mut items = vec![Item::new("certificate"), Item::new("CA"), Item::new("CA")];
            for code in codes_of_ca {
                items[1].problem(code, "");
            }
            check_chain(&mut items, 0, &leaf, &[(1, &ca), (2, &ca)]);
            items[0].findings.iter().map(|f| f.code).collect::<Vec<_>>()
        };
        assert_eq!(found(&|_| {}, &[]), [""; 0]);
        assert_eq!(found(&|_| {}, &["expired"]), ["ca-expired"]);
        // The first of the two may have none below it, the second one.
        assert_eq!(found(&|ca| ca.path_length = Some(1), &[]), [""; 0]);
        assert_eq!(found(&|ca| ca.path_length = Some(0), &[]), ["path-too-long"]);
        let server = |ca: &mut Certificate| {
            ca.extended_key_usages = Some(vec!["server auth".to_owned()]);
        };
        assert_eq!(found(&server, &[]), ["ca-other-purpose"]);
        assert_eq!(found(&|ca| ca.has_name_constraints = true, &[]), ["name-constraints"]);
    }

    #[test]
    fn keys_find_what_they_belong_to() {
        let things = [
            placed("x.crt", 1, leaf("alice", 1)),
            placed("x.key", 1, key()),
            placed("y-key.pem", 1, key()),
            placed("y.pem", 1, leaf("bob", 2)),
        ];
        let (items, codes) =
            related(&things, Verification::Unsupported, &[None, Some(1), Some(2), None]);
        assert_eq!(items[0].word("privateKey"), "x.key");
        assert_eq!(items[1].properties["belongsTo"], serde_json::json!(["x.crt"]));
        assert_eq!(items[3].word("privateKey"), "y-key.pem");
        assert!(codes.is_empty(), "{codes:?}");
        let (_, codes) =
            related(&things, Verification::Unsupported, &[None, Some(2), Some(2), None]);
        assert_eq!(codes, ["key-mismatch"], "x.crt and x.key");
        // The leaf has to come first where the key is in a file of its own, too.
        let behind = [
            placed("x.crt", 1, leaf("ca", 1)),
            placed("x.crt", 1, leaf("alice", 2)),
            placed("x.key", 1, key()),
        ];
        let (_, codes) = related(&behind, Verification::Unsupported, &[None, None, Some(2)]);
        assert_eq!(codes, ["leaf-not-first"]);
        // Two certificates of one name, and the key of one of them.
        let two = [
            placed("x.crt", 1, leaf("alice", 1)),
            placed("x.pem", 1, leaf("bob", 2)),
            placed("x.key", 1, key()),
        ];
        assert!(related(&two, Verification::Unsupported, &[None, None, Some(2)]).1.is_empty());
        for (certificate, file) in [("a/cert.pem", "a/key.pem"), ("tls-cert.pem", "tls-key.pem")] {
            let pair = [placed(certificate, 1, leaf("alice", 1)), placed(file, 1, key())];
            assert_eq!(
                related(&pair, Verification::Unsupported, &[None, Some(2)]).1,
                ["key-mismatch"]
            );
            assert!(related(&pair, Verification::Unsupported, &[None, Some(1)]).1.is_empty());
        }
        let named = |source: &str, thing| Placed {
            pairs: vec!["pod --".to_owned()],
            ..placed(source, 1, thing)
        };
        let by_flags = [named("a.crt", leaf("alice", 1)), named("b.key", key())];
        assert_eq!(
            related(&by_flags, Verification::Unsupported, &[None, Some(2)]).1,
            ["key-mismatch"]
        );
        // A key of which nothing is known accuses nobody.
        assert!(related(&things, Verification::Unsupported, &[None; 4]).1.is_empty());
    }

    #[test]
    fn what_stands_in_one_entry_belongs_together() {
        let pair = |group| {
            [
                placed("config", 1, leaf("alice", 1)),
                placed("config", 1, leaf("issuer", 2)),
                placed("config", group, key()),
            ]
        };
        let codes = |group, key| {
            related(&pair(group), Verification::Unsupported, &[None, None, Some(key)]).1
        };
        assert!(codes(1, 1).is_empty());
        assert_eq!(codes(1, 3), ["key-mismatch"]);
        assert_eq!(codes(1, 2), ["leaf-not-first"]);
        assert!(codes(2, 3).is_empty(), "another entry's key");
    }

    #[test]
    fn readable_keys_are_told() {
        let mut things = [placed("a b.key", 1, key())];
        things[0].open = true;
        let (items, codes) = related(&things, Verification::Valid, &[None]);
        assert_eq!(codes, ["key-readable"]);
        assert!(items[0].findings[0].message.ends_with("chmod go-rwx -- 'a b.key'"));
    }

    #[test]
    fn a_bundle_of_one_name_costs_no_more_than_its_length() {
        let many: Vec<Placed> = (0..5_000_u32)
            .map(|i| {
                let Thing::Certificate(mut ca) = ca() else { unreachable!() };
                ca.der = i.to_be_bytes().to_vec();
                ca.issuer_der.clone_from(&ca.subject_der);
                placed("bundle", 1, Thing::Certificate(ca))
            })
            .collect();
        // Quadratic work would take minutes for these.
        assert!(links(&many).len() <= many.len() * CANDIDATES);
    }
}
