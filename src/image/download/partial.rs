//! A download that was broken off, and whether another may go on with it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::answer::Validator;
use super::fetch::Ask;
use super::unpack;
use crate::image::Error;
use crate::image::file::remove_file;
use crate::model::Digest;
use crate::system::fs;

/// The files of a download that is under way, or was.
///
/// ```text
/// NAME.partial   the bytes as they came
/// NAME.resume    what they are the beginning of
/// NAME.unpacked  what has been unpacked of them
/// ```
#[derive(Debug, Clone, Copy)]
pub(in crate::image) struct Partial<'a>(pub(in crate::image) &'a Path);

/// What the bytes are the beginning of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::image) struct Origin {
    pub(in crate::image) url: String,
    /// What all the bytes have to have.
    pub(in crate::image) expected: Option<String>,
    pub(in crate::image) validator: Validator,
}

impl Origin {
    pub(in crate::image) fn new(url: &str, expected: Option<&Digest>, validator: Validator) -> Self {
        Self { url: url.to_owned(), expected: expected.map(ToString::to_string), validator }
    }

    /// How to ask for the rest behind `received_bytes`, for a download from `url` of what has the digest
    /// `expected`; `None`: the bytes are of no use for that.
    ///
    /// The digest alone will do, for it tells at the end whether the two parts belong together. Without one
    /// the server has to vouch by a validator.
    pub(super) fn rest(&self, received_bytes: u64, url: &str, expected: Option<&Digest>) -> Option<Ask<'_>> {
        if received_bytes == 0 || self.expected != expected.map(ToString::to_string) {
            return None;
        }
        let condition = self.validator.for_range().filter(|_| self.url == url);
        (condition.is_some() || expected.is_some()).then_some(Ask::From(received_bytes, condition))
    }
}

impl Partial<'_> {
    /// What is there, with its size in bytes.
    pub(in crate::image) fn load(self) -> Option<(Origin, u64)> {
        let bytes = std::fs::read(self.origin_file()).ok()?;
        let received_bytes = std::fs::metadata(self.0).ok()?.len();
        Some((serde_json::from_slice(&bytes).ok()?, received_bytes))
    }

    /// Notes what the bytes will be the beginning of.
    pub(in crate::image) fn save(self, origin: &Origin) -> Result<(), Error> {
        let path = self.origin_file();
        let bytes = serde_json::to_vec(origin)
            .map_err(|error| fs::Error::at("write", &path)(std::io::Error::other(error)))?;
        Ok(fs::write_atomically(&path, &bytes, 0o600)?)
    }

    /// The files, whether they are there or not.
    pub(in crate::image) fn files(self) -> [PathBuf; 3] {
        [self.origin_file(), self.0.to_owned(), unpack::place_beside(self.0)]
    }

    /// Removes all.
    pub(in crate::image) fn remove(self) -> Result<(), Error> {
        self.files().iter().try_for_each(|file| remove_file(file))
    }

    fn origin_file(self) -> PathBuf {
        self.0.with_extension("resume")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(etag: Option<&str>, expected: Option<&Digest>) -> Origin {
        let validator = Validator { etag: etag.map(str::to_owned), last_modified: None };
        Origin::new("https://a/x", expected, validator)
    }

    #[test]
    fn bytes_are_used_only_for_what_they_are_of() {
        let digest = |c: &str| Digest::from_hex(&c.repeat(64)).expect("a digest");
        let (a, b) = (digest("a"), digest("b"));
        let asks = |origin: &Origin, url: &str, expected: Option<&Digest>| match origin.rest(5, url, expected)
        {
            Some(Ask::From(5, condition)) => Some(condition.map(str::to_owned)),
            None => None,
            other => panic!("{other:?}"),
        };
        let tag = Some("\"1\"".to_owned());
        assert_eq!(asks(&origin(Some("\"1\""), None), "https://a/x", None), Some(tag.clone()));
        assert_eq!(asks(&origin(Some("\"1\""), Some(&a)), "https://a/x", Some(&a)), Some(tag));
        assert_eq!(asks(&origin(Some("\"1\""), Some(&a)), "https://b/x", Some(&a)), Some(None));
        assert_eq!(asks(&origin(None, Some(&a)), "https://a/x", Some(&a)), Some(None));
        assert_eq!(asks(&origin(None, None), "https://a/x", None), None);
        assert_eq!(asks(&origin(Some("W/\"1\""), None), "https://a/x", None), None);
        assert_eq!(asks(&origin(Some("\"1\""), None), "https://b/x", None), None);
        assert_eq!(asks(&origin(Some("\"1\""), Some(&a)), "https://a/x", Some(&b)), None);
        assert!(origin(Some("\"1\""), None).rest(0, "https://a/x", None).is_none());
    }

    #[test]
    fn it_comes_back_and_goes() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a-1.partial");
        let partial = Partial(&path);
        assert!(partial.load().is_none());
        let origin = origin(Some("\"1\""), None);
        partial.save(&origin).expect("saves");
        assert!(partial.load().is_none(), "without bytes");
        std::fs::write(&path, b"abc").expect("writes");
        assert_eq!(partial.load(), Some((origin, 3)));
        partial.remove().expect("removes");
        assert_eq!(std::fs::read_dir(folder.path()).expect("lists").count(), 0);
    }
}
