//! Any bytes, all that `inspect` does with them: what is said is safe to show, and keys stay hidden.
#![no_main]

mod limit;

use libfuzzer_sys::fuzz_target;
use usercert_core::inspect::relations::{self, Answers, Placed};
use usercert_core::inspect::{self, Item, Thing, dump, manifest};
use usercert_core::x509::key::Verification;
use usercert_core::text::first_hidden;
use usercert_core::time::UnixTime;

fuzz_target!(|data: &[u8]| {
    let _ = limit::within_limit(|| manifest::named_files(data));
    let (placed, items) = limit::within_limit(|| described(data));
    for item in &items {
        let text = serde_json::to_string(item).expect("JSON");
        assert_eq!(first_hidden(&text), None, "{text}");
    }
    let dumps =
        limit::within_limit(|| -> Vec<_> { placed.iter().map(|p| dump::dump(&p.found)).collect() });
    for (placed, text) in placed.iter().zip(dumps) {
        let Some(text) = text else { continue };
        assert!(!matches!(placed.found.thing, Thing::PrivateKey(_)));
        assert!(text.lines().all(|line| first_hidden(line).is_none()));
    }
});

/// What is found, and what is said of each with regard to the others.
fn described(data: &[u8]) -> (Vec<Placed>, Vec<Item>) {
    let found = inspect::read(data).unwrap_or_default();
    let mut items: Vec<Item> =
        found.iter().map(|f| inspect::describe(f, UnixTime(1_700_000_000))).collect();
    let placed: Vec<Placed> = found
        .into_iter()
        .map(|found| Placed { source: "a.pem".to_owned(), open: false, pairs: Vec::new(), found })
        .collect();
    let links = relations::links(&placed);
    let verdicts = [Verification::Valid, Verification::Invalid, Verification::Unsupported];
    let signatures: Vec<_> = (0..links.len()).map(|i| verdicts[i % 3]).collect();
    // Each key is taken for that of what stands before it.
    let public_keys: Vec<_> = placed
        .iter()
        .enumerate()
        .map(|(i, p)| {
            p.found.private_key()?;
            placed.get(i.checked_sub(1)?)?.found.spki().map(<[u8]>::to_vec)
        })
        .collect();
    let answers = Answers { signatures: &signatures, public_keys: &public_keys };
    relations::relate(&placed, &mut items, &links, &answers);
    (placed, items)
}
