//! Signing, and where the certificate goes: files, a reply, a kubeconfig of its own.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use usercert_core::ca::profile::Profile;
use usercert_core::exchange::file_name::safe_file_name;
use usercert_core::kubeconfig::Endpoint;
use usercert_core::text::{show, show_path};
use usercert_core::x509::certificate::{Certificate, chain_to_pem};
use usercert_core::x509::lifetime;

use super::draft::Draft;
use super::order::{Destination, ServedCluster, SigningOrder};
use crate::command::ca::authority::{CERTIFICATE_LIMIT, Ca, certificates};
use crate::error::{Error, Result, ResultExt as _};
use crate::files::atomic;
use crate::files::folder::Access;
use crate::files::set::{self, NewFile};
use crate::files::{Folder, reading};
use crate::ui::args::Format;
use crate::ui::host::Host;
use crate::ui::output;
use crate::workflow::findings;
use crate::workflow::kubeconfig_writer::Entry;
use crate::workflow::reply::{self, ClusterData};

const NOTHING: &str = "nothing was signed";

/// Signs, and puts certificates where they belong.
pub(super) struct Delivery<'a> {
    order: &'a SigningOrder,
    ca: &'a Ca,
    destination: Destination,
    /// For kubeconfigs, with the namespace of their contexts.
    cluster: Option<(ClusterData, Option<String>)>,
}

struct Places {
    certificate: Option<Option<PathBuf>>,
    reply: Option<Option<PathBuf>>,
}

impl Destination {
    /// Checks what can be checked before the CA's key is opened.
    pub(super) fn check(&self, profile: &Profile, requests: usize) -> Result<()> {
        let places = [&self.out, &self.reply];
        let no_directory =
            |place: &PathBuf| !place.is_dir() && !reply::is_named_as_directory(place);
        let none = places.iter().all(|place| place.is_none());
        if requests > 1 && (none || places.into_iter().flatten().any(no_directory)) {
            return Err(Error::usage(
                "several requests need a directory: --out DIR or --reply DIR",
            ));
        }
        if !profile.client && (self.standalone.is_some() || self.reply.is_some()) {
            return Err(Error::usage(format!(
                "nobody logs in with a certificate of the profile {}: --standalone and --reply do \
                 not apply",
                profile.name
            ))
            .hint(NOTHING));
        }
        if let Some(key) = &self.new_key {
            set::undo_interrupted(key);
        }
        for file in [&self.new_key, &self.standalone].into_iter().flatten() {
            must_be_new(file)?;
        }
        if let (Some(key), Some(out)) = (&self.new_key, &self.out)
            && same_place(key, out)
        {
            return Err(Error::usage("--new-key and --out name the same file").hint(NOTHING));
        }
        if self.new_key.is_some() && self.out.as_deref().is_some_and(Path::is_dir) {
            return Err(Error::usage("--out must be a file beside --new-key"));
        }
        let shown = self.out.as_deref().is_none_or(|out| out.as_os_str() == "-");
        let named = self.format == Some(Format::Name);
        if shown && named && self.reply.is_none() && self.standalone.is_none() {
            return Err(Error::usage("-o name does not show the certificate")
                .hint(format!("{NOTHING}; add --out FILE for it")));
        }
        Ok(())
    }
}

impl<'a> Delivery<'a> {
    /// Reads what kubeconfigs are to say about the cluster.
    pub(super) fn new(
        order: &'a SigningOrder,
        destination: Destination,
        served: Option<ServedCluster>,
        ca: &'a Ca,
    ) -> Result<Self> {
        let cluster = match served {
            Some(served) => {
                let namespace = served.namespace.clone();
                Some((cluster_data(served, ca)?, namespace))
            }
            None => None,
        };
        Ok(Self { order, ca, destination, cluster })
    }

