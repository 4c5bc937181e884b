//! Any text as a CertificateSigningRequest object: refused, or reviewed and handed over without harm.
#![no_main]

mod limit;

use libfuzzer_sys::fuzz_target;
use usercert_core::api::csr::CsrObject;
use usercert_core::review::{self, Reviewed};
use usercert_core::text::first_hidden;
use usercert_core::exchange::certificate_file;
use usercert_core::exchange::request_file;
use usercert_core::encoding::yaml;

fuzz_target!(|data: &[u8]| {
    let _ = limit::within_limit(|| request_file::read(data));
    let _ = limit::within_limit(|| certificate_file::read(data));
    limit::within_limit(|| object(data));
});

fn object(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(value) = yaml::parse(text) else { return };
    let Ok(object) = CsrObject::from_value(value) else { return };
    let _ = (object.state(), object.requester_credential(), object.certificate_pem());
    let findings = review::review(&Reviewed {
        requester: Some(&object.spec.username),
        ..Reviewed::of(&object)
    });
    assert!(findings.iter().all(|f| first_hidden(&f.message).is_none()));
    if !review::refuses(&findings, &[]) {
        let request = object.request().expect("what is not refused can be read");
        assert!(request.strict && !request.subject.user().is_empty());
    }
}
