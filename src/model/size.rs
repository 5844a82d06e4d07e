use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::Invalid;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

/// An amount of guest memory. A bare number is in MiB; `K`, `M`, `G`, `T` are binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct MemorySize {
    mib: u64,
}

impl MemorySize {
    /// `mib` mebibytes.
    pub const fn from_mib(mib: u64) -> Self {
        Self { mib }
    }

    /// The amount in MiB.
    pub const fn mib(self) -> u64 {
        self.mib
    }
}

impl FromStr for MemorySize {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bytes = parse_bytes("memory size", text, MIB)?;
        if bytes < MIB {
            return Err(Invalid::new("memory size", text, "the minimum is 1 MiB"));
        }
        Ok(Self { mib: bytes / MIB })
    }
}

impl fmt::Display for MemorySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&human(self.mib * MIB))
    }
}

/// The size of a disk. A bare number is in GiB; `K`, `M`, `G`, `T` are binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct DiskSize {
    bytes: u64,
}

impl DiskSize {
    /// `bytes` bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self { bytes }
    }

    /// `gib` gibibytes.
    pub const fn from_gib(gib: u64) -> Self {
        Self { bytes: gib * GIB }
    }

    /// The size in bytes.
    pub const fn bytes(self) -> u64 {
        self.bytes
    }
}

impl FromStr for DiskSize {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bytes = parse_bytes("disk size", text, GIB)?;
        if bytes < MIB {
            return Err(Invalid::new("disk size", text, "the minimum is 1M"));
        }
        // QEMU works in sectors.
        Ok(Self { bytes: bytes.div_ceil(512) * 512 })
    }
}

impl fmt::Display for DiskSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&human(self.bytes))
    }
}

// In TOML a size is a number (in the default unit) or a string with a suffix.
macro_rules! deserialize_size {
    ($type:ty, $expecting:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl de::Visitor<'_> for Visitor {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }

                    fn visit_i64<E: de::Error>(self, number: i64) -> Result<$type, E> {
                        number.to_string().parse().map_err(E::custom)
                    }

                    fn visit_u64<E: de::Error>(self, number: u64) -> Result<$type, E> {
                        number.to_string().parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_any(Visitor)
            }
        }
    };
}
deserialize_size!(MemorySize, "a number of MiB, or text such as \"4G\"");
deserialize_size!(DiskSize, "a number of GiB, or text such as \"20G\"");

/// `text` in bytes; a bare number counts `default_unit` bytes each. "4G", "4GiB", "4GB", "1.5G" are taken.
fn parse_bytes(what: &'static str, text: &str, default_unit: u64) -> Result<u64, Invalid> {
    let refuse = |reason: &str| Invalid::new(what, text, reason);
    let trimmed = text.trim();
    let split = trimmed.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(trimmed.len());
    let (number, suffix) = trimmed.split_at(split);
    let unit = match suffix.trim().to_ascii_uppercase().as_str() {
        "" => default_unit,
        "K" | "KB" | "KIB" => KIB,
        "M" | "MB" | "MIB" => MIB,
        "G" | "GB" | "GIB" => GIB,
        "T" | "TB" | "TIB" => TIB,
        _ => return Err(refuse("expected a number, optionally followed by K, M, G or T")),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.len() > 6 || fraction.contains('.') {
        return Err(refuse("expected a number, optionally followed by K, M, G or T"));
    }
    let too_large = || refuse("it is too large");
    let mut bytes = whole.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).ok_or_else(too_large)?;
    if !fraction.is_empty() {
        let parts: u64 = fraction.parse().map_err(|_| refuse("it is not a number"))?;
        let scale = 10u64.pow(u32::try_from(fraction.len()).unwrap_or(6));
        let part = u128::from(parts) * u128::from(unit) / u128::from(scale);
        bytes = bytes.checked_add(u64::try_from(part).unwrap_or(0)).ok_or_else(too_large)?;
    }
    // QEMU's own limit for an image is near 8 EiB (signed 64 bits).
    if bytes > i64::MAX as u64 {
        return Err(too_large());
    }
    Ok(bytes)
}

fn human(bytes: u64) -> String {
    for (unit, name) in [(TIB, "TiB"), (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")] {
        if bytes >= unit {
            let tenths = (u128::from(bytes) * 10 + u128::from(unit) / 2) / u128::from(unit);
            return if tenths % 10 == 0 {
                format!("{} {name}", tenths / 10)
            } else {
                format!("{}.{} {name}", tenths / 10, tenths % 10)
            };
        }
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_numbers_take_the_default_unit() {
        assert_eq!("4096".parse(), Ok(MemorySize::from_mib(4096)));
        assert_eq!("20".parse(), Ok(DiskSize::from_gib(20)));
    }

    #[test]
    fn suffixes_are_binary() {
        assert_eq!("4G".parse(), Ok(MemorySize::from_mib(4096)));
        assert_eq!("1.5GiB".parse(), Ok(MemorySize::from_mib(1536)));
        assert_eq!("512m".parse(), Ok(DiskSize::from_bytes(512 << 20)));
        assert_eq!("1T".parse(), Ok(DiskSize::from_gib(1024)));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in
            ["", "G", "-1", "0", "1X", "1..5", ".5G", "99999999999999999999", "9E", "16777216T", "nan"]
        {
            assert!(text.parse::<MemorySize>().is_err(), "{text:?}");
            assert!(text.parse::<DiskSize>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn people_read_them_rounded() {
        assert_eq!(MemorySize::from_mib(4096).to_string(), "4 GiB");
        assert_eq!(MemorySize::from_mib(1536).to_string(), "1.5 GiB");
        assert_eq!(DiskSize::from_bytes(700).to_string(), "700 B");
    }
}
