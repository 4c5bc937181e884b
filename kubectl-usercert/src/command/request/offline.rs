//! A request that travels as a file.

use serde_json::json;
use usercert_core::api::csr;
use usercert_core::encoding::yaml;
use usercert_core::exchange::{armor, command_lines};
use usercert_core::text::show_path;
use usercert_core::x509::pkcs10;

use super::RequestArgs;
use crate::error::{Exit, Result};
use crate::ui::args::Format;
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::own_request::{KeyedRequest, RequestSpec};
use crate::workflow::pending_request;

/// Makes a request without any cluster: to be handed to an admin.
pub(super) fn offline(host: &Host, args: &RequestArgs, spec: &RequestSpec) -> Result<Exit> {
    let made = match &args.out_dir {
        Some(dir) => spec.make_in(host, dir)?,
        None => keep(host, spec)?,
    };
    let user = spec.identity.user.as_str();
    let files = command_lines::Files::of(user);
    let name = spec.object_name()?;
    let manifest = spec.manifest(&name, &made.csr)?;
    let code = made.csr.code();
    let key = args.key_file();
    let approve = command_lines::approve(&files.manifest, &files.reply);
    let install = command_lines::install(&files.reply, key.as_deref());
    let groups = spec.identity.groups.iter().map(|group| group.as_str());
    let armored = || armor::wrap(armor::REQUEST, user, groups, &yaml::to_string(manifest.raw()));
    let value = output::object(
        "Request",
        json!({
            "name": name, "user": user, "groups": spec.identity.groups,
            "code": code.short(), "sha256": code.full(), "submitted": false,
            "csr": pkcs10::to_pem(&made.csr.der), "manifest": manifest.raw(),
            "commands": { "approve": approve, "install": install },
        }),
    );
    match args.output.format {
        // The file to hand over is the manifest: it carries lifetime and name beside the request.
        // With its mark, so that several put into one file are a stream.
        Some(Format::Yaml) => host.result(format!("---\n{}", yaml::to_string(manifest.raw())))?,
        Some(Format::Json) => {
            output::print(host, Some(Format::Json), &value, &[], |_| String::new())?
        }
        Some(Format::Name) => host.result(format!("{}/{}", csr::RESOURCE, name))?,
        Some(Format::Wide) | None if args.out_dir.is_none() => {
            host.result(armored())?;
        }
        Some(Format::Wide) | None => {}
    }
    let what = match (&args.out_dir, args.output.format) {
        (Some(dir), _) => format!("Send {}", show_path(&dir.join(&files.manifest))),
        (None, Some(Format::Yaml)) => format!("Send the request, saved as {},", files.manifest),
        (None, Some(Format::Json)) => {
            format!("Send what is under \"manifest\", saved as {},", files.manifest)
        }
        (None, Some(Format::Name)) => format!(
            "Send the request, which the same command with -o yaml prints, saved as {},",
            files.manifest
        ),
        (None, Some(Format::Wide) | None) => {
            format!("Send the text above, by chat or saved as {},", files.manifest)
        }
    };
    if host.is_quiet() && args.output.format != Some(Format::Json) {
        // It stands nowhere else.
        host.warn(format!("Code {code}"));
    }
    host.say(format!(
        "\nCode {code}\n\n{what} to an admin of the cluster, who runs:\n  {approve}\n\
         Read the code to the admin over another channel, such as a call: it is asked for.\n\
         The answer is a file without secrets. To install it, run:\n  {install}",
    ));
    Ok(Exit::Done)
}

/// The request of an earlier run, or a new one that is kept in the state folder.
fn keep(host: &Host, spec: &RequestSpec) -> Result<KeyedRequest> {
    let store = pending_request::store()?;
    let earlier = pending_request::all(&store)?.into_iter().find(|p| {
        p.record.submitted.is_none()
            && p.record.identity == spec.identity
            && p.record.signer_name == spec.signer
    });
    let made = match spec.take_up(earlier.as_ref(), " --offline")? {
        Some(made) => made,
        None => spec.make()?,
    };
    let id = pending_request::offline_id(&made.csr.key);
    let record = spec.record(&made.csr, None);
    if made.taken_up {
        host.say(format!(
            "resuming the unfinished request of an earlier run. If it was denied, first withdraw it:\n  {}",
            record.withdrawal("")
        ));
        pending_request::update(&store, &id, &record)?;
    } else {
        pending_request::save(&store, &id, &record, &made.key)?;
    }
    Ok(made)
}
