//! What the tests share: the program under test run in a clean environment, a private libvirtd with
//! its own network, real guests, an HTTP server with faults.
//!
//! A test binary takes it with `#[path = "../support/mod.rs"] mod support;`.
//!
//! ```ignore
//! let sandbox = sandbox_or_skip!(Sandbox::system());
//! let image = sandbox.busybox_image();
//! sandbox.vmtools(&["create", "web", "--image", image.to_str().unwrap(), "--start", "--wait"]).run().success();
//! assert_eq!(sandbox.domains(), ["web"]);
//! ```
//!
//! Nothing of the machine is touched: a [`Sandbox`] has namespaces of its own (process ids, mounts,
//! network, host name), and with its end, or the test runner's, by whatever signal, the kernel ends all
//! that ran in it.
#![allow(dead_code, unused_imports, unused_macros, reason = "each test binary uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "in tests a panic is the report, and processes are started here"
)]

mod background;
mod builder;
mod guest;
mod held;
mod held_daemon;
mod http;
mod http_reply;
mod installer_iso;
mod process;
mod run;
mod sandbox;
mod sandbox_state;
mod shim;
mod skip;
mod stopwatch;
mod svg;
mod terminal;
mod test_env;
mod thorough;
mod tls;
mod wait;

pub use background::Background;
pub use builder::{Builder, Network};
pub use guest::{NetworkManagement, busybox_image, debian_image, virtiofsd};
pub use held::{Asked, Held, HeldCalls, Hold, Passing};
pub use held_daemon::{HeldStep, HoldableDaemon};
pub use http::{Fault, HttpServer};
pub use installer_iso::{INSTALLED, INSTALLING, installer_iso};
pub use process::{PATH, find_program, is_root};
pub use run::{Cmd, Run};
pub use sandbox::{Kind, Sandbox};
pub use shim::Counted;
pub use skip::Skip;
pub(crate) use skip::sandbox_or_skip;
pub use terminal::Terminal;
pub use test_env::TestEnv;
pub use thorough::{announce, is_thorough};
pub use tls::Authority;
pub use wait::{poll, wait_for};
