//! The rules of reviews: those that everybody has, and the policy of whoever decides.

use std::path::PathBuf;

use clap::Args;
use usercert_core::review::policy::{self, Policy};
use usercert_core::review::{self, Finding, FindingCode, Reviewed, Severity};
use usercert_core::x509::lifetime::Lifetime;

use crate::error::{Error, Result, ResultExt as _};
use crate::files::{environment, reading};
use crate::ui::host::{Host, input_name};

/// `--policy`.
#[derive(Args, Clone, Debug, Default)]
pub struct PolicyArgs {
    /// Review under the policy in this file, instead of ~/.config/kubectl-usercert/policy.yaml
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
}

#[derive(Debug, Default, PartialEq)]
pub struct Rules(Option<(Policy, String)>);

impl PolicyArgs {
    /// The rules: with the policy that was named, else with the one in the user's configuration
    /// folder if there is one.
    ///
    /// # Errors
    /// A policy that cannot be read, with line and column. Without it nothing is to be decided.
    pub fn load(&self, host: &Host) -> Result<Rules> {
        let (file, content) = match &self.policy {
            Some(file) => (file.clone(), host.input(file, policy::MAX_BYTES)?),
            None => {
                let Some(folder) = environment::config_home() else { return Ok(Rules::default()) };
                let file = folder.join("kubectl-usercert").join("policy.yaml");
                match reading::read_limited(&file, policy::MAX_BYTES) {
                    Err(error)
                        if error.is_missing() && !reading::is_behind_a_broken_link(&file) =>
                    {
                        return Ok(Rules::default());
                    }
                    content => (file, content.hint("nothing was reviewed without the policy")?),
                }
            }
        };
        let name = input_name(&file);
        let text = String::from_utf8(content)
            .map_err(|_| Error::new(format!("{name}: the policy is not UTF-8 text")))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let policy = Policy::parse(text).context(&name).hint(
            "nothing was reviewed; docs/policy.schema.json describes the fields,\n\
             `kubectl usercert review --explain` lists the findings",
        )?;
        Ok(Rules(Some((policy, name))))
    }
}

impl Rules {
    pub fn review(&self, reviewed: &Reviewed<'_>) -> Vec<Finding> {
        match &self.0 {
            Some((policy, _)) => policy.review(reviewed),
            None => review::review(reviewed),
        }
    }

    pub fn severity(&self, code: FindingCode) -> Severity {
        self.0.as_ref().map_or_else(|| code.severity(), |(policy, _)| policy.severity(code))
    }

    /// Whether they make more than a warning of a second certificate, so that those that people hold already are
    /// looked at though nobody reads of it.
    pub fn ask_for_held(&self) -> bool {
        self.severity(FindingCode::SecondKey) > Severity::Warn
    }

    /// The longest lifetime that the policy allows, if it says so.
    pub fn longest(&self) -> Option<Lifetime> {
        self.0.as_ref().and_then(|(policy, _)| policy.longest())
    }

    /// The policy, if there is one.
    pub fn policy(&self) -> Option<&Policy> {
        self.0.as_ref().map(|(policy, _)| policy)
    }

    pub fn file(&self) -> Option<&str> {
        self.0.as_ref().map(|(_, file)| file.as_str())
    }
}
