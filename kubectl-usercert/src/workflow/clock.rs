//! What time it is where something is found to be over: the server's, since its clock decides what it takes.

use usercert_core::time::{UnixTime, human_duration};

use crate::cluster::Cluster;
use crate::ui::host::Host;

/// Seconds that clocks may differ without a word.
const TOLERANCE: i64 = 300;

/// The time by the server's last answer; this machine's, if it does not tell. Says so where they differ.
pub fn now(host: &Host, cluster: &Cluster) -> UnixTime {
    let here = host.now();
    let Some(there) = cluster.time() else { return here };
    if let Some(warning) = difference(here, there) {
        host.warn(warning);
    }
    there
}

/// The warning that this machine's clock differs from the server's, if it does.
pub fn difference(here: UnixTime, there: UnixTime) -> Option<String> {
    let ahead = here.since(there);
    let by = human_duration(ahead.abs());
    let whose = if ahead > 0 { "ahead of" } else { "behind" };
    (ahead.abs() > TOLERANCE).then(|| {
        format!("warning: this machine's clock is {by} {whose} the server's; the server's counts")
    })
}
