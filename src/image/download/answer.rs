//! What the head of an HTTP answer tells, read purely.

use serde::{Deserialize, Serialize};
use ureq::http::HeaderMap;
use ureq::http::header::{CONTENT_RANGE, ETAG, LAST_MODIFIED};

/// What tells one version of a document from another (RFC 9110, 8.8).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::image) struct Validator {
    pub(in crate::image) etag: Option<String>,
    pub(in crate::image) last_modified: Option<String>,
}

/// Which part of a document a server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// Its first byte.
    pub(super) start: u64,
    /// The size of the whole document, if it is known.
    pub(super) total_bytes: Option<u64>,
}

impl Validator {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self { etag: text(ETAG), last_modified: text(LAST_MODIFIED) }
    }

    /// Whether it tells nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    /// The value for `If-Range`, which takes no weak tag: such a one only says that the documents mean the
    /// same, not that their bytes are the same (RFC 9110, 13.1.5).
    pub(super) fn for_range(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|tag| !tag.starts_with("W/"));
        strong.or_else(|| self.last_modified.as_deref().filter(|_| self.etag.is_none()))
    }
}

/// The part that `Content-Range` names, with status 206: `bytes 5-9/10`; the size may be `*`.
pub(super) fn content_range(headers: &HeaderMap) -> Option<Part> {
    let (range, total) = bytes_of_range(headers)?;
    let (first, _) = range.split_once('-')?;
    Some(Part { start: first.parse().ok()?, total_bytes: total.parse().ok() })
}

/// The size that `Content-Range` tells with status 416: `bytes */10`.
pub(super) fn size_of_unsatisfied(headers: &HeaderMap) -> Option<u64> {
    let (range, total) = bytes_of_range(headers)?;
    (range == "*").then(|| total.parse().ok())?
}

fn bytes_of_range(headers: &HeaderMap) -> Option<(&str, &str)> {
    headers.get(CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?.trim().split_once('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use ureq::http::HeaderValue;

    fn ranged(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_RANGE, HeaderValue::from_static(value))])
    }

    #[test]
    fn ranges() {
        assert_eq!(content_range(&ranged("bytes 5-9/10")), Some(Part { start: 5, total_bytes: Some(10) }));
        assert_eq!(content_range(&ranged("bytes 5-9/*")), Some(Part { start: 5, total_bytes: None }));
        assert_eq!(size_of_unsatisfied(&ranged("bytes */10")), Some(10));
        for malformed in ["bytes", "bytes x-9/10", "items 5-9/10", "bytes 5", "bytes */10"] {
            assert_eq!(content_range(&ranged(malformed)), None, "{malformed}");
        }
        assert_eq!(size_of_unsatisfied(&ranged("bytes 5-9/10")), None);
    }

    #[test]
    fn a_weak_tag_does_not_vouch_for_bytes() {
        let validator = |etag: Option<&str>, date: Option<&str>| Validator {
            etag: etag.map(str::to_owned),
            last_modified: date.map(str::to_owned),
        };
        assert_eq!(validator(Some("\"a\""), Some("Mon")).for_range(), Some("\"a\""));
        assert_eq!(validator(Some("W/\"a\""), Some("Mon")).for_range(), None);
        assert_eq!(validator(None, Some("Mon")).for_range(), Some("Mon"));
        assert!(validator(None, None).is_empty());
    }
}
