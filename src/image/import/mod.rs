//! A file of the user's becomes an image of his own: looked at, then copied or converted.
//!
//! ```text
//! FILE ─ Original::open ─┬─ qcow2 ───────────────────────────── copy (clone where the disk can) ─┐
//!                        ├─ raw, VMDK, VDI, VHDX ─ qemu-img convert ──────────────────────────────┤
//!                        └─ OVA: the disk within, read in its place ─ qemu-img convert ───────────┤
//!                                                       header, digest, rename, record ───────────┘
//! ```
//!
//! What would make QEMU read another file (a backing or data file, a parent, an extent) is refused by the
//! code of this directory, from the bytes alone, before qemu-img opens anything; and qemu-img is given the
//! format, and to look for no backing file.

mod convert;
mod copy;
mod manifest;
mod original;
mod ova;
#[cfg(test)]
mod tests;

pub(in crate::image) use convert::convert;
pub(in crate::image) use copy::copy;
pub(in crate::image) use original::Original;
pub use ova::Error as OvaError;
