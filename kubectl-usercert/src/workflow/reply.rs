//! Building and writing the reply for somebody without access.

use std::path::{Path, PathBuf};

use usercert_core::exchange::file_name::safe_file_name;
use usercert_core::exchange::reply::Reply;
use usercert_core::exchange::{armor, command_lines};
use usercert_core::kubeconfig::Endpoint;
use usercert_core::text::{show, show_path, show_short};
use usercert_core::x509::certificate::Certificate;

use crate::cluster::{Cluster, Need, Target, explain};
use crate::error::{Error, Result, ResultExt as _};
use crate::files::Folder;
use crate::files::atomic;
use crate::files::folder::Access;
use crate::ui::args::{ClientArgs, ReplyArgs, Timeout};
use crate::ui::host::Host;

/// Where a reply for `user` goes: `None` for standard output.
pub fn destination(reply: &Path, user: &str) -> Result<Option<PathBuf>> {
    if reply.as_os_str() == "-" {
        return Ok(None);
    }
    let file = if reply.is_dir() || is_named_as_directory(reply) {
        reply.join(safe_file_name(user, "kubeconfig"))
    } else {
        reply.to_owned()
    };
    if file.symlink_metadata().is_ok() {
        return Err(Error::new(format!("{} already exists", show_path(&file)))
            .hint("nothing was approved; move it away, or name another file with --reply"));
    }
    if let Some(what) = Folder::obstacle(&file) {
        return Err(Error::new(format!("{} {what}", show_path(&file)))
            .hint("nothing was approved; name another file with --reply"));
    }
    Ok(Some(file))
}

/// Whether a path ends with a slash, as only that of a directory does.
pub fn is_named_as_directory(path: &Path) -> bool {
    path.as_os_str().to_string_lossy().ends_with(std::path::is_separator)
}

/// The reply's cluster data, checked before anything is approved.
pub struct ClusterData {
    pub server: String,
    pub ca: Vec<Certificate>,
    /// The name that its certificate is checked for, if not the address.
    pub tls_server_name: Option<String>,
    pub cluster_name: String,
}

/// Finds out what a reply will say about the cluster.
pub async fn cluster_data(
    target: &Target,
    cluster: &Cluster,
    args: &ReplyArgs,
    user: &str,
    client: &ClientArgs,
) -> Result<ClusterData> {
    let timeout = client.request_timeout;
    let endpoint = &target.endpoint;
    if endpoint.insecure {
        return Err(Error::new(
            "this connection does not check the server's certificate, so the reply cannot name its CA",
        )
        .hint("nothing was approved; connect with --certificate-authority FILE instead"));
    }
    let server = args.reply_server.clone().unwrap_or_else(|| endpoint.server.clone());
    if !server.starts_with("https://") {
        return Err(Error::usage(format!(
            "the reply's server {} does not begin with https://",
            show(&server)
        ))
        .hint("nothing was approved; give the address with --reply-server"));
    }
    let known = endpoint.ca();
    let ca = if known.is_empty() { published_ca(endpoint, cluster, timeout).await? } else { known };
    if let Some(other) = ca.iter().find(|c| !c.may_be_authority()) {
        return Err(Error::new(format!(
            "{} is not a CA certificate, but the server is checked with it",
            other.subject.shown()
        ))
        .hint("nothing was approved; give the cluster's CA with --certificate-authority FILE"));
    }
    let cluster_name =
        args.reply_cluster_name.clone().unwrap_or_else(|| target.cluster_name().to_owned());
    let tls_server_name = endpoint.tls_server_name.clone().filter(|_| args.reply_server.is_none());
    let data = ClusterData { server, ca, tls_server_name, cluster_name };
    data.fits(user, client)?;
    Ok(data)
}

impl ClusterData {
    /// Makes sure that a reply for this user can be made.
    pub fn fits(&self, user: &str, client: &ClientArgs) -> Result<()> {
        self.check(user, client.namespace.as_deref()).hint(
            "nothing was approved; correct --reply-server, --reply-cluster-name or --namespace",
        )
    }

