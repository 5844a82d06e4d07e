//! A user's own user-data: what it is, and what of it cloud-init would ignore.

mod cloud_config;
pub(in crate::seed) mod mime;

pub use cloud_config::{UnknownKey, check_user_data};
