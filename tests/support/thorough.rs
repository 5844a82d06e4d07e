//! How much of what takes long is tried.

/// Whether all is asked for, by `VMTOOLS_TEST_ALL=1`, rather than what a CI run has time for.
pub fn is_thorough() -> bool {
    std::env::var_os("VMTOOLS_TEST_ALL").is_some_and(|value| value == "1")
}
