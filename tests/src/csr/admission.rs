//! The certificate admission plugins, after `plugin/pkg/admission/certificates` and `pkg/certauthorization`.

use super::CLIENT_SIGNER;
use crate::api::{CertificateSigningRequest, Resource};
use crate::authz::{Attributes, authorize};
use crate::status::{Result, Status};
use crate::store::Store;
use crate::text::quote;
use crate::user::{MASTERS, User};
use crate::x509;

/// CertificateSubjectRestriction.
pub(crate) fn admit_create(request: &CertificateSigningRequest, resource: &Resource) -> Result<()> {
    if request.spec.signer_name != CLIENT_SIGNER {
        return Ok(());
    }
    let refuse =
        |why: &str| Status::forbidden(resource.group, resource.plural, &request.metadata.name, why);
    let parsed = x509::Request::parse(&request.spec.request)
        .map_err(|why| refuse(&format!("failed to parse CSR: {why}")))?;
    if parsed.subject.organizations().iter().any(|group| group == MASTERS) {
        return Err(refuse(
            "use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed",
        ));
    }
    Ok(())
}

/// CertificateApproval and CertificateSigning. Both look at the stored signerName.
pub(crate) fn admit_update(
    request: &CertificateSigningRequest,
    old: &CertificateSigningRequest,
    resource: &Resource,
    subresource: &str,
    user: &User,
    store: &Store,
) -> Result<()> {
    let verb = match subresource {
        "approval" => "approve",
        "status" if request.status != old.status => "sign",
        _ => return Ok(()),
    };
    let signer = &old.spec.signer_name;
    let domain = signer.split('/').next().unwrap_or_default();
    let permitted = [signer.clone(), format!("{domain}/*")].iter().any(|name| {
        let attributes = Attributes {
            verb,
            group: resource.group,
            resource: "signers",
            name,
            ..Attributes::default()
        };
        authorize(store, user, &attributes).is_some()
    });
    if permitted {
        return Ok(());
    }
    let why = format!("user not permitted to {verb} requests with signerName {}", quote(signer));
    Err(Status::forbidden(resource.group, resource.plural, &request.metadata.name, &why))
}
