//! An own CA.

pub(crate) mod authorities;
pub(crate) mod serve;
pub(crate) mod sign;

use crate::trial::{Person, Trial};

/// Somebody with a CA in `ca.crt` and `ca.key`.
fn with_ca(trial: &Trial) -> Person {
    let person = trial.newcomer();
    person.run(&["ca", "init", "--name", "e2e-ca"]).ok().prints(&["CA e2e-ca"]);
    person
}

/// Whether openssl takes a certificate for this purpose, strictly.
fn good_for(person: &Person, certificate: &str, purpose: &str) -> bool {
    let args = ["verify", "-x509_strict", "-purpose", purpose, "-CAfile", "ca.crt", certificate];
    person.tool("openssl", &args).code == 0
}

fn text_of(person: &Person, certificate: &str) -> String {
    person.tool("openssl", &["x509", "-noout", "-text", "-in", certificate]).ok().stdout
}

fn subject_of(person: &Person, certificate: &str) -> String {
    let args = ["x509", "-noout", "-subject", "-nameopt", "RFC2253", "-in", certificate];
    let subject = person.tool("openssl", &args).ok().stdout;
    subject.trim().trim_start_matches("subject=").to_owned()
}

/// A request made by openssl, in `NAME.csr` with `NAME.key`.
fn openssl_request(person: &Person, name: &str, subject: &str, more: &[&str]) {
    let (key, csr) = (format!("{name}.key"), format!("{name}.csr"));
    let mut args = vec!["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", &key];
    args.extend(["-subj", subject, "-out", &csr]);
    args.extend(more);
    person.tool("openssl", &args).ok();
}
