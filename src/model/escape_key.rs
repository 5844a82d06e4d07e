use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// The key that leaves a console, as virsh writes it: `^` and a letter or one of `@[\]^_` for Ctrl and that key, or one
/// character of ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EscapeKey(u8);

impl EscapeKey {
    /// Ctrl and `]`, virsh's own.
    pub const DEFAULT: Self = Self(0x1d);

    /// What a terminal sends for it.
    pub fn byte(self) -> u8 {
        self.0
    }

    /// What was typed before the key, if it is among that.
    pub fn split(self, typed: &[u8]) -> Option<&[u8]> {
        let at = typed.iter().position(|byte| *byte == self.0)?;
        typed.get(..at)
    }

    /// For people: `Ctrl-]`.
    pub fn name(self) -> String {
        match self.control() {
            Some(key) => format!("Ctrl-{key}"),
            None => char::from(self.0).to_string(),
        }
    }

    /// The key that is pressed together with Ctrl.
    fn control(self) -> Option<char> {
        (self.0 < 0x20).then_some(char::from(self.0 ^ 0x40))
    }
}

impl FromStr for EscapeKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.as_bytes() {
            [b'^', key] if key.is_ascii_alphabetic() || b"@[\\]^_".contains(key) => {
                Ok(Self(key.to_ascii_uppercase() ^ 0x40))
            }
            [key] if key.is_ascii_graphic() && *key != b'^' => Ok(Self(*key)),
            _ => Err(Invalid::new("key", text, "expected ^X (Ctrl and X), or one character")),
        }
    }
}

impl fmt::Display for EscapeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.control() {
            Some(key) => write!(f, "^{key}"),
            None => write!(f, "{}", char::from(self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_virshs() {
        for (text, name, byte) in
            [("^]", "Ctrl-]", 0x1d), ("^t", "Ctrl-T", 0x14), ("~", "~", b'~'), ("^^", "Ctrl-^", 0x1e)]
        {
            let key: EscapeKey = text.parse().expect("is one");
            assert_eq!((key.name().as_str(), key.byte()), (name, byte));
            assert_eq!(key.to_string(), text.to_ascii_uppercase());
        }
        assert_eq!("^]".parse(), Ok(EscapeKey::DEFAULT));
        for text in ["", "^", "^1", "ab", "^]x", "é", " ", "\n"] {
            assert!(text.parse::<EscapeKey>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn it_is_seen_wherever_it_stands() {
        let key = EscapeKey::DEFAULT;
        for (typed, before) in [
            (&b"\x1d"[..], Some(&b""[..])),
            (b"ab\x1d", Some(b"ab")),
            (b"a\x1db\x1d", Some(b"a")),
            (b"\r\x1d\n", Some(b"\r")),
            (b"ab", None),
            (b"", None),
        ] {
            assert_eq!(key.split(typed), before, "{typed:?}");
        }
    }
}
