//! Any bytes, all that `inspect` does with them: what is said is safe to show, and keys stay hidden.
#![no_main]

mod limit;

use libfuzzer_sys::fuzz_target;
use usercert_core::inspect::relations::{self, Answers, Placed};
use usercert_core::inspect::{self, Item, Thing, dump, manifest};
use usercert_core::key::Verification;
use usercert_core::text::first_hidden;
use usercert_core::time::UnixTime;

fuzz_target!(|data: &[u8]| limit::within_limit(|| {
    let _ = manifest::named_files(data);
    let Ok(found) = inspect::read(data) else { return };
    let mut items: Vec<Item> =
        found.iter().map(|f| inspect::describe(f, UnixTime(1_700_000_000))).collect();
    for found in &found {
        if let Some(text) = dump::dump(found) {
            assert!(!matches!(found.thing, Thing::PrivateKey(_)));
            assert!(text.lines().all(|line| first_hidden(line).is_none()));
        }
    }
    let placed: Vec<Placed> = found
        .into_iter()
        .map(|found| Placed { source: "a.pem".to_owned(), open: false, found })
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
    for item in &items {
        let text = serde_json::to_string(item).expect("JSON");
        assert_eq!(first_hidden(&text), None, "{text}");
    }
}));
