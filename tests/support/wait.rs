//! Waiting for a condition with a deadline.

use std::time::{Duration, Instant};

/// Asks until there is an answer; `None` past the deadline.
pub fn poll<T>(deadline: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + deadline;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Like [`poll`], but a deadline that passes fails the test with the name of what was waited for.
#[track_caller]
pub fn wait_for<T>(what: &str, deadline: Duration, ask: impl FnMut() -> Option<T>) -> T {
    poll(deadline, ask).unwrap_or_else(|| panic!("waited {deadline:?} in vain for {what}"))
}
