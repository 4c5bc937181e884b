//! Certificate policies (RFC 5280 section 6.1, with RFC 9618) for a verifier that requires none itself, such as the
//! API server (`Go: crypto/x509`, `policiesValid`).

use crate::encoding::der::{self, Element, Reader};
use crate::x509::code::hex;

/// The policy that stands for every other, in hexadecimal like all of them here.
const ANY: &str = "551d2000";

/// What a certificate says of policies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Policies {
    named: Vec<String>,
    /// A policy of the issuer, and one of the subject that counts as it.
    mappings: Vec<(String, String)>,
    /// After how many certificates below it a policy is required, no mapping counts, and [`ANY`] stands
    /// for no other.
    limits: [Option<u32>; 3],
}

impl Policies {
    /// Takes certificatePolicies.
    pub(crate) fn take_named(&mut self, value: &Element<'_>) -> Option<()> {
        let read = |policy: &Element<'_>| Some(hex(policy.inside().read(der::OID)?.content));
        self.named = value.elements()?.iter().map(read).collect::<Option<_>>()?;
        Some(())
    }

    /// Takes policyMappings.
    pub(crate) fn take_mappings(&mut self, value: &Element<'_>) -> Option<()> {
        for pair in value.elements()? {
            let mut pair = pair.inside();
            let mut next = || Some(hex(pair.read(der::OID)?.content));
            self.mappings.push((next()?, next()?));
        }
        Some(())
    }

    /// Takes policyConstraints.
    pub(crate) fn take_constraints(&mut self, value: &Element<'_>) {
        let mut fields = value.inside();
        for number in 0..2 {
            self.limits[usize::from(number)] = limit(&mut fields, der::context_primitive(number));
        }
    }

    /// Takes inhibitAnyPolicy.
    pub(crate) fn take_inhibit_any(&mut self, value: &[u8]) {
        self.limits[2] = limit(&mut Reader::new(value), der::INTEGER);
    }
}

fn limit(fields: &mut Reader<'_>, tag: u8) -> Option<u32> {
    match fields.read(tag)?.content {
        [byte @ 0..=0x7f] => Some(u32::from(*byte)),
        // Go ignores negative ones.
        [0x80..=0xff, ..] => None,
        _ => Some(u32::MAX),
    }
}

/// Whether a chain, the leaf first, has the policies that those in it require; beside each certificate's is
/// whether it is self-issued. What the last, the trust anchor, says does not count. Always known here.
pub(crate) fn are_met(chain: &[(&Policies, bool)]) -> Option<bool> {
    Some(evaluate(chain))
}

fn evaluate(chain: &[(&Policies, bool)]) -> bool {
    let Some((_, chain)) = chain.split_last() else { return true };
    let mut limits = [chain.len() as u32 + 1; 3];
    // The policies of the certificate above that count, as that below has to name them.
    let mut valid = vec![ANY.to_owned()];
    let mut none_is_named = false;
    for (below, (policies, is_self_issued)) in chain.iter().enumerate().rev() {
        let Policies { named, mappings, limits: own } = policies;
        let has = |list: &[String], policy: &str| list.iter().any(|p| p == policy);
        let counts = limits[2] > 0 || below > 0 && *is_self_issued;
        let any = counts && has(named, ANY);
        let above_any = has(&valid, ANY);
        valid.retain(|p| any || p != ANY && has(named, p));
        let fresh = named.iter().filter(|p| above_any && *p != ANY && !has(&valid, p));
        let fresh: Vec<String> = fresh.cloned().collect();
        valid.extend(fresh);
        none_is_named |= named.is_empty();
        if below == 0 {
            break;
        }
        if !none_is_named {
            let before = valid.clone();
            valid.retain(|p| mappings.iter().all(|(issuer, _)| issuer != p));
            for (issuer, subject) in mappings.iter().filter(|_| limits[1] > 0) {
                if issuer == ANY || subject == ANY {
                    return false;
                }
                if has(&before, issuer) || has(&before, ANY) {
                    valid.push(subject.clone());
                }
            }
        }
        for (limit, own) in limits.iter_mut().zip(own) {
            *limit = limit.saturating_sub(u32::from(!is_self_issued)).min(own.unwrap_or(u32::MAX));
        }
    }
    let leaf_requires = chain.first().is_some_and(|(leaf, _)| leaf.limits[0] == Some(0));
    !valid.is_empty() || limits[0] > 1 && !leaf_requires
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "2a01";
    const B: &str = "2a02";

    fn policies(named: &[&str], limits: [Option<u32>; 3]) -> Policies {
        let named = named.iter().map(|p| (*p).to_owned()).collect();
        Policies { named, limits, mappings: Vec::new() }
    }

    fn are_met(chain: &[&Policies]) -> bool {
        evaluate(&chain.iter().map(|p| (*p, false)).collect::<Vec<_>>())
    }

    const NONE: [Option<u32>; 3] = [None; 3];
    const REQUIRED: [Option<u32>; 3] = [Some(0), None, None];

    /// A leaf and a CA that say this, below a root.
    fn met(leaf: &[&str], ca: &[&str], limits: [Option<u32>; 3], maps: &[(&str, &str)]) -> bool {
        let mut middle = policies(ca, limits);
        let pair = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
        middle.mappings = maps.iter().map(pair).collect();
        let root = policies(&[], REQUIRED);
        are_met(&[&policies(leaf, NONE), &middle, &root])
    }

    #[test]
    fn a_policy_is_required_only_where_somebody_below_the_root_does() {
        assert!(met(&[], &[], NONE, &[]));
        assert!(!met(&[], &[], REQUIRED, &[]));
        assert!(!met(&[], &[], [Some(1), None, None], &[]), "the leaf is the first below it");
        assert!(met(&[], &[], [Some(2), None, None], &[]), "which needs none");
        assert!(met(&[A], &[A, B], REQUIRED, &[]) && met(&[A], &[ANY], REQUIRED, &[]));
        assert!(!met(&[A], &[B], REQUIRED, &[]) && !met(&[A], &[], REQUIRED, &[]));
        let leaf = policies(&[], REQUIRED);
        assert!(!are_met(&[&leaf, &policies(&[], NONE)]), "a leaf itself");
        assert!(are_met(&[&leaf]), "trusted itself");
    }

    #[test]
    fn policies_are_mapped_and_any_stands_for_all() {
        assert!(met(&[B], &[A], REQUIRED, &[(A, B)]) && !met(&[A], &[A], REQUIRED, &[(A, B)]));
        assert!(!met(&[], &[A], NONE, &[(ANY, B)]), "a mapping of any policy");
        assert!(met(&[], &[], NONE, &[(ANY, B)]), "nobody looks at it without policies");
        assert!(met(&[ANY], &[A], REQUIRED, &[]));
        assert!(!met(&[ANY], &[A], [Some(0), None, Some(0)], &[]));
        assert!(met(&[], &[], [None, None, Some(0)], &[]), "which requires none");
    }

    #[test]
    fn limits_are_read_as_go_does() {
        let read = |content: &[u8]| {
            let der = der::element(der::INTEGER, &[content]);
            limit(&mut Reader::new(&der), der::INTEGER)
        };
        assert_eq!([read(&[0]), read(&[5])], [Some(0), Some(5)]);
        assert_eq!([read(&[0xff]), read(&[1, 0])], [None, Some(u32::MAX)]);
    }
}
