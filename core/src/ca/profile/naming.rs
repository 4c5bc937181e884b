//! Whom the certificates of a profile name.

use crate::text::sorted::BTreeSet;

use super::definition::{CertificateSubject, NODE_GROUP, NODE_USER, Profile};
use super::error::ProfileError;
use crate::text;
use crate::text::dns::is_domain;
use crate::x509::pkcs10::CertificateRequest;
use crate::x509::san::{AlternativeName, AlternativeNameError};

/// Whom a certificate will name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The common name.
    pub user: String,
    /// The organizations.
    pub groups: BTreeSet<String>,
}

impl Profile {
    /// Whom the certificate of a new key names. `name` is the user's, the node's or the host's.
    ///
    /// # Errors
    /// A name is missing, or one or groups are given that the profile does not take.
    pub fn named(&self, name: Option<&str>, groups: &[String]) -> Result<Named, ProfileError> {
        if self.holder != CertificateSubject::Person && !groups.is_empty() {
            return Err(ProfileError::GroupsNotTaken(self.name));
        }
        let missing = || ProfileError::NameMissing(self.name);
        let (user, groups) = match self.holder {
            CertificateSubject::Person => (name.ok_or_else(missing)?.to_owned(), groups.to_vec()),
            CertificateSubject::Component(user, group) => {
                if name.is_some() {
                    return Err(ProfileError::NameNotTaken(self.name, self.holder_in_words()));
                }
                (user.to_owned(), group.map(str::to_owned).into_iter().collect())
            }
            CertificateSubject::Node => {
                let node = name.ok_or_else(missing)?.to_ascii_lowercase();
                if !is_node_name(&node) {
                    return Err(ProfileError::NodeName(node));
                }
                (format!("{NODE_USER}{node}"), vec![NODE_GROUP.to_owned()])
            }
            CertificateSubject::Host(Some(default)) => (default.to_owned(), Vec::new()),
            CertificateSubject::Host(None) => (host_name(name.ok_or_else(missing)?)?, Vec::new()),
        };
        Ok(Named { user, groups: groups.into_iter().collect() })
    }

    /// Whom the certificate for a request names.
    ///
    /// # Errors
    /// The request names somebody whom the profile is not for, or nobody.
    pub(crate) fn named_by(
        &self,
        request: &CertificateRequest,
        name: Option<&str>,
    ) -> Result<Named, ProfileError> {
        let subject = &request.subject;
        let found = Named { user: subject.user().to_owned(), groups: subject.groups() };
        match self.holder {
            CertificateSubject::Person if name.is_some_and(|name| name != found.user) => {
                let wanted = format!("the user {}", name.unwrap_or_default());
                Err(self.other_holder(wanted, in_words(&found)))
            }
            CertificateSubject::Person => Ok(found),
            // The organizations of a server's request are a company's, not groups of Kubernetes.
            CertificateSubject::Host(default) => {
                let given = name.map(host_name).transpose()?;
                // The API server's own name stands, and another one is but a further name of it.
                let wanted = default.map(str::to_owned).or(given);
                let user = Some(found.user.clone()).filter(|user| !user.is_empty());
                let user = match (user, wanted) {
                    (Some(user), Some(wanted)) if !user.eq_ignore_ascii_case(&wanted) => {
                        let wanted = format!("the host {wanted}");
                        return Err(self.other_holder(wanted, text::show(&user)));
                    }
                    (Some(name), _) | (None, Some(name)) => name,
                    (None, None) => return Err(ProfileError::NameMissing(self.name)),
                };
                Ok(Named { user, groups: BTreeSet::new() })
            }
            CertificateSubject::Component(..) | CertificateSubject::Node => {
                self.check_prescribed(&found)?;
                if let Some(name) = name {
                    let wanted = self.named(Some(name), &[])?;
                    if wanted != found {
                        let wanted = format!("the user {}", wanted.user);
                        return Err(self.other_holder(wanted, in_words(&found)));
                    }
                }
                Ok(found)
            }
        }
    }

    /// Whether somebody is whom the profile prescribes.
    pub(super) fn check_prescribed(&self, found: &Named) -> Result<(), ProfileError> {
        let groups: Vec<&str> = found.groups.iter().map(String::as_str).collect();
        let fits = match self.holder {
            CertificateSubject::Component(user, group) => {
                found.user == user && groups == group.into_iter().collect::<Vec<_>>()
            }
            CertificateSubject::Node => {
                let node = found.user.strip_prefix(NODE_USER).unwrap_or_default();
                groups == [NODE_GROUP] && is_node_name(node)
            }
            CertificateSubject::Person | CertificateSubject::Host(_) => true,
        };
        let wanted = || self.holder_in_words();
        if fits { Ok(()) } else { Err(self.other_holder(wanted(), in_words(found))) }
    }

    fn other_holder(&self, wanted: String, found: String) -> ProfileError {
        ProfileError::OtherHolder { profile: self.name, wanted, found }
    }
}

/// Node names are domains (`pkg/apis/core/validation/validation.go`); also one that reads as an
/// address.
fn is_node_name(name: &str) -> bool {
    is_domain(name, 63)
}

/// A host's name or address, without what says which of both it is.
fn host_name(name: &str) -> Result<String, AlternativeNameError> {
    Ok(match name.parse()? {
        AlternativeName::Dns(name) => name,
        AlternativeName::Ip(address) => address.to_string(),
    })
}

pub(super) fn in_words(named: &Named) -> String {
    let groups: Vec<String> = named.groups.iter().map(|g| text::show(g)).collect();
    match groups.as_slice() {
        [] => format!("the user {} without groups", text::show(&named.user)),
        groups => format!("the user {} in {}", text::show(&named.user), groups.join(", ")),
    }
}
