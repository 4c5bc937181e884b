//! What tests need of the machine. Under `CI`, which `make test` sets too, a missing tool is a failure;
//! elsewhere the test says that it did not run.
//!
//! Tests that need root are in `kubectl-usercert/tests/root.rs` and nowhere else; `make root` runs them.
//! Tests of what root must not be: `kubectl-usercert/tests/nobody`; they become somebody else when root
//! runs them.
#![allow(dead_code, clippy::panic, clippy::print_stderr, reason = "each test uses a part of it")]

use std::process::{Command, Stdio};

/// What shows that a tool works: a program and its arguments.
const TOOLS: &[(&str, &[&str])] = &[
    ("kubectl", &["kubectl", "version", "--client"]),
    ("strace", &["strace", "-qq", "true"]),
    ("python", &["python3", "-c", "import cryptography, jsonschema"]),
];

/// Whether a tool of `docs/scripts/need` works here.
pub(crate) fn require(tool: &str) -> bool {
    let Some((_, command)) = TOOLS.iter().find(|(name, _)| *name == tool) else {
        panic!("nothing shows whether {tool} works")
    };
    let output = Command::new(command[0]).args(&command[1..]).stdin(Stdio::null()).output();
    let works = output.is_ok_and(|output| output.status.success());
    found(tool, works.then_some(())).is_some()
}

/// What a test needs, if it is there.
pub(crate) fn found<T>(what: &str, thing: Option<T>) -> Option<T> {
    if thing.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "{what} is missing: run docs/scripts/need {what}"
        );
        eprintln!("NOT RUN: {what} is missing; docs/scripts/need {what} brings it");
    }
    thing
}
