//! The program from outside, without any libvirt: status, stdout and stderr of each run together.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in tests a panic is the report")]

#[path = "../support/mod.rs"]
mod support;

mod config;
mod connection;
mod documents;
mod guide;
mod help;
mod image;
mod input;
mod network;
mod pull;
mod shell_lines;
mod template;
mod usage;
mod vnc;

use support::{Run, TestEnv};

/// A run in a fresh environment.
fn run(args: &[&str]) -> Run {
    TestEnv::new().vmtools(args).run()
}
