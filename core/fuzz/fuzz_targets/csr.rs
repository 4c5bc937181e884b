//! Any bytes as a certificate request: refused, or read alike from DER and PEM, and safe to show.
#![no_main]

mod limit;

use libfuzzer_sys::fuzz_target;
use usercert_core::x509::pkcs10::{self, CertificateRequest};
use usercert_core::exchange::request_file;
use usercert_core::review::{self, Reviewed};
use usercert_core::text::first_hidden;

fuzz_target!(|data: &[u8]| {
    let _ = limit::within_limit(|| request_file::read(data));
    limit::within_limit(|| request(data));
});

fn request(data: &[u8]) {
    let Ok(request) = CertificateRequest::from_der(data) else { return };
    assert_eq!(request.der, data);
    let pem = pkcs10::to_pem(data);
    assert_eq!(CertificateRequest::from_pem(pem.as_bytes()).ok().as_ref(), Some(&request));
    assert_eq!(first_hidden(&request.subject.shown()), None);
    for name in request.alternative_names.iter().chain(&request.other_requests) {
        assert_eq!(first_hidden(name), None);
    }
    let findings = review::review(&Reviewed {
        signer_name: usercert_core::api::csr::CLIENT_SIGNER,
        usages: &["client auth".to_owned()],
        ..Reviewed::new(pem.as_bytes(), Ok(&request))
    });
    // Nobody is approved whom programs read differently.
    if !review::refuses(&findings, &[]) {
        assert!(request.strict && request.subject.common_names().count() == 1);
        assert!(!request.subject.user().is_empty());
    }
}
