//! The files of earlier runs: looked for, and replies that are gone written again.

use std::sync::Arc;

use usercert_core::exchange::command_lines;
use usercert_core::roster::journal::{Step, Written};
use usercert_core::text::{shell_word, show, show_path};
use usercert_core::x509::certificate::Certificate;

use super::OnboardArgs;
use super::ledger::Ledger;
use super::report::State;
use super::rows::Row;
use crate::error::{Error, Result};
use crate::files::folder::Access;
use crate::ui::args::DryRun;
use crate::workflow::reply::ClusterData;

/// What is used to write them again.
pub struct Again<'a> {
    pub args: &'a OnboardArgs,
    pub reply: Option<&'a ClusterData>,
    pub ledger: &'a Ledger,
}

impl Again<'_> {
    /// What is to be said of somebody whom an earlier run served, unless their file is where this run would
    /// write it.
    pub async fn state(&self, row: &Row, state: &State) -> Option<State> {
        let served = match state {
            State::Before => true,
            State::Issued(issued) => issued.before,
            _ => false,
        };
        let written = row.earlier.written.as_ref().filter(|_| served)?;
        match self.file(row, written).await {
            Ok(None) => None,
            Ok(Some(_)) if self.args.dry_run.dry_run != DryRun::None => Some(State::WouldWrite),
            Ok(Some(again)) => Some(State::WrittenAgain(again)),
            Err(error) => Some(State::Gone(error.message)),
        }
    }

    /// What was written just now; `None` if the file is there.
    ///
    /// # Errors
    /// It is gone and cannot be written again.
    async fn file(&self, row: &Row, written: &Written) -> Result<Option<Written>> {
        if row.folder.has(row.file.as_ref())? {
            return Ok(None);
        }
        let (Some(pem), Some(data)) = (&written.chain, self.reply) else {
            return Err(gone(self.args, row, written));
        };
        let chain = Certificate::chain_from_pem(pem.as_bytes())?;
        let (reply, text) = data.render(chain, self.args.client.namespace.clone())?;
        let again = Written {
            file: row.path().display().to_string(),
            code: Some(reply.code().short()),
            ..written.clone()
        };
        if self.args.dry_run.dry_run == DryRun::None {
            let (folder, file) = (Arc::clone(&row.folder), row.file.clone());
            let write = move || folder.create_new(file, text.as_bytes(), Access::Public);
            tokio::task::spawn_blocking(write).await??;
            self.ledger.note(&row.digest, row.user(), Step::Written(again.clone())).await?;
        }
        Ok(Some(again))
    }
}

/// A kubeconfig holds a key that is nowhere else.
fn gone(args: &OnboardArgs, row: &Row, written: &Written) -> Error {
    let here = show_path(&row.path());
    if std::path::Path::new(&written.file).exists() {
        let there = show(&written.file);
        return Error::new(format!(
            "it is in {there}, of an earlier run, and not in {here}: move it there"
        ));
    }
    let groups = row.person.identity.groups.iter();
    let groups: String = groups.map(|g| format!(" -g {}", shell_word(g.as_str()))).collect();
    let file = shell_word(&row.path().display().to_string());
    let again = match row.request {
        None => {
            let key_type = Some(row.person.key_type);
            let terms = command_lines::terms(row.person.lifetime, &args.signer, key_type);
            let flags = args.client.repeated();
            format!(
                ", with the key in it. If it was not moved on purpose: kubectl usercert create{flags}{groups}{terms} --standalone {file} -- {}",
                shell_word(row.user())
            )
        }
        Some(_) => " and cannot be written again".to_owned(),
    };
    Error::new(format!("{here} is gone{again}"))
}