    /// Shows a draft, asks, signs it, and puts it where it belongs.
    pub(super) fn sign(&self, host: &Host, draft: Draft) -> Result<Option<output::Item>> {
        let (order, ca) = (self.order, self.ca);
        let answered = order.yes || order.dry;
        host.say_before_asking(draft.text(order, ca, host).trim_end(), answered);
        findings::refuse(&draft.name(), "signed", &draft.findings, &order.accept)?;
        let places = self.places(&draft)?;
        if let Some((cluster, namespace)) = &self.cluster {
            cluster.check(&draft.leaf.user, namespace.as_deref()).hint(
                "nothing was signed; correct --server, --server-ca, --cluster-name or --namespace",
            )?;
        }
        if order.dry {
            return Ok(Some(self.item(host, &draft, None, &[])));
        }
        host.confirm(&format!("Sign this certificate for {}?", show(&draft.leaf.user)), order.yes)?;
        let chain = ca.authority.chain(ca.key.issue(&draft.leaf, &ca.authority)?);
        let files = self.write(host, &draft, &chain, &places)?;
        Ok(self.to_person(&places).then(|| self.item(host, &draft, Some(&chain), &files)))
    }

    /// Whether the result is told: not where standard output is a reply or, for people, the
    /// certificate.
    fn to_person(&self, places: &Places) -> bool {
        places.reply != Some(None)
            && (places.certificate != Some(None) || self.destination.format.is_some())
    }

    fn places(&self, draft: &Draft) -> Result<Places> {
        let user = &draft.leaf.user;
        let reply = match &self.destination.reply {
            Some(reply) => Some(reply::destination(reply, user).map_err(|error| Error {
                hints: vec![format!("{NOTHING}; name another file with --reply")],
                ..error
            })?),
            None => None,
        };
        let certificate = match self.destination.out.as_deref() {
            None if reply.is_some() || self.destination.standalone.is_some() => None,
            None => Some(None),
            Some(out) if out.as_os_str() == "-" => Some(None),
            Some(out) if out.is_dir() || reply::is_named_as_directory(out) => {
                Some(Some(out.join(safe_file_name(user, "crt"))))
            }
            Some(out) => Some(Some(out.to_owned())),
        };
        if reply == Some(None) && certificate == Some(None) {
            return Err(Error::usage("--reply and --out cannot both be standard output"));
        }
        if let (Some(Some(reply)), Some(Some(certificate))) = (&reply, &certificate)
            && same_place(reply, certificate)
        {
            return Err(Error::usage("--reply and --out name the same file")
                .hint(format!("{NOTHING}; the reply holds the certificate as well")));
        }
        if let Some(Some(file)) = &certificate {
            must_be_new(file)?;
        }
        Ok(Places { certificate, reply })
    }

