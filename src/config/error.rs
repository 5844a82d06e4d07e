use std::fmt;
use std::path::PathBuf;

use crate::model::Invalid;
use crate::system::fs;

/// Why the configuration or a template can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user has no home directory.
    #[error("there is no home directory: HOME is not set")]
    NoHome,
    /// A file can't be read or written.
    #[error("cannot use the configuration")]
    File(#[from] fs::Error),
    /// A file is not TOML.
    #[error("{at}: {message}")]
    Syntax {
        /// Where reading stopped.
        at: Position,
        /// What the parser says.
        message: String,
    },
    /// A value in a file is of the wrong type, or none that can be taken.
    #[error("{at}: {key} cannot be {value}: {reason}")]
    Value {
        /// Where the value stands.
        at: Position,
        /// The key.
        key: String,
        /// The value as it stands in the file.
        value: String,
        /// What would be right.
        reason: String,
    },
    /// A value that was to be set is none that can be taken.
    #[error("{key} cannot be set to {value:?}: {reason}")]
    Refused {
        /// The key.
        key: String,
        /// The value as it was given.
        value: String,
        /// What would be right.
        reason: String,
    },
    /// There is no such key.
    #[error("there is no key {key:?}")]
    UnknownKey {
        /// The key as it was given.
        key: String,
        /// The nearest known key, if one is near.
        nearest: Vec<String>,
    },
    /// There is no such template.
    #[error("there is no template {name:?}")]
    UnknownTemplate {
        /// The name as it was given.
        name: String,
        /// Names that are near, the nearest first.
        nearest: Vec<String>,
    },
    /// A name that no template can have.
    #[error(transparent)]
    TemplateName(#[from] Invalid),
    /// Templates that extend each other in a circle.
    #[error("templates extend each other in a cycle: {}", .chain.join(" -> "))]
    Cycle {
        /// Their names in order; the last is one of those before.
        chain: Vec<String>,
    },
    /// There is no such file.
    #[error("there is no template file {}", .path.display())]
    NoTemplateFile {
        /// The file.
        path: PathBuf,
    },
    /// A template's file that was to be made is already there.
    #[error("{} already exists", .path.display())]
    TemplateExists {
        /// The file.
        path: PathBuf,
    },
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// A key in a file that means nothing to this version of vmtools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where the key stands.
    pub at: Position,
    /// The key, with its section.
    pub key: String,
    /// The nearest known key, if one is near.
    pub nearest: Option<String>,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.message())
    }
}

impl Warning {
    /// What is to be said, without the place.
    pub(super) fn message(&self) -> String {
        format!("unknown key {:?}{}", self.key, nearest_text(self.nearest.as_slice()))
    }
}

/// Such as ` (did you mean memory?)`.
pub(super) fn nearest_text(names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    format!(" (did you mean {}?)", names.join(", "))
}
