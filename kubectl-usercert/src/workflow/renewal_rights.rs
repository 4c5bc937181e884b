//! What the holder of a certificate that renews itself must be allowed.

use futures_util::future::try_join_all;
use usercert_core::api::doctor;
use usercert_core::text::{shell_word, show_short};
use usercert_core::x509::certificate::Certificate;

use crate::cluster::Cluster;
use crate::ui::host::Host;

/// Asks the server, as the holder of a certificate that is to renew itself, whether that can be; says what an
/// admin has to allow if not. That it cannot be found out is no failure.
pub async fn tell(host: &Host, cluster: &Cluster, leaf: &Certificate) {
    let questions = doctor::to_renew();
    let answers = questions.iter().map(|question| cluster.may_i(question));
    let Ok(answers) = try_join_all(answers).await else {
        host.say("note: the server did not say whether this certificate may request its successor");
        return;
    };
    let denied = questions.iter().zip(answers).filter(|(_, may)| !may);
    let denied: Vec<&str> = denied.map(|(question, _)| question.verb).collect();
    if denied.is_empty() {
        return;
    }
    let verbs: Vec<&str> = questions.iter().map(|question| question.verb).collect();
    host.warn(format!(
        "warning: it cannot renew itself yet: {} may not {} certificatesigningrequests here. An admin allows it:\n  \
         kubectl create clusterrole usercert-requester --verb={} --resource=certificatesigningrequests.certificates.k8s.io\n  \
         kubectl usercert grant --clusterrole usercert-requester --cluster-wide -- {}",
        show_short(leaf.subject.user(), 80),
        denied.join(", "),
        verbs.join(","),
        shell_word(leaf.subject.user())
    ));
}
