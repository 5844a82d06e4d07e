use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::model::Invalid;

/// A value as it stands in a file, with what is needed to make sense of it.
#[derive(Clone, Copy)]
pub(super) struct Raw<'a> {
    value: &'a Spanned<DeValue<'a>>,
    places: &'a Places,
}

/// What a path in a file is relative to.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// What `~` stands for.
    pub home: PathBuf,
    /// The directory of the file; `None`: relative paths are refused.
    pub folder: Option<PathBuf>,
}

/// A value that can't be taken.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The bytes of the file that hold it.
    pub span: Range<usize>,
    /// What would be right.
    pub reason: String,
}

impl<'a> Raw<'a> {
    pub(super) fn new(value: &'a Spanned<DeValue<'a>>, places: &'a Places) -> Self {
        Self { value, places }
    }

    /// A refusal of this value.
    pub(super) fn refuse(self, reason: impl Into<String>) -> Refusal {
        Refusal { span: self.value.span(), reason: reason.into() }
    }

    /// The value as text.
    pub(super) fn text(self) -> Result<&'a str, Refusal> {
        let value = self.value.get_ref();
        value.as_str().ok_or_else(|| self.refuse(format!("expected text in quotes, not {}", kind(value))))
    }

    /// The value as a whole number.
    pub(super) fn number(self) -> Result<i64, Refusal> {
        let value = self.value.get_ref();
        let Some(integer) = value.as_integer() else {
            return Err(self.refuse(format!("expected a whole number, not {}", kind(value))));
        };
        i64::from_str_radix(integer.as_str(), integer.radix()).map_err(|_| self.refuse("it is too large"))
    }

    /// The value as true or false.
    pub(super) fn flag(self) -> Result<bool, Refusal> {
        let value = self.value.get_ref();
        value.as_bool().ok_or_else(|| self.refuse(format!("expected true or false, not {}", kind(value))))
    }

    /// The value as whatever its text says.
    pub(super) fn parsed<T: FromStr<Err = Invalid>>(self) -> Result<T, Refusal> {
        self.text()?.parse().map_err(|error: Invalid| self.refuse(error.reason))
    }

    /// The value as whatever its text, or its bare number, says.
    pub(super) fn measured<T: FromStr<Err = Invalid>>(self) -> Result<T, Refusal> {
        let text = match self.value.get_ref() {
            DeValue::Integer(_) => self.number()?.to_string(),
            DeValue::String(text) => text.clone().into_owned(),
            other => return Err(self.refuse(format!("expected a size such as \"4G\", not {}", kind(other)))),
        };
        text.parse().map_err(|error: Invalid| self.refuse(error.reason))
    }

    /// The value's elements.
    pub(super) fn list(self) -> Result<Vec<Raw<'a>>, Refusal> {
        match self.value.get_ref() {
            DeValue::Array(array) => Ok(array.iter().map(|value| Raw { value, ..self }).collect()),
            other => Err(self.refuse(format!("expected a list in [ ], not {}", kind(other)))),
        }
    }

    /// The value as a table of its own.
    pub(super) fn table(self) -> Result<&'a DeTable<'a>, Refusal> {
        match self.value.get_ref() {
            DeValue::Table(table) => Ok(table),
            other => Err(self.refuse(format!("expected a table, not {}", kind(other)))),
        }
    }

    /// The keys and values of the value as a table of its own.
    pub(super) fn entries(self) -> Result<impl Iterator<Item = (&'a str, Raw<'a>)>, Refusal> {
        let entries = self.table()?.iter();
        Ok(entries.map(move |(key, value)| (key.get_ref().as_ref(), Raw { value, ..self })))
    }

    /// The value as a path, with `~` and relative paths made absolute.
    pub(super) fn path(self) -> Result<PathBuf, Refusal> {
        let text = self.text()?;
        if text.is_empty() || text.contains('\0') {
            return Err(self.refuse("it is not a path"));
        }
        if text == "~" {
            return Ok(self.places.home.clone());
        }
        if let Some(rest) = text.strip_prefix("~/") {
            return Ok(self.places.home.join(rest));
        }
        if text.starts_with('~') {
            return Err(self.refuse("only ~/ is supported, not another user's home directory"));
        }
        let path = Path::new(text);
        match &self.places.folder {
            _ if path.is_absolute() => Ok(path.to_owned()),
            Some(folder) => Ok(folder.join(path)),
            None => Err(self.refuse("expected an absolute path, or one that starts with ~/")),
        }
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
