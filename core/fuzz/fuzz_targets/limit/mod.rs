//! How long one input may take.

use std::sync::LazyLock;

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds of processor time, in `USERCERT_FUZZ_LIMIT`; libFuzzer's own `-timeout` counts in
/// seconds.
static LIMIT: LazyLock<Option<i64>> = LazyLock::new(|| {
    let text = std::env::var("USERCERT_FUZZ_LIMIT").ok()?;
    Some(text.parse().expect("a number of milliseconds"))
});

/// Runs `work`, again where it takes longer than the limit: the best of a few counts.
pub fn within_limit<T>(work: impl Fn() -> T) -> T {
    let Some(limit) = *LIMIT else { return work() };
    let mut best = i64::MAX;
    for _ in 0..3 {
        let start = processor_milliseconds();
        let result = work();
        best = best.min(processor_milliseconds() - start);
        if best <= limit {
            return result;
        }
    }
    panic!("took {best} ms, more than {limit}");
}

fn processor_milliseconds() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}
