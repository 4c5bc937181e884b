//! Findings as people read them, and what becomes of those that refuse.

use std::collections::BTreeSet;

use usercert_core::review::{self, Finding, FindingCode, Severity};
use usercert_core::text::show_short;
use usercert_core::x509::code::{Code, ExpectedCode};

use crate::error::{Error, Result, ResultExt as _};
use crate::ui::output;

/// One line for each finding, folded where it would be longer than the terminal is wide.
pub fn lines(findings: &[Finding], columns: Option<usize>) -> String {
    let line = |finding: &Finding| {
        let weight = match finding.severity {
            Severity::Info => "info",
            Severity::Warn => "WARNING",
            Severity::Refuse => "REFUSED",
            Severity::Hard => "REFUSED, cannot be accepted",
        };
        let line = format!("{weight}: {} [{}]", finding.message, finding.code.as_str());
        output::folded(&line, columns) + "\n"
    };
    // Who submitted it, the sheet says already.
    let told =
        |f: &&Finding| f.code != FindingCode::RequesterDiffers || f.severity > Severity::Info;
    findings.iter().filter(told).map(line).collect()
}

/// The finding on a request that is none of those `expected` by their codes; `found` is its own code, if
/// it can be read.
pub fn not_expected(found: Option<Code>, expected: &[ExpectedCode]) -> Finding {
    let shown = found.map_or("unreadable".to_owned(), |code| code.short());
    let message = match (expected, &found) {
        ([one], Some(code)) => format!(
            "this is not the expected request: its code is {shown}, not {one} ({})",
            one.difference(code)
        ),
        ([_], None) => format!("this is not the expected request: its code is {shown}"),
        _ => format!("this is none of the expected requests: its code is {shown}"),
    };
    Finding { code: FindingCode::NotExpected, severity: Severity::Hard, message }
}

/// Fails if a refusing finding was not accepted; the error says that `what` is not `done`.
pub fn refuse(what: &str, done: &str, findings: &[Finding], accepted: &[String]) -> Result<()> {
    let refuses = |f: &&Finding| review::refuses(std::slice::from_ref(*f), accepted);
    let against: Vec<&Finding> = findings.iter().filter(refuses).collect();
    if against.is_empty() {
        return Ok(());
    }
    let words: Vec<String> =
        against.iter().map(|f| format!("{} [{}]", f.message, f.code.as_str())).collect();
    let error =
        Error::refused(format!("{} is not {done}: {}", show_short(what, 60), words.join("; ")));
    if against.iter().any(|f| f.code == FindingCode::NotExpected) {
        return Err(error.hint(
            "check the code for a typo: let the person read it to you again\n\
             if it still differs, this is not the person's request: do not approve it",
        ));
    }
    Err(match accepting(&against) {
        Some(flags) => error.hint(format!("if this is intended: {flags}")),
        None => error.hint("this cannot be accepted; the person has to make a new request"),
    })
}

/// The flags that let these refusing findings pass; `None` if one cannot be accepted.
pub fn accepting(refusing: &[&Finding]) -> Option<String> {
    if refusing.iter().any(|f| f.severity == Severity::Hard) {
        return None;
    }
    let codes: BTreeSet<&str> = refusing.iter().map(|f| f.code.as_str()).collect();
    let flags: Vec<String> = codes.iter().map(|code| format!("--accept {code}")).collect();
    Some(flags.join(" "))
}

/// Makes sure that `--accept` names a finding that can be accepted.
pub fn can_be_accepted(code: &str) -> Result<()> {
    let found = code.parse::<FindingCode>().context("--accept").usage();
    let found = found.hint("`kubectl usercert review --explain` lists them")?;
    if found.severity() == Severity::Hard {
        return Err(Error::usage(format!("--accept {code}: this finding cannot be accepted"))
            .hint("the person has to make a new request"));
    }
    Ok(())
}
