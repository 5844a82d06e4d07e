use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Invalid;

/// What starts the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Firmware {
    /// SeaBIOS.
    #[default]
    Bios,
    /// UEFI without Secure Boot.
    Efi,
    /// UEFI with Secure Boot and the vendors' keys enrolled.
    EfiSecure,
}

impl Firmware {
    /// The name on the command line and in templates.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bios => "bios",
            Self::Efi => "efi",
            Self::EfiSecure => "efi-secure",
        }
    }
}

impl FromStr for Firmware {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "bios" => Ok(Self::Bios),
            "efi" | "uefi" => Ok(Self::Efi),
            "efi-secure" => Ok(Self::EfiSecure),
            _ => Err(Invalid::new("firmware", text, "expected bios, efi or efi-secure")),
        }
    }
}

impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How the guest's CPU is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Acceleration {
    /// KVM where it works, else emulation with a warning.
    #[default]
    Auto,
    /// KVM, or an error.
    Kvm,
    /// QEMU's own emulation (TCG): works everywhere, ten times slower or more.
    Tcg,
}

impl FromStr for Acceleration {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "auto" => Ok(Self::Auto),
            "kvm" => Ok(Self::Kvm),
            "tcg" => Ok(Self::Tcg),
            _ => Err(Invalid::new("acceleration", text, "expected auto, kvm or tcg")),
        }
    }
}