    /// The same, without saying what to mend.
    pub fn check(&self, user: &str, namespace: Option<&str>) -> Result<()> {
        // Everything but the certificate is known by now; the CA stands in for it.
        let trial = self.reply(user, self.ca.clone(), namespace.map(str::to_owned));
        let text = trial.to_text()?;
        Reply::parse(text.as_bytes()).context("no reply could be made").usage()?;
        Ok(())
    }

    pub fn render(
        &self,
        chain: Vec<Certificate>,
        namespace: Option<String>,
    ) -> Result<(Reply, String)> {
        let user = chain.first().map(|c| c.subject.user().to_owned()).unwrap_or_default();
        let reply = self.reply(&user, chain, namespace);
        let text = reply.to_text()?;
        // What is sent must be what install takes: hostile names would be refused there.
        Reply::parse(text.as_bytes()).context("no usable reply can be made")?;
        Ok((reply, text))
    }

    fn reply(&self, user: &str, chain: Vec<Certificate>, namespace: Option<String>) -> Reply {
        Reply {
            context_name: format!("{user}@{}", self.cluster_name),
            server: self.server.clone(),
            ca: self.ca.clone(),
            tls_server_name: self.tls_server_name.clone(),
            chain,
            cluster_name: self.cluster_name.clone(),
            namespace,
        }
    }
}

/// The CA that the cluster publishes for its workloads, if the server's certificate holds up against
/// it on a live connection.
async fn published_ca(
    endpoint: &Endpoint,
    cluster: &Cluster,
    timeout: Timeout,
) -> Result<Vec<Certificate>> {
    let mut last = None;
    for namespace in ["kube-system", "kube-public"] {
        let map = match cluster.config_map(namespace, "kube-root-ca.crt").await {
            Ok(map) => map,
            Err(error) => {
                last = Some(explain(&error, &cluster.server, &Need::RootCa));
                continue;
            }
        };
        let pem = map["data"]["ca.crt"].as_str().unwrap_or_default();
        let Ok(ca) = Certificate::chain_from_pem(pem.as_bytes()) else { continue };
        let checked =
            Endpoint { ca_pem: Some(pem.as_bytes().to_vec()), insecure: false, ..endpoint.clone() };
        let touched = Cluster::anonymous(&checked, timeout)?.touch().await;
        match touched {
            Ok(()) => return Ok(ca),
            Err(error) => last = Some(explain(&error, &cluster.server, &Need::RootCa)),
        }
    }
    let why = last.map(|e| e.message).unwrap_or_default();
    Err(Error::new(format!("no known CA has signed the server's certificate: {why}"))
        .hint("nothing was approved; give the CA with --certificate-authority FILE"))
}

pub fn write(
    host: &Host,
    data: &ClusterData,
    chain: Vec<Certificate>,
    namespace: Option<String>,
    file: Option<&Path>,
) -> Result<()> {
    let (reply, text) = data.render(chain, namespace)?;
    let subject = &reply.leaf()?.subject;
    let (user, groups) = (subject.user(), subject.groups());
    let code = reply.code();
    match file {
        None => {
            let groups = groups.iter().map(String::as_str);
            host.result(armor::wrap(armor::REPLY, user, groups, &text))?;
        }
        Some(file) => {
            atomic::create_new(file, text.as_bytes(), Access::Public)?;
            host.say(format!("reply written to {}", show_path(file)));
        }
    }
    if host.is_quiet() {
        // Nobody else can read it out.
        host.warn(format!("Code {}  {}", code.short(), show_short(user, 60)));
    }
    let name = file.and_then(Path::file_name).map_or("FILE".into(), |name| name.to_string_lossy());
    host.say(format!(
        "Code {}\n\nThe reply holds no secret. Send it to {}, who runs:\n  {}\n\
         Read the code to them over another channel, such as a call: it is asked for.",
        code.short(),
        show(user),
        command_lines::install(&name, None)
    ));
    if ["https://127.", "https://localhost", "https://[::1]"]
        .iter()
        .any(|p| reply.server.starts_with(p))
    {
        host.warn(format!(
            "warning: {} is reachable from this machine only; the person needs another address in the reply",
            show(&reply.server)
        ));
    }
    Ok(())
}
