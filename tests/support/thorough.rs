//! How much of what takes long is tried.

/// Whether all is asked for, by `VMTOOLS_TEST_ALL=1`, rather than what a CI run has time for.
pub fn is_thorough() -> bool {
    std::env::var_os("VMTOOLS_TEST_ALL").is_some_and(|value| value == "1")
}

/// Prints a line with the test's name, past the harness, which keeps what a passing test prints to itself: numbers of
/// a long run, a seed by which it can be repeated.
pub fn announce(text: &str) {
    let thread = std::thread::current();
    let line = format!("{}: {text}\n", thread.name().unwrap_or("?"));
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
}
