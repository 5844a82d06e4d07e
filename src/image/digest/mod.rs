//! Digests: computed, remembered, and read from what publishers say.

mod cache;
pub mod checksum;
mod hash;

pub use cache::DigestCache;
pub(in crate::image) use cache::StopOnDrop;
pub use hash::Hasher;
pub(in crate::image) use hash::short_name;
