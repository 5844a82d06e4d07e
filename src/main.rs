//! The vmtools program.
fn main() {}
