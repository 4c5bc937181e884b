//! What a user entry authenticates with: its certificate, and everything else.

use std::fmt;

use super::merged::User;
use super::self_renewing::{self, StoreReference};
use crate::x509::certificate::{Certificate, CertificateError};

/// A user entry, as far as it could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserEntry {
    /// The first certificate that it embeds or names, if it does.
    pub leaf: Result<Option<Certificate>, CertificateError>,
    /// Whether it has a certificate and names no key for it, as a reply does.
    pub lacks_key: bool,
    /// What it authenticates with besides a certificate.
    pub other: Option<OtherCredential>,
    /// The store that the certificate is in, if it renews itself.
    pub store: Option<StoreReference>,
}

/// A credential other than a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherCredential {
    /// A bearer token in a file.
    TokenFile,
    /// A bearer token.
    Token,
    /// A program that gives credentials.
    Exec,
    /// A legacy authentication provider.
    AuthProvider,
    /// Basic authentication.
    Password,
}

impl UserEntry {
    /// Reads an entry; `certificate_pem` is what it embeds, or what the file or store that it names
    /// holds: `None` where it does neither, and empty where that cannot be read.
    pub fn new(user: &User, certificate_pem: Option<&[u8]>) -> Self {
        let store = self_renewing::store_of(user);
        let other = OtherCredential::of(user);
        let names_key = user.client_key.is_some() || user.client_key_data.is_some();
        let chain = certificate_pem.map(Certificate::chain_from_pem).transpose();
        Self {
            leaf: chain.map(|chain| chain.and_then(|chain| chain.into_iter().next())),
            lacks_key: store.is_none() && certificate_pem.is_some() && !names_key,
            other: other.filter(|other| store.is_none() || *other != OtherCredential::Exec),
            store,
        }
    }

    /// The certificate, if it has one that can be read.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.leaf.as_ref().ok().and_then(Option::as_ref)
    }
}

impl OtherCredential {
    /// The one that counts most of those that an entry has.
    pub fn of(user: &User) -> Option<Self> {
        // Destructured in full, so that no new field is overlooked.
        let User {
            token_file,
            token,
            exec,
            auth_provider,
            username,
            client_certificate: _,
            client_certificate_data: _,
            client_key: _,
            client_key_data: _,
            password: _,
            impersonate: _,
            impersonate_uid: _,
            impersonate_groups: _,
            impersonate_user_extra: _,
        } = user;
        let found = [
            (token_file.is_some(), Self::TokenFile),
            (token.is_some(), Self::Token),
            (exec.is_some(), Self::Exec),
            (auth_provider.is_some(), Self::AuthProvider),
            (username.is_some(), Self::Password),
        ];
        found.into_iter().find_map(|(there, credential)| there.then_some(credential))
    }
}

impl fmt::Display for OtherCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TokenFile | Self::Token => "a token",
            Self::Exec => "an exec plugin",
            Self::AuthProvider => "an auth provider",
            Self::Password => "a user name and password",
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use zeroize::Zeroizing;

    use super::*;
    use crate::x509::testing::expired;

    #[test]
    fn a_certificate_is_there_or_not_or_unreadable() {
        let user = User::default();
        let none = UserEntry::new(&user, None);
        assert_eq!((none.leaf.as_ref(), none.other), (Ok(&None), None));
        let pem = [expired().to_pem(), "junk between".to_owned(), expired().to_pem()].concat();
        assert_eq!(UserEntry::new(&user, Some(pem.as_bytes())).certificate(), Some(&expired()));
        for unreadable in [&b""[..], b"junk", b"-----BEGIN CERTIFICATE-----\n"] {
            let entry = UserEntry::new(&user, Some(unreadable));
            assert!(entry.leaf.is_err());
            assert_eq!(entry.certificate(), None);
        }
    }

    #[test]
    fn a_certificate_that_renews_itself_is_a_certificate() {
        let store = StoreReference { id: "0123abcd".to_owned(), state_home: None };
        let exec = Some(self_renewing::exec("/opt/kubectl-usercert", &store));
        let user = User { exec, ..User::default() };
        let entry = UserEntry::new(&user, Some(expired().to_pem().as_bytes()));
        assert_eq!((entry.certificate(), entry.other), (Some(&expired()), None));
        assert_eq!(entry.store, Some(store));
    }

    #[test]
    fn every_other_credential_counts() {
        let user = |change: &dyn Fn(&mut User)| {
            let mut user = User::default();
            change(&mut user);
            UserEntry::new(&user, None).other
        };
        let token = || Some(Zeroizing::new("t".to_owned()));
        assert_eq!(user(&|u| u.token = token()), Some(OtherCredential::Token));
        assert_eq!(user(&|u| u.exec = Some(json!({}))), Some(OtherCredential::Exec));
        let provider = user(&|u| u.auth_provider = Some(json!({"name": "oidc"})));
        assert_eq!(provider, Some(OtherCredential::AuthProvider));
        assert_eq!(user(&|u| u.username = Some("u".into())), Some(OtherCredential::Password));
        let both = user(&|u| (u.token, u.token_file) = (token(), Some("/t".into())));
        assert_eq!(both, Some(OtherCredential::TokenFile), "kubectl lets the file win");
        let acting = user(&|u| u.impersonate = Some("root".into()));
        assert_eq!(acting, None, "acting as somebody proves nothing");
    }
}
