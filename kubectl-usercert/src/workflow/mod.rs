//! What commands share: submitting, reviewing, approving, waiting, checking, writing, giving roles.

pub mod approval;
pub mod authorization_file;
pub mod await_certificate;
pub mod findings;
pub mod follow;
pub mod grant_role;
pub mod installation;
pub mod kubeconfig_writer;
pub mod lease;
pub mod monitor;
pub mod own_request;
pub mod pending_request;
pub mod queue;
pub mod recent;
pub mod records;
pub mod remembered;
pub mod reply;
pub mod review_policy;
pub mod review_sheet;
pub mod revocation;
pub mod role_bindings;
pub mod self_renewal;
pub mod stop;
pub mod stored_credential;
pub mod submission;
