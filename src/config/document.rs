use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeTable;

use super::error::{Error, Position, Warning};
use super::raw::Refusal;
use crate::model::nearest;
use crate::system::fs;

/// A file's text, which knows where in it things stand.
#[derive(Debug, Clone)]
pub(super) struct Document {
    file: PathBuf,
    text: String,
}

impl Document {
    pub(super) fn new(file: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self { file: file.into(), text: text.into() }
    }

    /// The file's content; `None` when there is no such file.
    pub(super) fn load(file: &Path) -> Result<Option<Self>, Error> {
        match std::fs::read_to_string(file) {
            Ok(text) => Ok(Some(Self::new(file, text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(fs::Error::at("read", file)(error).into()),
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The file's content as TOML.
    pub(super) fn parse(&self) -> Result<DeTable<'_>, Error> {
        DeTable::parse(&self.text).map(Spanned::into_inner).map_err(|error| Error::Syntax {
            at: self.position(error.span().map_or(0, |span| span.start)),
            message: error.message().replace('\n', ", "),
        })
    }

    /// The error that `key` has a value that is refused.
    pub(super) fn refused(&self, key: &str, refusal: Refusal) -> Error {
        Error::Value {
            at: self.position(refusal.span.start),
            key: key.to_owned(),
            value: self.excerpt(refusal.span),
            reason: refusal.reason,
        }
    }

    /// The warning that `key` at `span` means nothing.
    pub(super) fn unknown<'k>(
        &self,
        key: &str,
        span: Range<usize>,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Warning {
        Warning {
            at: self.position(span.start),
            key: key.to_owned(),
            nearest: nearest(key, known).into_iter().next(),
        }
    }

    /// The line and column of the byte at `offset`.
    pub(super) fn position(&self, offset: usize) -> Position {
        let before = self.text.get(..offset.min(self.text.len())).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position {
            file: self.file.clone(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }

    /// What stands at `span`, cut to what fits in a message.
    fn excerpt(&self, span: Range<usize>) -> String {
        let text = self.text.get(span).unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        let mut short: String = line.chars().take(60).collect();
        if short.len() < text.len() {
            short.push_str("...");
        }
        short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let document = Document::new("c.toml", "a = 1\n\"\u{e4}\" = x\n");
        let Err(Error::Syntax { at, .. }) = document.parse() else { panic!("is not TOML") };
        assert_eq!((at.line, at.column), (2, 7));
        assert_eq!(document.position(999).line, 3);
    }
}
