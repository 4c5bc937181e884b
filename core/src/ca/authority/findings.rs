//! What the review of a request comes to where it is to be signed here.

use std::collections::BTreeSet;

use crate::ca::profile::{CertificateSubject, ClusterNames, Names, Profile};
use crate::review::{Finding, FindingCode, Severity};
use crate::text;
use crate::x509::pkcs10::CertificateRequest;
use crate::x509::san::AlternativeName;

/// The review's findings on a request, as they are for one that is to be signed here.
///
/// What the profile prescribes is not a finding: a component's name for that component, host names for a
/// server. What a server in front would have checked is one: nobody else looks at the signature.
/// `weigh` says how much a finding weighs under the policy that counts.
pub fn adapt(
    mut findings: Vec<Finding>,
    request: Option<&CertificateRequest>,
    profile: &Profile,
    weigh: impl Fn(FindingCode) -> Severity,
) -> Vec<Finding> {
    findings.retain(|finding| match finding.code {
        FindingCode::PrivilegedUser | FindingCode::PrivilegedGroup => {
            !profile.prescribes_identity()
        }
        FindingCode::AlternativeNames => !profile.server,
        FindingCode::NoCommonName => !matches!(profile.holder, CertificateSubject::Host(_)),
        // Said anew below: fewer attributes are kept here than by the built-in signers.
        FindingCode::DroppedAttributes => false,
        _ => true,
    });
    for finding in &mut findings {
        match finding.code {
            FindingCode::SignatureUnchecked => {
                finding.severity = Severity::Hard;
                finding.message.push_str(": this does not prove that the requester has the key");
            }
            FindingCode::UnsupportedSignature => {
                finding.code = FindingCode::SignatureUnchecked;
                finding.message =
                    "signed in a way that is not checked here: this does not prove that the \
                     requester has the key"
                        .to_owned();
            }
            // A broken hash is what an API server still takes; a CA of one's own need not.
            FindingCode::WeakSignature if finding.severity == Severity::Warn => {
                finding.severity = Severity::Refuse;
            }
            FindingCode::AlternativeNames => finding.message.push_str("; they are left out"),
            _ => {}
        }
    }
    if let Some(dropped) = request.and_then(|request| dropped(request, profile)) {
        let code = FindingCode::DroppedAttributes;
        let message = format!("left out of the certificate: {}", text::show_short(&dropped, 200));
        findings.push(Finding { code, severity: weigh(code), message });
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// What is to be said when the request of a server, other than the API server, asks for names under
/// which people and pods reach the API server or their own machine, or for those of a whole domain.
pub fn reserved_names(
    request: &CertificateRequest,
    profile: &Profile,
    cluster: &ClusterNames,
) -> Option<Finding> {
    if !profile.server || profile.names == Names::ApiServer {
        return None;
    }
    let own = profile.names == Names::Etcd;
    let is_reserved = |name: &AlternativeName| match name {
        AlternativeName::Dns(name) => {
            let domain = name.strip_prefix("*.");
            is_of_api_server(name)
                || name == "localhost" && !own
                || domain.is_some_and(|domain| {
                    !domain.contains('.') || is_of_api_server(&format!("kubernetes.{domain}"))
                })
        }
        AlternativeName::Ip(address) => {
            address.is_loopback() && !own || cluster.service_addresses.contains(address)
        }
    };
    let asked = request.alternative_names.iter().filter_map(|name| name.parse().ok());
    let names: Vec<String> = asked.filter(is_reserved).map(|name| name.to_string()).collect();
    (!names.is_empty()).then(|| Finding {
        code: FindingCode::AlternativeNames,
        severity: Severity::Refuse,
        message: format!(
            "the request asks for names of the API server or of every machine: {}",
            text::show_list(names.iter().map(String::as_str), 10, 80)
        ),
    })
}

/// Whether it is a name of the API server's service, in a cluster of whatever domain.
fn is_of_api_server(name: &str) -> bool {
    let of_service = name.strip_prefix("kubernetes");
    let of_service = of_service.and_then(|rest| rest.strip_prefix(".default").or(Some(rest)));
    of_service.is_some_and(|rest| rest.is_empty() || rest == ".svc" || rest.starts_with(".svc."))
}

/// What a request asks for and the certificate will not hold.
fn dropped(request: &CertificateRequest, profile: &Profile) -> Option<String> {
    let host = matches!(profile.holder, CertificateSubject::Host(_));
    let kept = |name: &str| name == "CN" || name == "O" && !host;
    let attributes = request.subject.attributes.iter().map(|a| a.name().to_owned());
    let names: BTreeSet<String> = attributes
        .filter(|name| !kept(name))
        .chain(request.other_requests.iter().cloned())
        .collect();
    (!names.is_empty()).then(|| names.into_iter().collect::<Vec<_>>().join(", "))
}
