//! Lists, page by page: memory stays flat however many objects there are, and however large.
//!
//! Anybody who may submit can store requests of a megabyte and more. So the size of a page follows that
//! of the objects seen so far, and a page that turns out too large is dropped and asked for anew with
//! fewer of them.

use http::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use usercert_core::api::csr::{CsrObject, Object};
use usercert_core::api::selector::field_is;
use usercert_core::lifecycle::record::StoredMap;

use super::api::{CSRS, Cluster, ListOptions, encode};
use super::failure::ApiError;
use super::wire::{Wire, too_long};

/// Objects of the first page, before anything is known about their size.
const FIRST: usize = 50;
/// Most objects of a page: each page costs the server a search of its own.
const MOST: usize = 1000;
/// What a page should come to, in bytes.
const AIM: usize = 2 << 20;
/// The longest page that is read, in bytes. A single object is at most a few megabytes, since that is
/// what the server's storage takes.
const LIMIT: usize = 16 << 20;
/// Empty pages one after the other that are read: a server may look through so many objects for each that none fits.
const EMPTY: usize = 100;
/// Most pages of a list: of ten million objects, if they are small.
const PAGES: usize = 10_000;

pub struct Page {
    body: Vec<u8>,
}

#[derive(Deserialize)]
struct List<T> {
    items: Option<Vec<T>>,
}

#[derive(Deserialize)]
struct Envelope {
    metadata: ListMeta,
    items: Option<Vec<IgnoredAny>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ListMeta {
    r#continue: String,
    resource_version: String,
}

impl Page {
    pub fn values(&self) -> Result<Vec<Value>, ApiError> {
        parse::<List<Value>>(&self.body).map(|list| list.items.unwrap_or_default())
    }

    /// The items, read as ConfigMaps; what is of another form is left out.
    pub fn config_maps(&self) -> Result<Vec<StoredMap>, ApiError> {
        if let Ok(list) = parse::<List<StoredMap>>(&self.body) {
            return Ok(list.items.unwrap_or_default());
        }
        Ok(self.values()?.iter().filter_map(|value| StoredMap::read(value).ok()).collect())
    }

    /// The items, read as requests; without the detour over JSON values, which takes most of the time.
    pub fn objects(&self) -> Result<Vec<Object>, ApiError> {
        if let Ok(list) = parse::<List<Object>>(&self.body) {
            return Ok(list.items.unwrap_or_default());
        }
        // A field that is null, which serde does not take for absent.
        let read = |value: &Value| Object::from_item(value);
        let objects = self.values()?.iter().map(read).collect::<Result<_, _>>();
        objects.map_err(|e| ApiError::Malformed(e.to_string()))
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|e| ApiError::Malformed(e.to_string()))
}

/// How fresh a list has to be.
#[derive(Clone, Copy, Default)]
pub enum Freshness {
    /// As of the request. For this the API server waits until its cache has caught up with the storage, up to
    /// 0.1 s (`apiserver/pkg/storage/cacher/progress/watch_progress.go`, default since Kubernetes 1.31).
    #[default]
    Latest,
    /// As of the API server's cache, by which it authorizes requests too; it is behind by milliseconds.
    Cached,
}

impl Freshness {
    /// For the first page; further ones belong to the same list. Version 0 would stand for the cache as well, but
    /// then the server ignores the size of the page (`…/cacher/delegator/interface.go`).
    fn query(self) -> &'static str {
        match self {
            Self::Latest => "",
            Self::Cached => "&resourceVersion=1&resourceVersionMatch=NotOlderThan",
        }
    }
}

pub struct Pages {
    wire: Wire,
    path: String,
    filter: String,
    freshness: Freshness,
    size: usize,
    /// Where the next page begins; `None` after the last one.
    next: Option<String>,
    /// How many were read.
    pages: usize,
    /// Empty pages since the last one that was not.
    empty: usize,
}

impl Pages {
    pub(super) fn new(wire: Wire, path: impl Into<String>, filter: String) -> Self {
        let freshness = Freshness::default();
        Self {
            wire,
            path: path.into(),
            filter,
            freshness,
            size: FIRST,
            next: Some(String::new()),
            pages: 0,
            empty: 0,
        }
    }

