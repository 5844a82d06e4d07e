use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::model::{Digest, Invalid};

const WHAT: &str = "image";
/// Endings by which a bare name is taken for a file of the current directory.
const FILE_ENDINGS: [&str; 7] = [".qcow2", ".img", ".raw", ".iso", ".vmdk", ".vdi", ".vhdx"];

/// Where an image comes from, as the user writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A file of this machine, absolute.
    File(PathBuf),
    /// An http or https URL, without its fragment.
    Url {
        /// The URL.
        url: String,
        /// What the bytes must have, given as `URL#sha256:HEX`.
        digest: Option<Digest>,
    },
    /// A name or an alias of the catalogue.
    Catalog(String),
}

impl Reference {
    /// Reads `text`; relative paths start at `cwd`, `~/` at `home`.
    ///
    /// # Errors
    /// Other schemes than http and https, a malformed URL or digest, a name that no catalogue can have.
    pub fn parse(text: &str, cwd: &Path, home: Option<&Path>) -> Result<Self, Invalid> {
        let refuse = |reason: &str| Invalid::new(WHAT, text, reason);
        if text.is_empty() || text.contains(|c: char| c.is_control()) {
            return Err(refuse("expected a file, a URL or a catalogue name (`image list --available`)"));
        }
        if let Some(scheme) = scheme(text) {
            return match scheme.to_ascii_lowercase().as_str() {
                "http" | "https" => parse_url(text),
                _ => Err(refuse(
                    "only http:// and https:// URLs are supported; for a file of that name, put ./ before it",
                )),
            };
        }
        if let Some(rest) = text.strip_prefix('~') {
            let home = home.ok_or_else(|| refuse("the home directory is unknown"))?;
            return match rest.strip_prefix('/') {
                Some(rest) => Ok(Self::File(home.join(rest))),
                None if rest.is_empty() => Ok(Self::File(home.to_owned())),
                None => Err(refuse("only your own ~/ is expanded")),
            };
        }
        let lower = text.to_ascii_lowercase();
        if text.contains('/')
            || text.starts_with('.')
            || FILE_ENDINGS.iter().any(|ending| lower.ends_with(ending))
        {
            return Ok(Self::File(without_dots(&cwd.join(text))));
        }
        if !is_catalog_name(text) {
            return Err(refuse("a catalogue name has only letters, digits, dots, dashes and underscores"));
        }
        Ok(Self::Catalog(text.to_owned()))
    }
}

impl FromStr for Reference {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let cwd = std::env::current_dir().map_err(|error| {
            Invalid::new(WHAT, text, format!("the current directory is unknown: {error}"))
        })?;
        Self::parse(text, &cwd, dirs::home_dir().as_deref())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url { url, digest: None } => f.write_str(url),
            Self::Url { url, digest: Some(digest) } => write!(f, "{url}#{digest}"),
            Self::Catalog(name) => f.write_str(name),
        }
    }
}

/// Whether `text` can be the name or alias of a catalogue entry.
pub(super) fn is_catalog_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// Checks that `url` is one that can be fetched and shown.
pub(super) fn check_url(url: &str) -> Result<(), Invalid> {
    let refuse = |reason: &str| Invalid::new("URL", url, reason);
    let uri: ureq::http::Uri = url.parse().map_err(|_| refuse("it is malformed"))?;
    let authority = uri.authority().ok_or_else(|| refuse("it has no host"))?;
    // The URL is written to the VM's metadata, which others may read.
    if authority.as_str().contains('@') {
        return Err(Invalid::new("URL", "(hidden)", "a password in a URL would be visible to others"));
    }
    if !matches!(uri.scheme_str(), Some("http" | "https")) || authority.host().is_empty() {
        return Err(refuse("expected https://HOST/PATH"));
    }
    Ok(())
}

fn parse_url(text: &str) -> Result<Reference, Invalid> {
    let (url, fragment) = match text.split_once('#') {
        Some((url, fragment)) => (url, Some(fragment)),
        None => (text, None),
    };
    check_url(url)?;
    let digest = fragment.map(str::parse).transpose()?;
    Ok(Reference::Url { url: url.to_owned(), digest })
}

/// What stands before the first colon, if it has the form of a URL's scheme (RFC 3986, 3.1). QEMU takes
/// `nbd:..`, `json:..` and the like for protocols.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let rest = scheme.strip_prefix(|c: char| c.is_ascii_alphabetic())?;
    rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-_".contains(&b)).then_some(scheme)
}

/// `path` without `.` parts. `..` stays: what it means depends on symbolic links.
fn without_dots(path: &Path) -> PathBuf {
    path.components().filter(|part| !matches!(part, std::path::Component::CurDir)).collect()
}

/// Refuses a name that `--image` would take for a file or a URL.
pub(super) fn check_name(name: &str) -> Result<(), Invalid> {
    match Reference::parse(name, Path::new("/"), None) {
        Ok(Reference::Catalog(_)) => Ok(()),
        _ => Err(Invalid::new(
            "image name",
            name,
            "it must start with a letter or digit, have only letters, digits, dots, dashes and underscores, and not end like a file name",
        )),
    }
}

/// The last part of a URL's path, which publishers use as the file's name.
pub(super) fn file_name(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Reference, Invalid> {
        Reference::parse(text, Path::new("/work"), Some(Path::new("/home/ada")))
    }

    #[test]
    fn files() {
        for (text, path) in [
            ("disk.qcow2", "/work/disk.qcow2"),
            ("DISK.IMG", "/work/DISK.IMG"),
            ("./odd:name", "/work/odd:name"),
            ("../up", "/work/../up"),
            ("a/b", "/work/a/b"),
            ("a/nbd:x", "/work/a/nbd:x"),
            ("/abs", "/abs"),
            ("~/vm.raw", "/home/ada/vm.raw"),
            (".hidden", "/work/.hidden"),
        ] {
            assert_eq!(parse(text), Ok(Reference::File(path.into())), "{text}");
        }
    }

    #[test]
    fn urls_with_and_without_a_digest() {
        let hex = "ab".repeat(32);
        let url = "https://example.org/a.img?x=1".to_owned();
        assert_eq!(parse(&url), Ok(Reference::Url { url: url.clone(), digest: None }));
        let text = format!("{url}#sha256:{hex}");
        let reference = parse(&text).expect("parses");
        assert!(matches!(&reference, Reference::Url { digest: Some(d), .. } if d.hex() == hex));
        assert_eq!(reference.to_string(), text);
        assert!(matches!(parse("HTTPS://example.org/"), Ok(Reference::Url { .. })));
    }

    #[test]
    fn names() {
        assert_eq!(parse("ubuntu-24.04"), Ok(Reference::Catalog("ubuntu-24.04".into())));
    }

    #[test]
    fn refused() {
        for text in [
            "",
            "ftp://example.org/a.img",
            "json:{\"driver\":\"raw\"}",
            "nbd:localhost:10809",
            "foo:bar.qcow2",
            "file:///etc/passwd",
            "https://",
            "http:///a.img",
            "https://ex ample.org/a",
            "https://example.org/a#latest",
            "https://example.org/a#sha256:zz",
            "https://bob:secret@example.org/a",
            "~bob/a.img",
            "a b",
            "naïve",
            "-x",
            "a\nb",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        let error = parse("https://bob:secret@example.org/a").expect_err("refused");
        assert!(!error.to_string().contains("secret"));
    }

    #[test]
    fn the_name_of_a_file_at_a_url() {
        assert_eq!(file_name("https://a/b/c.img?token=1/2"), "c.img");
        assert_eq!(file_name("https://a/"), "");
    }
}
