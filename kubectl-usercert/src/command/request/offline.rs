//! A request that travels as a file.

use std::path::Path;

use serde_json::json;
use usercert_core::api::csr;
use usercert_core::encoding::yaml;
use usercert_core::exchange::command_lines;
use usercert_core::text::show;
use usercert_core::x509::pkcs10;

use super::{Asked, Made, RequestArgs, take_up_or_make};
use crate::error::{Error, Exit, Result, ResultExt as _};
use crate::files::atomic;
use crate::files::folder::Access;
use crate::files::folder::Folder;
use crate::ui::args::Format;
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::pending_request;

/// Makes a request without any cluster: to be handed to an admin.
pub(super) fn offline(host: &Host, args: &RequestArgs, asked: &Asked) -> Result<Exit> {
    let made = match &args.out_dir {
        Some(dir) => {
            let key = args.make_key(asked)?;
            let csr = key.certificate_request(&asked.identity)?;
            let made = Made { key, csr, taken_up: false };
            write_files(host, args, asked, dir, &made)?;
            made
        }
        None => {
            let store = pending_request::store()?;
            let earlier = pending_request::all(&store)?.into_iter().find(|p| {
                p.record.submitted.is_none()
                    && p.record.identity == asked.identity
                    && p.record.signer_name == args.signer
            });
            let made = match take_up_or_make(args, asked, earlier.as_ref())? {
                Some(made) => made,
                None => {
                    let key = args.make_key(asked)?;
                    let csr = key.certificate_request(&asked.identity)?;
                    Made { key, csr, taken_up: false }
                }
            };
            let id = pending_request::offline_id(&made.csr.key);
            let record = args.record(asked, &made.csr, None);
            if made.taken_up {
                host.say("taking up the unfinished request of an earlier run");
                store.update_request(&id, &serde_json::to_vec_pretty(&record)?)?;
            } else {
                pending_request::save(&store, &id, &record, &made.key)?;
            }
            made
        }
    };
    let user = asked.identity.user.as_str();
    let files = command_lines::Files::of(user);
    let manifest = args.manifest(asked, &asked.csr_name, &made.csr);
    let code = made.csr.code();
    let key = args.out_dir.as_ref().map(|dir| match &args.key {
        Some(own) => own.display().to_string(),
        None => dir.join(&files.key).display().to_string(),
    });
    let approve = command_lines::approve(&files.manifest, &code, &files.reply);
    let install = command_lines::install(&files.reply, key.as_deref(), user);
    let value = output::object(
        "Request",
        json!({
            "name": asked.csr_name, "user": user, "groups": asked.identity.groups,
            "code": code.short(), "sha256": code.full(), "submitted": false,
            "csr": pkcs10::to_pem(&made.csr.der), "manifest": manifest,
            "commands": { "approve": approve, "install": install },
        }),
    );
    match args.output.format {
        // The file to hand over is the manifest: it carries lifetime and name beside the request.
        Some(Format::Yaml) => host.result(yaml::to_string(&manifest))?,
        Some(Format::Json) => {
            output::print(host, Some(Format::Json), &value, &[], |_| String::new())?
        }
        Some(Format::Name) => host.result(format!("{}/{}", csr::RESOURCE, asked.csr_name))?,
        Some(Format::Wide) | None if args.out_dir.is_none() => {
            host.result(pkcs10::to_pem(&made.csr.der))?;
        }
        Some(Format::Wide) | None => {}
    }
    let what = match (&args.out_dir, args.output.format) {
        (Some(dir), _) => {
            format!("Send {}", show(&dir.join(&files.manifest).display().to_string()))
        }
        (None, Some(Format::Yaml)) => format!("Send the request, saved as {},", files.manifest),
        (None, _) => format!(
            "Send the request above, saved as {}, (the same command with -o yaml prints it with its lifetime)",
            files.manifest
        ),
    };
    host.say(format!(
        "\nCode {code}\n\n{what} to an admin of the cluster, who runs:\n  {approve}\nThe answer is a file without secrets. With it, run:\n  {install}",
    ));
    Ok(Exit::Done)
}

/// Puts key, request and manifest into a directory; nothing is overwritten.
pub(super) fn write_files(
    host: &Host,
    args: &RequestArgs,
    asked: &Asked,
    dir: &Path,
    made: &Made,
) -> Result<()> {
    let user = asked.identity.user.as_str();
    let files = command_lines::Files::of(user);
    let manifest = yaml::to_string(&args.manifest(asked, &asked.csr_name, &made.csr));
    let wanted = [files.key, files.csr, files.manifest].map(|name| dir.join(name));
    let skip_key = args.key.is_some();
    if let Some(there) =
        wanted.iter().skip(usize::from(skip_key)).find(|p| p.symlink_metadata().is_ok())
    {
        return Err(Error::new(format!("{} is there already", show(&there.display().to_string())))
            .hint("nothing was written; move it away, or name another --out-dir"));
    }
    Folder::open_or_create(dir)
        .context(format!("cannot write to the directory {}", show(&dir.display().to_string())))?;
    if !skip_key {
        atomic::create_new(&wanted[0], made.key.to_pem().as_bytes(), Access::Private)?;
        host.say(format!(
            "private key in {} (mode 0600); it never has to leave this machine",
            show(&wanted[0].display().to_string())
        ));
    }
    atomic::create_new(&wanted[1], pkcs10::to_pem(&made.csr.der).as_bytes(), Access::Public)?;
    atomic::create_new(&wanted[2], manifest.as_bytes(), Access::Public)?;
    Ok(())
}
