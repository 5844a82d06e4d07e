use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::Invalid;

/// The hash functions that image publishers use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// The name in `sha256:HEX`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// How many hexadecimal digits its value has.
    pub fn hex_length(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

/// The digest of an image's bytes, written `sha256:HEX`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    hex: String,
}

impl Digest {
    /// A digest from its hexadecimal form, of which the length tells the function.
    ///
    /// # Errors
    /// When `hex` is not 64 or 128 hexadecimal digits.
    pub fn from_hex(hex: &str) -> Result<Self, Invalid> {
        let algorithm = [Algorithm::Sha256, Algorithm::Sha512]
            .into_iter()
            .find(|a| a.hex_length() == hex.len())
            .filter(|_| hex.bytes().all(|b| b.is_ascii_hexdigit()))
            .ok_or_else(|| Invalid::new("digest", hex, "expected 64 or 128 hexadecimal digits"))?;
        Ok(Self { algorithm, hex: hex.to_ascii_lowercase() })
    }

    /// The hash function.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The value in lower-case hexadecimal digits.
    pub fn hex(&self) -> &str {
        &self.hex
    }
}

impl FromStr for Digest {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = || Invalid::new("digest", text, "expected sha256:HEX or sha512:HEX");
        let (name, hex) = text.split_once(':').ok_or_else(refuse)?;
        let digest = Self::from_hex(hex).map_err(|_| refuse())?;
        if digest.algorithm.name() != name {
            return Err(refuse());
        }
        Ok(digest)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_has_to_match_the_length() {
        let hex = "ab".repeat(32);
        assert_eq!(
            format!("sha256:{hex}").parse::<Digest>().map(|d| d.to_string()),
            Ok(format!("sha256:{hex}"))
        );
        assert!(format!("sha512:{hex}").parse::<Digest>().is_err());
        assert!("sha256:zz".parse::<Digest>().is_err());
        assert!(hex.parse::<Digest>().is_err());
    }
}