    fn write(
        &self,
        host: &Host,
        draft: &Draft,
        chain: &[Certificate],
        places: &Places,
    ) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        self.write_all(host, draft, chain, places, &mut files).inspect_err(|_| {
            // All or nothing: the same command can be run again.
            for file in &files {
                let _ = std::fs::remove_file(file);
            }
        })?;
        Ok(files)
    }

    fn write_all(
        &self,
        host: &Host,
        draft: &Draft,
        chain: &[Certificate],
        places: &Places,
        files: &mut Vec<PathBuf>,
    ) -> Result<()> {
        let pem = chain_to_pem(chain);
        let key_pem = draft.key.as_ref().map(|key| key.to_pem());
        match (&places.certificate, &self.destination.new_key, &key_pem) {
            (Some(Some(file)), Some(key_file), Some(key)) => {
                set::create(&[
                    NewFile { path: key_file, content: key.as_bytes(), access: Access::Private },
                    NewFile { path: file, content: pem.as_bytes(), access: Access::Public },
                ])?;
                files.extend([file.clone(), key_file.clone()]);
            }
            (Some(None) | None, Some(key_file), Some(key)) => {
                atomic::create_new(key_file, key.as_bytes(), Access::Private)?;
                files.push(key_file.clone());
            }
            (Some(Some(file)), ..) => {
                atomic::create_new(file, pem.as_bytes(), Access::Public)?;
                files.push(file.clone());
            }
            _ => {}
        }
        if places.certificate == Some(None) && self.destination.format.is_none() {
            host.result(&pem)?;
        }
        if let (Some(reply), Some((cluster, namespace))) = (&places.reply, &self.cluster) {
            reply::write(host, cluster, chain.to_vec(), namespace.clone(), reply.as_deref())?;
            files.extend(reply.clone());
        }
        if let (Some(file), Some((cluster, namespace)), Some(key_pem)) =
            (&self.destination.standalone, &self.cluster, &key_pem)
        {
            let name = cluster.tls_server_name.as_deref();
            let endpoint = Endpoint::verified(&cluster.server, &cluster.ca, name);
            let entry = Entry {
                namespace_is_asked: false,
                context_name: format!("{}@{}", draft.leaf.user, cluster.cluster_name),
                cluster_name: cluster.cluster_name.clone(),
                endpoint: &endpoint,
                chain,
                key_pem,
                namespace: namespace.clone(),
                renewed: None,
                accepted: true,
                now: host.now(),
                exec: None,
            };
            files.extend(entry.write_standalone(file)?.files);
        }
        Ok(())
    }

    fn item(
        &self,
        host: &Host,
        draft: &Draft,
        chain: Option<&[Certificate]>,
        files: &[PathBuf],
    ) -> output::Item {
        let files: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
        let leaf = chain.and_then(<[Certificate]>::first);
        let mut fields = draft.fields(self.order);
        let more = json!({
            "serial": leaf.map(|c| &c.serial), "sha256": leaf.map(Certificate::fingerprint),
            "certificate": chain.map(chain_to_pem), "files": files, "dryRun": leaf.is_none(),
        });
        if let (Value::Object(to), Value::Object(from)) = (&mut fields, more) {
            to.extend(from);
        }
        let end = lifetime::expiry_in_words(draft.leaf.not_after, host.now());
        let shown: Vec<String> = files.iter().map(|f| show(f)).collect();
        let to = match shown.as_slice() {
            [] if leaf.is_none() => " (dry run)".to_owned(),
            [] => String::new(),
            shown => format!(", written to {}", shown.join(" and ")),
        };
        output::Item {
            value: output::object("IssuedCertificate", fields),
            name: files.first().cloned().unwrap_or_else(|| draft.leaf.user.clone()),
            text: format!("certificate for {} signed, {end}{to}", show(&draft.leaf.user)),
        }
    }
}

fn cluster_data(served: ServedCluster, ca: &Ca) -> Result<ClusterData> {
    if !served.server.starts_with("https://") {
        return Err(Error::usage(format!(
            "--server {} does not begin with https://",
            show(&served.server)
        ))
        .hint(NOTHING));
    }
    let ca = match &served.server_ca {
        Some(file) => {
            let name = show_path(file);
            certificates(&reading::read_limited(file, CERTIFICATE_LIMIT)?).context(name)?
        }
        None => vec![ca.authority.certificate().clone()],
    };
    Ok(ClusterData {
        server: served.server,
        ca,
        tls_server_name: served.tls_server_name,
        cluster_name: served.name,
    })
}

/// Whether two names are of one file, which is not there yet.
fn same_place(one: &Path, other: &Path) -> bool {
    let place = |file: &Path| {
        let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some((folder.canonicalize().ok()?, file.file_name()?.to_owned()))
    };
    one == other || place(one).is_some() && place(one) == place(other)
}

fn must_be_new(file: &Path) -> Result<()> {
    let name = show_path(file);
    if file.symlink_metadata().is_ok() {
        return Err(Error::new(format!("{name} already exists"))
            .hint(format!("{NOTHING}; move it away, or name another file")));
    }
    if let Some(what) = Folder::obstacle(file) {
        return Err(Error::new(format!("{name} {what}")).hint(NOTHING));
    }
    Ok(())
}