    pub(super) fn of(self, freshness: Freshness) -> Self {
        Self { freshness, ..self }
    }

    /// The version that the whole list is at: where to watch from.
    pub async fn version(&self) -> Result<String, ApiError> {
        let url = format!("{}?limit=1{}", self.path, self.filter);
        let answer = self.wire.exchange(&Method::GET, &url, None).await?;
        let envelope: Envelope = parse(&answer)?;
        Ok(envelope.metadata.resource_version)
    }

    pub async fn next(&mut self) -> Result<Option<Page>, ApiError> {
        let Some(from) = self.next.clone() else { return Ok(None) };
        let from = match from.as_str() {
            "" => self.freshness.query().to_owned(),
            from => format!("&continue={}", encode(from)),
        };
        loop {
            let url = format!("{}?limit={}{}{from}", self.path, self.size, self.filter);
            let answer = self.wire.exchange_limited(&Method::GET, &url, None, LIMIT).await?;
            let Some(answer) = answer else {
                if self.size == 1 {
                    return Err(too_long(LIMIT));
                }
                self.size = (self.size / 8).max(1);
                continue;
            };
            let Envelope { metadata, items } = parse(&answer)?;
            let count = items.map_or(0, |items| items.len());
            self.empty = if count == 0 { self.empty + 1 } else { 0 };
            if self.empty > EMPTY {
                return Err(ApiError::Malformed(format!(
                    "{EMPTY} empty pages of a list, and no end"
                )));
            }
            let next = Some(metadata.r#continue).filter(|next| !next.is_empty());
            self.pages += 1;
            if next.is_some() && next == self.next {
                let page = self.pages;
                return Err(ApiError::Malformed(format!(
                    "page {page} of a list continues with itself"
                )));
            }
            if next.is_some() && self.pages >= PAGES {
                return Err(ApiError::Malformed(format!("a list of more than {PAGES} pages")));
            }
            self.next = next;
            self.size = next_size(self.size, count, answer.len());
            return Ok(Some(Page { body: answer }));
        }
    }
}

/// How many objects to ask for after a page of `count` objects that came to `bytes`.
fn next_size(size: usize, count: usize, bytes: usize) -> usize {
    if count == 0 {
        return size;
    }
    let fitting = AIM / (bytes / count).max(1);
    // Growing slowly: small objects say little about those that follow.
    fitting.clamp(1, MOST.min(size * 4))
}

impl Cluster {
    pub fn csr_pages(&self, options: &ListOptions<'_>) -> Pages {
        let mut filter = String::new();
        if let Some(signer) = options.signer {
            let field = field_is("spec.signerName", signer);
            filter.push_str(&format!("&fieldSelector={}", encode(&field)));
        }
        if let Some(selector) = options.selector {
            filter.push_str(&format!("&labelSelector={}", encode(selector)));
        }
        Pages::new(self.wire.clone(), CSRS, filter)
    }

    pub async fn list_csrs(
        &self,
        options: &ListOptions<'_>,
        mut take: impl FnMut(CsrObject),
    ) -> Result<(), ApiError> {
        let mut read = |value| CsrObject::from_item(value).into_iter().for_each(&mut take);
        each(self.csr_pages(options), &mut read).await
    }

    pub(super) async fn list(
        &self,
        path: &str,
        freshness: Freshness,
        take: &mut impl FnMut(Value),
    ) -> Result<(), ApiError> {
        each(Pages::new(self.wire.clone(), path, String::new()).of(freshness), take).await
    }
}

async fn each(mut pages: Pages, take: &mut impl FnMut(Value)) -> Result<(), ApiError> {
    while let Some(page) = pages.next().await? {
        page.values()?.into_iter().for_each(&mut *take);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_the_size_of_what_they_hold() {
        // Ordinary requests of 3 kB.
        assert_eq!(next_size(FIRST, 50, 150_000), 200);
        assert_eq!(next_size(200, 200, 600_000), 699);
        assert_eq!(next_size(699, 699, 100_000), MOST);
        // Requests of two megabytes.
        assert_eq!(next_size(FIRST, 6, 12 << 20), 1);
        assert_eq!(next_size(1, 1, 3_000), 4);
        assert_eq!(next_size(50, 0, 200), 50);
    }
}
