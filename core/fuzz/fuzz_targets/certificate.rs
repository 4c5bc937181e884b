//! Any bytes as a certificate: refused, or read alike from DER and PEM, described and dumped safely.
#![no_main]

mod limit;

use libfuzzer_sys::fuzz_target;
use usercert_core::x509::certificate::Certificate;
use usercert_core::inspect::{self, dump};
use usercert_core::text::first_hidden;
use usercert_core::time::UnixTime;

fuzz_target!(|data: &[u8]| limit::within_limit(|| {
    let Ok(certificate) = Certificate::from_der(data) else { return };
    assert_eq!(certificate.der, data);
    let chain = Certificate::chain_from_pem(certificate.to_pem().as_bytes());
    assert_eq!(chain.as_deref(), Ok(&[certificate][..]));
    for found in inspect::read(data).expect("a certificate is found") {
        let item = inspect::describe(&found, UnixTime(1_700_000_000));
        assert!(item.findings.iter().all(|f| first_hidden(&f.message).is_none()));
        if let Some(text) = dump::dump(&found) {
            assert!(text.lines().all(|line| first_hidden(line).is_none()));
        }
    }
}));
