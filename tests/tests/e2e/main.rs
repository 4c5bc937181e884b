//! The built binary, used as people use it, on every kind of API server that there is.
//!
//! Each case runs on the sandbox, always; on a control plane of the binaries in `KUBEBUILDER_ASSETS`,
//! if that is set; and on the disposable cluster of the kubeconfig in `USERCERT_TEST_KUBECONFIG`, if
//! that is set. A case's name begins with the server that it ran on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

mod approvals;
mod approver;
mod attacks;
mod backend;
mod bad_input;
#[path = "../plugin/mod.rs"]
mod built;
mod ca;
mod ceremony;
mod completion;
mod control_plane;
mod cost;
mod create;
mod docs;
mod doctor;
mod ends;
mod first_hour;
mod formats;
mod handover;
mod inspect;
mod kubeconfig_writers;
mod kubeconfigs;
mod leaks;
mod list_watch;
mod lists;
mod looks;
mod onboard;
mod own_pki;
mod plugins;
mod policy;
mod printed;
mod pty;
mod rbac;
mod records;
mod renew;
mod revocations;
mod rights;
mod road;
mod screens;
mod self_renewal;
mod terminal;
mod token;
mod trial;
mod wire;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial as Case};

use backend::Backend;
use trial::Trial;

/// A case: its name and what it does.
type Named = (&'static str, fn(&Trial));

/// Lists functions as cases.
#[macro_export]
macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        pub(crate) const CASES: &[$crate::Named] = &[$((concat!(module_path!(), "::", stringify!($name)), $name)),+];
    };
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Two control planes' worth of processes and key generation: more threads only wait.
    arguments.test_threads.get_or_insert(4);
    trial::build_plugin();
    let backends = backend::all();
    let everywhere = [
        road::CASES,
        create::CASES,
        handover::replies::CASES,
        handover::requests::CASES,
        ends::CASES,
        first_hour::CASES,
        printed::CASES,
        ceremony::CASES,
        attacks::swaps::CASES,
        attacks::forms::CASES,
        attacks::names::CASES,
        attacks::layout::CASES,
        attacks::machine::CASES,
        bad_input::CASES,
        kubeconfigs::CASES,
        kubeconfig_writers::CASES,
        formats::CASES,
        onboard::people::CASES,
        onboard::resume::CASES,
        inspect::CASES,
        completion::CASES,
        rbac::grant::CASES,
        rbac::revoke::CASES,
        rbac::access::CASES,
        rbac::together::CASES,
        approvals::CASES,
        plugins::CASES,
        policy::CASES,
        rights::CASES,
        token::CASES,
        renew::CASES,
        list_watch::CASES,
        self_renewal::switching::CASES,
        self_renewal::renewing::CASES,
        self_renewal::crashes::CASES,
        self_renewal::inspecting::CASES,
        self_renewal::refusing::CASES,
        self_renewal::telling::CASES,
        doctor::CASES,
        records::CASES,
        approver::renewal::CASES,
        approver::reuse::CASES,
        approver::service::CASES,
        approver::rights::CASES,
        approver::crashes::CASES,
        revocations::admission::CASES,
        revocations::authorization::CASES,
        revocations::blinding::CASES,
        revocations::escapes::CASES,
        revocations::guards::CASES,
        revocations::list::CASES,
        revocations::meanwhile::CASES,
        revocations::reencoded::CASES,
        revocations::services::CASES,
        revocations::verdicts::CASES,
        ca::serve::CASES,
        wire::requests::CASES,
    ];
    let mut cases = Vec::new();
    for backend in &backends {
        for (name, run) in everywhere.iter().flat_map(|list| list.iter()) {
            cases.push(case(backend, name, *run));
        }
        if backend.sandbox().is_some() {
            let more = [
                cost::CASES,
                lists::CASES,
                screens::CASES,
                looks::CASES,
                terminal::CASES,
                leaks::CASES,
                onboard::servers::CASES,
                ca::sign::CASES,
                ca::authorities::CASES,
                wire::answers::CASES,
                wire::rig::CASES,
            ];
            for (name, run) in more.iter().flat_map(|list| list.iter()) {
                cases.push(case(backend, name, *run));
            }
        }
        if matches!(**backend, Backend::ControlPlane(_)) {
            for (name, run) in own_pki::CASES {
                cases.push(case(backend, name, *run));
            }
        }
    }
    // On sandboxes of their own: they show addresses and names of one.
    for (name, path) in docs::documents() {
        cases.push(Case::test(format!("sandbox::{name}"), move || caught(|| docs::play(&path))));
    }
    let names: Vec<&str> = backends.iter().map(|b| b.name()).collect();
    eprintln!("running end to end on: {}", names.join(", "));
    let conclusion = libtest_mimic::run(&arguments, cases);
    drop(backends);
    eprintln!("ran end to end on: {}", names.join(", "));
    conclusion.exit_code()
}

fn case(backend: &Arc<Backend>, name: &'static str, run: fn(&Trial)) -> Case {
    let backend = Arc::clone(backend);
    let short = name.strip_prefix("e2e::").unwrap_or(name);
    Case::test(format!("{}::{short}", backend.name()), move || {
        let trial = Trial::new(Arc::clone(&backend), short);
        caught(|| run(&trial))
    })
}

fn caught(run: impl FnOnce()) -> Result<(), Failed> {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
    outcome.map_err(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        Failed::from(text.unwrap_or_else(|| "panicked".to_owned()))
    })
}
