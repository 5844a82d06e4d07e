//! What the user keeps in ~/.config/vmtools: config.toml and the templates.
//!
//! - [`Config`] is config.toml as the program uses it: every key has a value, the file's or the default.
//!   [`show`], [`value_of`], [`set`] and [`unset`] are what `vmtools config` does.
//! - [`Template`] is a set of values for `create`; [`load_template`] finds one and lays it over those
//!   that it extends. [`list_templates`], [`show_template`], [`new_template`] and [`check_template`] are what
//!   `vmtools template` does.
//! - [`Paths`] says where all this lies.
//!
//! One file in `element/` per key: its type, default, check and tests. Files are read through the toml
//! crate's spanned tree, so that every complaint has its line and column:
//!
//! - a key that nobody knows is a [`Warning`] that names the nearest known one, never an error;
//! - a value that can't be taken, or text that isn't TOML, is an [`Error`];
//! - a file that doesn't exist is the same as an empty one.

mod document;
mod edit;
mod element;
mod error;
mod listing;
mod load;
mod paths;
mod raw;
mod settings;
mod template;
mod template_chain;
mod template_check;
mod template_file;
mod template_key;
mod template_new;
mod template_show;
mod template_value;
mod value;

pub use edit::{set, unset};
pub use element::{Color, check_template_name};
pub use error::{Error, Position, Warning};
pub use listing::{Listed, list_templates};
pub use load::{Loaded, Setting, Source, load_config, show, value_of};
pub use paths::Paths;
pub use settings::{Config, Defaults, Image, Libvirt, Storage, Ui, Wait};
pub use template::{Origin, Template};
pub use template_chain::{has_template, load_template};
pub use template_check::{CheckedTemplate, Problem, check_template};
pub use template_new::{NewTemplate, new_template};
pub use template_show::{ShownSetting, ShownTemplate, show_template};
pub use value::Value;
