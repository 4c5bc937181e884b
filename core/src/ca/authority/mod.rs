//! Signing with one's own certificate authority: whether a CA may sign, what a certificate will say,
//! and its DER.
//!
//! What is signed follows the controller manager's signer
//! (`pkg/controller/certificates/authority/{authority,policies}.go`): the subject is rebuilt from user
//! and groups, extensions that were asked for are dropped, validity is backdated and ends with the
//! CA's. As in `csr`, writing takes two steps, the bytes to be signed out and the signature in.

mod encode;
mod findings;
mod issuer;
mod leaf;
mod signer;

pub use encode::{EncodeError, SERIAL_BYTES, assemble, key_identifier, serial, to_be_signed};
pub use findings::{adapt, reserved_names};
pub use issuer::{Authority, AuthorityError};
pub use leaf::{CertificateOrder, IssueError, Key, Leaf, leaf};
pub use signer::{
    REASON, SignerNameError, check_signer_name, granted, is_waiting, refusal, with_certificate,
    with_failure,
};
