//! The state that all requests share.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::store::Store;
use crate::user::User;
use crate::x509::Authority;
use crate::{Fault, LogEntry, Traffic, rbac, token};

pub(crate) struct Cluster {
    store: Mutex<Store>,
    /// Signs the server's certificate.
    pub(crate) server_ca: Authority,
    /// Signs users' certificates, if that is not the server's CA.
    separate_client_ca: Option<Authority>,
    /// Whether approved requests are signed.
    pub(crate) signer: watch::Sender<bool>,
    pub(crate) anonymous: bool,
    /// Who is refused whatever RBAC says.
    pub(crate) authorization_config: Option<PathBuf>,
    pub(crate) max_certificate_seconds: i64,
    tokens: Mutex<BTreeMap<String, User>>,
    /// Makes the tokens of service accounts.
    pub(crate) token_issuer: token::Issuer,
    log: Mutex<Vec<LogEntry>>,
    /// How many requests are still to be turned away, and the seconds to wait that they are told.
    busy: Mutex<(u32, u32)>,
    /// How many requests are still authenticated, if they are numbered.
    valid: Mutex<Option<u32>>,
    /// How many connections are still to be closed at once.
    dropped: Mutex<u32>,
    closes_reused: AtomicBool,
    traffic: Mutex<Traffic>,
    /// What is wrong with which paths.
    faults: Mutex<Vec<(String, Fault)>>,
    /// How many requests that change something are still handled, if they are numbered.
    writes: Mutex<Option<u32>>,
    /// By how many seconds its clock is ahead in the answers' `Date`.
    pub(crate) ahead: AtomicI64,
}

impl Cluster {
    pub(crate) fn new(
        server_ca: Authority,
        separate_client_ca: Option<Authority>,
        signer: bool,
        anonymous: bool,
        max_certificate_seconds: i64,
        token_issuer: token::Issuer,
        authorization_config: Option<PathBuf>,
    ) -> Self {
        let mut store = Store::new();
        rbac::bootstrap(&mut store, server_ca.pem(), &mut new_uid);
        store.compact();
        Self {
            store: Mutex::new(store),
            server_ca,
            separate_client_ca,
            signer: watch::Sender::new(signer),
            anonymous,
            authorization_config,
            max_certificate_seconds,
            tokens: Mutex::default(),
            token_issuer,
            log: Mutex::default(),
            busy: Mutex::default(),
            valid: Mutex::default(),
            dropped: Mutex::default(),
            closes_reused: AtomicBool::default(),
            traffic: Mutex::default(),
            faults: Mutex::default(),
            writes: Mutex::new(None),
            ahead: AtomicI64::default(),
        }
    }

    /// Signs users' certificates and is what they are checked against.
    pub(crate) fn client_ca(&self) -> &Authority {
        self.separate_client_ca.as_ref().unwrap_or(&self.server_ca)
    }

    /// The objects. Not to be held across an await.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    /// Makes a bearer token for a user.
    pub(crate) fn add_token(&self, user: User) -> String {
        let token = random_hex(16);
        lock(&self.tokens).insert(token.clone(), user);
        token
    }

    pub(crate) fn user_of_token(&self, token: &str) -> Option<User> {
        let known = lock(&self.tokens).get(token).cloned();
        known.or_else(|| self.token_issuer.user(&self.store(), token))
    }

    /// Turns the next requests away as a server does that has too many.
    pub(crate) fn be_busy(&self, requests: u32, seconds: u32) {
        *lock(&self.busy) = (requests, seconds);
    }

    /// The seconds after which a request is to come again, if it is turned away.
    pub(crate) fn turns_away(&self) -> Option<u32> {
        let mut busy = lock(&self.busy);
        busy.0 = busy.0.checked_sub(1)?;
        Some(busy.1)
    }

    /// From the next but so many on, no request is authenticated.
    pub(crate) fn expire_credentials(&self, requests: u32) {
        *lock(&self.valid) = Some(requests);
    }

    /// Whether the credential of one more request has expired.
    pub(crate) fn has_expired(&self) -> bool {
        match lock(&self.valid).as_mut() {
            Some(0) => true,
            Some(more) => {
                *more -= 1;
                false
            }
            None => false,
        }
    }

    /// From now on each connection is closed, unanswered, when its second request comes.
    pub(crate) fn close_reused(&self) {
        self.closes_reused.store(true, Ordering::Relaxed);
    }

    pub(crate) fn closes_reused(&self) -> bool {
        self.closes_reused.load(Ordering::Relaxed)
    }

    /// Closes the next connections.
    pub(crate) fn drop_connections(&self, connections: u32) {
        *lock(&self.dropped) = connections;
    }

    /// Whether a connection is to be closed at once.
    pub(crate) fn drops_connection(&self) -> bool {
        let mut dropped = lock(&self.dropped);
        let drops = *dropped > 0;
        *dropped = dropped.saturating_sub(1);
        drops
    }

    pub(crate) fn traffic(&self) -> Traffic {
        *lock(&self.traffic)
    }

    /// Counts what goes over the wire.
    pub(crate) fn count(&self, more: Traffic) {
        let mut traffic = lock(&self.traffic);
        traffic.connections += more.connections;
        traffic.received += more.received;
        traffic.sent += more.sent;
    }

    /// From now on something is wrong with every path that holds `part`.
    pub(crate) fn add_fault(&self, part: &str, fault: Fault) {
        lock(&self.faults).push((part.to_owned(), fault));
    }

    /// From now on nothing is wrong with any path.
    pub(crate) fn clear_faults(&self) {
        lock(&self.faults).clear();
        *lock(&self.writes) = None;
    }

    /// After so many more requests that change something, all such are held: neither handled nor answered.
    pub(crate) fn hold_writes(&self, after: u32) {
        *lock(&self.writes) = Some(after);
    }

    /// Whether a request that changes something is held.
    pub(crate) fn holds_write(&self) -> bool {
        match &mut *lock(&self.writes) {
            None => false,
            Some(0) => true,
            Some(more) => {
                *more -= 1;
                false
            }
        }
    }

    /// What is wrong with a path, if anything is.
    pub(crate) fn fault_at(&self, path: &str) -> Option<Fault> {
        let faults = lock(&self.faults);
        faults.iter().find(|(part, _)| path.contains(part)).map(|(_, fault)| *fault)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Vec<LogEntry>> {
        lock(&self.log)
    }
}

/// A lock that a panicking test elsewhere cannot poison.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Random bytes; the system's generator does not fail once it has been seeded.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let _seeded = aws_lc_rs::rand::fill(&mut bytes);
    bytes
}

fn random_hex(count: usize) -> String {
    let bytes: [u8; 32] = random();
    bytes.iter().take(count).fold(String::new(), |mut hex, byte| {
        let _infallible = write!(hex, "{byte:02x}");
        hex
    })
}

/// A random UUID (version 4).
pub(crate) fn new_uid() -> String {
    let mut bytes: [u8; 16] = random();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let number = u128::from_be_bytes(bytes);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        number >> 96,
        number >> 80 & 0xffff,
        number >> 64 & 0xffff,
        number >> 48 & 0xffff,
        number & 0xffff_ffff_ffff
    )
}

/// Completes a generateName: cut so that five random characters fit into 63.
pub(crate) fn generate_name(prefix: &str) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut end = prefix.len().min(58);
    while !prefix.is_char_boundary(end) {
        end -= 1;
    }
    let bytes: [u8; 5] = random();
    let suffix = bytes.map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
    prefix[..end].chars().chain(suffix).collect()
}
