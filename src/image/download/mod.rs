//! Downloads: from a URL to a file that has been checked.
//!
//! ```text
//! source   which servers to ask, one after the other
//! run      one download from one server, begun or resumed
//! fetch    the HTTP client; answer reads what the head of its answers says
//! writer   the bytes on their way: onto the disk, into the digest, into the unpacker
//! partial  what a download that broke off leaves for the next
//! ```

mod answer;
mod fetch;
mod limits;
mod partial;
mod retry;
mod run;
mod source;
#[cfg(test)]
mod test_server;
mod unpack;
mod writer;

pub(in crate::image) use answer::Validator;
pub(in crate::image) use fetch::Downloader;
pub use limits::Limits;
pub(in crate::image) use partial::Partial;
pub(in crate::image) use source::{CachedCopy, Named, RemoteImage};
#[cfg(test)]
pub(in crate::image) use test_server::{Reply, TestServer};
