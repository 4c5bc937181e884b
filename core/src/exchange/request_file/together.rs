//! Requests of several inputs.

use super::ImportedRequest;

/// The requests of several inputs, in their order. One that is there twice is taken once, and where it is
/// also there in a manifest, that counts.
pub fn together(inputs: impl IntoIterator<Item = ImportedRequest>) -> Vec<ImportedRequest> {
    let mut found: Vec<ImportedRequest> = Vec::new();
    for one in inputs {
        let same = found.iter_mut().find(|other| {
            let same = other.request.der == one.request.der;
            same && (is_bare(other) || is_bare(&one) || **other == one)
        });
        match same {
            Some(other) if is_bare(other) => *other = one,
            Some(_) => {}
            None => found.push(one),
        }
    }
    found
}

/// Whether it came without a manifest.
fn is_bare(one: &ImportedRequest) -> bool {
    let ImportedRequest { request: _, name, signer_name, usages, expiration_seconds } = one;
    name.is_none() && signer_name.is_none() && usages.is_none() && expiration_seconds.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::testing::request;

    #[test]
    fn a_request_is_taken_once_and_with_its_manifest() {
        let bare = |user: &str| ImportedRequest::bare(request(user, &[]));
        let named =
            |user: &str, name: &str| ImportedRequest { name: Some(name.to_owned()), ..bare(user) };
        let (alice, bob) = (bare("alice"), bare("bob"));
        let both = vec![named("alice", "a"), bob.clone()];
        for inputs in [
            vec![alice.clone(), bob.clone(), named("alice", "a")],
            vec![named("alice", "a"), alice.clone(), bob.clone(), bob.clone()],
        ] {
            assert_eq!(together(inputs), both);
        }
        let twice = vec![named("alice", "a"), named("alice", "b")];
        assert_eq!(together(twice.clone()), twice, "under two names they are two");
    }
}
