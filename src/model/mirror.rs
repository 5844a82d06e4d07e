use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// Another server for URLs that begin alike, written `PREFIX=REPLACEMENT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    prefix: String,
    replacement: String,
}

impl Mirror {
    /// `url` at the mirror; `None` if it isn't one that the mirror has. A prefix ends where a part of a
    /// URL ends.
    pub fn rewrite(&self, url: &str) -> Option<String> {
        let rest = url.strip_prefix(&self.prefix)?;
        let at_a_boundary = self.prefix.ends_with('/') || rest.is_empty() || rest.starts_with('/');
        at_a_boundary.then(|| format!("{}{rest}", self.replacement))
    }
}

impl FromStr for Mirror {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = |reason: &str| Invalid::new("mirror", text, reason);
        // A URL may hold `=` itself.
        let at = ["=http://", "=https://"].iter().filter_map(|mark| text.find(mark)).min();
        let (prefix, replacement) = at
            .map(|at| (&text[..at], &text[at + 1..]))
            .ok_or_else(|| refuse("expected PREFIX=REPLACEMENT, two http or https URLs"))?;
        for url in [prefix, replacement] {
            check(url).map_err(|reason| match url.contains('@') {
                true => Invalid::new("mirror", "(hidden)", reason),
                false => refuse(reason),
            })?;
        }
        Ok(Self { prefix: prefix.to_owned(), replacement: replacement.to_owned() })
    }
}

impl fmt::Display for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.prefix, self.replacement)
    }
}

fn check(url: &str) -> Result<(), &'static str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let rest = rest.ok_or("both sides must start with http:// or https://")?;
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains('@') {
        return Err("a password in a URL would be visible to others");
    }
    let plain = url.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}#?,".contains(&b));
    if host.is_empty() || !plain {
        return Err("expected the URL of a directory, without `?`, `#` or spaces");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_parts_are_replaced() {
        for (mirror, url, rewritten) in [
            ("https://a.org/=http://m.lan/a/", "https://a.org/x/y.img", Some("http://m.lan/a/x/y.img")),
            ("https://a.org=https://m.lan", "https://a.org/x", Some("https://m.lan/x")),
            ("https://a.org=https://m.lan", "https://a.org.uk/x", None),
            ("https://a.org/x=https://m.lan/y=1", "https://a.org/x", Some("https://m.lan/y=1")),
            ("https://a.org/=https://m.lan/", "http://a.org/x", None),
        ] {
            let parsed: Mirror = mirror.parse().expect(mirror);
            assert_eq!(parsed.rewrite(url).as_deref(), rewritten, "{mirror} {url}");
            assert_eq!(parsed.to_string(), mirror);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "https://a.org/",
            "https://a.org/=/srv/mirror",
            "a.org=https://m.lan/",
            "https://=https://m.lan/",
            "https://a.org/=https://",
            "https://a.org/=https://m lan/",
            "https://a.org/=https://m.lan/?x",
        ] {
            assert!(text.parse::<Mirror>().is_err(), "{text:?}");
        }
        let secret = "https://a.org/=https://bob:secret@m.lan/".parse::<Mirror>().expect_err("refused");
        assert!(!secret.to_string().contains("secret"));
    }
}
