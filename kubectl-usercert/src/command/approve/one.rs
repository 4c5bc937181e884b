//! One request: shown, judged, decided.

use serde_json::json;
use usercert_core::api::csr::{CsrObject, Decision, RESOURCE};
use usercert_core::api::rbac::Subject;
use usercert_core::exchange::file_name::safe_file_name;
use usercert_core::text::{shell_word, show_list, show_quoted, show_short};
use usercert_core::x509::code::Code;

use super::{Approval, Asked};
use crate::cluster::{Need, explain};
use crate::error::{Error, Exit, Result};
use crate::ui::args::DryRun;
use crate::ui::output;
use crate::workflow::grant_role::AccompanyingGrants;
use crate::workflow::known_certificates::Held;
use crate::workflow::review_sheet::Sheet;
use crate::workflow::{approval, await_certificate, revocation};

/// Longest full name that a result repeats, in columns.
const LONGEST_NAME: usize = 300;

impl Approval<'_> {
    pub(super) async fn one(&self, asked: Asked, codes: &mut Vec<Code>) -> Result<output::Item> {
        let handed_over = matches!(asked, Asked::HandedOver(_));
        let (object, in_cluster) = match asked {
            Asked::Named(name) => {
                // Side by side: the names in bindings are one more request, but no more time.
                let (found, _) = tokio::join!(approval::find(self.cluster, &name), self.bindings());
                (found?, true)
            }
            Asked::HandedOver(incoming) => {
                let signer = self.args.signer.as_deref();
                let sent = approval::to_submit(&incoming, signer, self.expires)?;
                // Nobody is asked about what is done.
                match self.asks() {
                    true => approval::approved_before(self.cluster, &sent).await,
                    false => None,
                }
                .map_or((sent, false), |object| (object, true))
            }
        };
        let mut sheet = self.sheet(object, in_cluster).await;
        codes.extend(sheet.code());

        let mut done = match approval::already(&sheet.object, Decision::Approve) {
            Err(error) if error.exit == Exit::Refused => {
                return Err(self.with_pending(error, &sheet).await);
            }
            done => in_cluster && done?,
        };
        let mut before = done;
        sheet.code_is_asked = !done && self.asks_code();
        if done {
            if !handed_over {
                self.nothing_newer(&sheet).await?;
            }
            self.host.say(format!("{} is already approved", show_short(&sheet.name, 60)));
        } else {
            let answered = self.args.yes || self.dry_run() != DryRun::None;
            self.host.say_before_asking(
                sheet.text(self.host.now(), self.host.columns()).trim_end(),
                answered,
            );
        }
        sheet.refuse(&self.args.accept)?;
        let promise = self.promise(sheet.user()).await?;
        let along = self.along(sheet.user()).await?;
        if !done {
            self.compare(&mut sheet)?;
        }
        if self.dry_run() == DryRun::None {
            let what = sheet.in_question(self.cluster, self.host.columns());
            let user = show_quoted(sheet.user(), 40);
            let question = match (done, along.roles()) {
                (false, None) => Some(format!("Approve {what}?")),
                (false, Some(roles)) => Some(format!("Approve {what}, and give them {roles}?")),
                (true, Some(roles)) => {
                    Some(format!("Give the user {user} {roles} on {}?", self.cluster.name()))
                }
                (true, None) => None,
            };
            question.map_or(Ok(()), |q| self.host.confirm(&q, self.args.yes))?;
            if !in_cluster {
                sheet = self.submit(sheet).await?;
                done = approval::already(&sheet.object, Decision::Approve)?;
                before = done;
            }
            if !done && !self.args.yes {
                let bindings = self.bindings().await;
                bindings.still_hold(self.cluster, &sheet.object, sheet.user()).await?;
            }
        }
        let approved = match done {
            true => Some(sheet.object.clone()),
            false => self.act(&sheet).await?,
        };
        let mut item = self.item(&sheet, approved.as_ref());
        if before {
            item.text =
                format!("{} unchanged (already approved)", show_short(&item.name, LONGEST_NAME));
        }
        item.value["bindings"] = self.give(&along, &mut item.text).await.into();
        if handed_over && promise.is_none() && self.dry_run() == DryRun::None {
            self.host.say(self.how_to_answer(sheet.user()));
        }
        self.follow_up(promise, approved);
        Ok(item)
    }

    fn asks(&self) -> bool {
        !self.args.yes && self.dry_run() == DryRun::None && self.host.can_ask()
    }

    fn asks_code(&self) -> bool {
        self.expected.is_empty() && self.asks()
    }

    /// Asks for the code that the person has read out, unless it was given; says so where it was not
    /// compared.
    fn compare(&self, sheet: &mut Sheet) -> Result<()> {
        if !self.asks_code() {
            if self.expected.is_empty() && self.dry_run() == DryRun::None {
                self.host.say("note: the code was not compared; use --expect CODE");
            }
            return Ok(());
        }
        let question = format!(
            "Code that {} read to you, or Enter to continue without it",
            show_short(sheet.user(), 40)
        );
        let Some(code) = self.host.ask_code(&question)? else { return Ok(()) };
        sheet.expect(&[code]);
        sheet.refuse(&self.args.accept)
    }

    /// Whoever handed a request over has no other way to the certificate.
    fn how_to_answer(&self, user: &str) -> String {
        let file = match self.args.from.as_slice() {
            [file] if file.as_os_str() != "-" => file.display().to_string(),
            _ => "FILE".to_owned(),
        };
        let reply = safe_file_name(user, "kubeconfig");
        format!(
            "To send {} the answer, add --reply to the same command:\n  kubectl usercert approve -f {} --reply {}",
            show_short(user, 60),
            shell_word(&file),
            shell_word(&reply)
        )
    }

    /// Why nothing is approved any more, and which request of that user waits.
    async fn with_pending(&self, error: Error, sheet: &Sheet) -> Error {
        let pending = approval::pending_for(self.cluster, sheet.user()).await;
        pending.iter().take(3).fold(error, |error, name| {
            error.hint(format!(
                "another request of that user is pending; to review it:\n  kubectl usercert approve -- {}",
                shell_word(name)
            ))
        })
    }

    /// Whoever names a user means the request that still waits, not one that was approved before.
    async fn nothing_newer(&self, sheet: &Sheet) -> Result<()> {
        let meant = self.args.reply.reply.is_some()
            || self.args.roles.any()
            || sheet.code().is_some_and(|code| self.expected.iter().any(|e| e.matches(&code)));
        if meant {
            return Ok(());
        }
        let pending = approval::pending_for(self.cluster, sheet.user()).await;
        let Some(first) = pending.first() else { return Ok(()) };
        let names = show_list(pending.iter().map(String::as_str), 20, 80);
        Err(Error::new(format!(
            "{} is already approved; another request for the user {} is pending: {names}",
            show_short(&sheet.name, 60),
            show_short(sheet.user(), 60)
        ))
        .hint(format!(
            "nothing was approved; to review that one:\n  kubectl usercert approve -- {}",
            shell_word(first)
        )))
    }

    async fn sheet(&self, object: CsrObject, in_cluster: bool) -> Sheet {
        let bindings = self.bindings().await;
        let mut held = match object.request() {
            Ok(request) => self.held(Some(request.subject.user())).await,
            Err(_) => Held::default(),
        };
        if let Some(print) = bindings.doubted(&object) {
            held.look_up(self.cluster, &print, self.host.now()).await;
        }
        let mut sheet = Sheet::compared(object, in_cluster, bindings, &held, &self.rules);
        sheet.expect(&self.expected);
        sheet.accepted.clone_from(&self.args.accept);
        sheet.not_checked.extend(self.not_checked().map(str::to_owned));
        sheet
    }

    /// Submits a request that was handed over. One that somebody else has submitted before is shown and
    /// judged once more, as theirs.
    async fn submit(&self, sheet: Sheet) -> Result<Sheet> {
        let submitted = approval::submit(self.cluster, &sheet.object).await?;
        if !submitted.foreign {
            return Ok(sheet.submitted(submitted.object));
        }
        let sheet = self.sheet(submitted.object, true).await;
        let decided = approval::already(&sheet.object, Decision::Approve)?;
        self.host.say_before_asking(
            format!(
                "This request was submitted before:\n{}",
                sheet.text(self.host.now(), self.host.columns())
            )
            .trim_end(),
            self.args.yes || decided,
        );
        sheet.refuse(&self.args.accept)?;
        let question =
            format!("Approve {} anyway?", sheet.in_question(self.cluster, self.host.columns()));
        self.host.confirm(&question, self.args.yes || decided)?;
        Ok(sheet)
    }

    /// Looks at the roles that come with the approval, and shows them.
    async fn along(&self, user: &str) -> Result<AccompanyingGrants> {
        let namespace = self.args.client.namespace.as_deref();
        let grants = self.args.roles.grants(&Subject::User(user.to_owned()), namespace)?;
        let along = AccompanyingGrants::prepare(self.cluster, grants).await?;
        let answered = self.args.yes || self.dry_run() != DryRun::None;
        if along.roles().is_some() {
            self.host.say_before_asking(along.text().trim_end(), answered);
        }
        Ok(along)
    }

    /// Gives the roles after the approval, which stands whatever becomes of them; the names of the
    /// bindings.
    async fn give(&self, along: &AccompanyingGrants, text: &mut String) -> Vec<String> {
        let before = "the request is approved";
        match along.give(self.cluster, &self.args.client, self.dry_run(), before).await {
            Ok(lines) => {
                lines.iter().for_each(|line| text.push_str(&format!("\n{line}")));
                along.names()
            }
            Err(error) => {
                self.host.fail(&error);
                self.ungranted.set(self.ungranted.get().gravest(error.exit));
                Vec::new()
            }
        }
    }

    /// Writes the decision. `None` for a dry run on this side, and for one of a request that is yet to be
    /// submitted.
    pub(super) async fn act(&self, sheet: &Sheet) -> Result<Option<CsrObject>> {
        let (cluster, dry) = (self.cluster, self.dry_run());
        if dry == DryRun::Client {
            return Ok(None);
        }
        if !sheet.in_cluster {
            let made = cluster.create_csr(sheet.object.raw(), true).await;
            made.map_err(|e| explain(&e, &cluster.server, &Need::Create))?;
            return Ok(None);
        }
        let condition = approval::ApprovalCondition {
            decision: Decision::Approve,
            reason: &self.args.reason,
            message: &self.args.message,
            dry_run: dry == DryRun::Server,
        };
        let written = approval::write(self.host, cluster, &sheet.object, &condition).await?;
        if sheet.is_of_revoked_user() && dry == DryRun::None {
            self.except(&written).await;
        }
        Ok(Some(written))
    }

    /// A certificate for a revoked user is of use only once it is excepted. The approval stands whatever
    /// becomes of that.
    async fn except(&self, approved: &CsrObject) {
        let uid = approved.metadata.uid.clone();
        let limit = self.args.timeout.timeout.for_waiting();
        let seen = approved.clone().into_fields();
        let excepted = async {
            let object =
                await_certificate::wait(self.host, self.cluster, seen, &uid, limit).await?;
            match await_certificate::chain_of(&object)?.first() {
                Some(leaf) => {
                    self.recorder.note(leaf, &object).await;
                    revocation::except(self.host, self.cluster, leaf).await
                }
                None => Ok(()),
            }
        };
        if let Err(error) = excepted.await {
            self.host.fail(&error.hint(
                "the request is approved; once the certificate is issued, except it with `kubectl \
                 usercert revocations lift FILE`",
            ));
            self.ungranted.set(self.ungranted.get().gravest(Exit::Failed));
        }
    }

    pub(super) fn item(&self, sheet: &Sheet, approved: Option<&CsrObject>) -> output::Item {
        let mark = self.dry_run().mark();
        let object = approved.unwrap_or(&sheet.object);
        let name = format!("{RESOURCE}/{}", object.metadata.name);
        let value = output::object(
            "Decision",
            json!({
                "name": object.metadata.name, "uid": object.metadata.uid, "decision": "Approved",
                "user": sheet.user(), "code": sheet.code().map(|c| c.short()),
                "sha256": sheet.code().map(|c| c.full()), "policy": self.rules.file(),
                "findings": sheet.findings, "dryRun": self.dry_run() != DryRun::None,
            }),
        );
        output::Item {
            text: format!("{} approved{mark}", show_short(&name, LONGEST_NAME)),
            value,
            name,
        }
    }
}
