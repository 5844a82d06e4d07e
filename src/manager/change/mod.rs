//! What a VM's definition and vmtools' record of it say, changed or read as a template.

mod nvram;
mod protect;
mod record;
mod rename;
mod set;
mod template;

pub use protect::Protection;
pub(in crate::manager) use protect::refuse_protected;
pub use set::{Setting, VmChange, VmChanged};

use super::operation::noun;

noun! {
    /// Changes to a VM's definition and to vmtools' record of it.
    Changes
}
