use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// What a VM's machine is made of, beyond memory, vCPUs and disks. The default suits a Linux image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hardware {
    /// QEMU's machine; `None` is q35, or virt where that is the architecture's.
    pub machine: Option<MachineType>,
    /// The CPU; `None` is the host's own under KVM, else all that QEMU can emulate.
    pub cpu_model: Option<CpuModel>,
    /// What the disks hang on.
    pub disk_bus: DiskBus,
    /// The network interfaces' model.
    pub nic_model: NicModel,
    /// The graphics card.
    pub video: VideoModel,
    /// What the clock shows when the VM starts.
    pub clock: ClockOffset,
    /// Whether the Hyper-V enlightenments for Windows are enabled.
    pub hyperv: bool,
    /// Whether there is a TPM 2.0, by emulation.
    pub tpm: bool,
    /// Whether there is a tablet, so that the pointer on the screen follows the viewer's.
    pub tablet: bool,
}

impl Hardware {
    /// The same for a guest that is given virtio's drivers.
    #[must_use]
    pub fn with_virtio(self) -> Self {
        Self { disk_bus: DiskBus::Virtio, nic_model: NicModel::Virtio, ..self }
    }
}

/// An enumeration whose variants have a word each, in files and on the command line.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident, $what:literal: $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $name {
            /// The word, which is libvirt's too.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(Invalid::new($what, text, concat!("expected one of", $(" ", $word),+))),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

words! {
    /// What a VM's disks hang on.
    DiskBus, "disk bus":
    /// virtio-blk: the fastest; Windows needs a driver for it.
    #[default]
    Virtio = "virtio",
    /// AHCI, which every system knows, Debian's cloud kernel excepted.
    Sata = "sata",
}

words! {
    /// A network interface's model.
    NicModel, "network interface model":
    /// virtio-net: the fastest; Windows needs a driver for it.
    #[default]
    Virtio = "virtio",
    /// Intel's 82574L, which Windows knows.
    E1000e = "e1000e",
    /// Intel's 82540EM, for old systems.
    E1000 = "e1000",
    /// Realtek's, for older ones.
    Rtl8139 = "rtl8139",
}

words! {
    /// A graphics card's model.
    VideoModel, "video model":
    /// The standard VGA, which every system and firmware knows.
    #[default]
    Vga = "vga",
    /// virtio-gpu.
    Virtio = "virtio",
    /// QXL, for SPICE.
    Qxl = "qxl",
    /// VGA without the legacy parts, for UEFI.
    Bochs = "bochs",
    /// None at all.
    None = "none",
}

words! {
    /// What a VM's clock shows when it starts.
    ClockOffset, "clock":
    /// UTC, as Linux takes it.
    #[default]
    Utc = "utc",
    /// The host's local time, as Windows takes it.
    Localtime = "localtime",
}

/// The name of a QEMU machine, such as `q35` or `pc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineType(String);

/// A CPU: `host-passthrough`, `host-model`, `maximum`, or the name of a model, such as `EPYC`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuModel(String);

impl MachineType {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl CpuModel {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is one of libvirt's modes, not the name of a model.
    pub fn is_mode(&self) -> bool {
        matches!(self.0.as_str(), "host-passthrough" | "host-model" | "maximum")
    }
}

impl FromStr for MachineType {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        plain_name("machine", text).map(Self)
    }
}

impl FromStr for CpuModel {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        plain_name("processor", text).map(Self)
    }
}

impl fmt::Display for MachineType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for CpuModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn plain_name(what: &'static str, text: &str) -> Result<String, Invalid> {
    let taken = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.len() <= 63 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(taken) {
        return Ok(text.to_owned());
    }
    Err(Invalid::new(
        what,
        text,
        "a name has 1 to 63 letters, digits or . _ -, starting with a letter or digit",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_others_are_refused() {
        assert_eq!("sata".parse(), Ok(DiskBus::Sata));
        assert_eq!("e1000e".parse::<NicModel>().map(NicModel::name), Ok("e1000e"));
        let error = "ide".parse::<DiskBus>().expect_err("is refused");
        assert_eq!(error.reason, "expected one of virtio sata");
        for text in ["", "-x", "a b", "<x>"] {
            assert!(text.parse::<CpuModel>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn modes_are_no_models() {
        for (text, is_mode) in [("host-passthrough", true), ("maximum", true), ("EPYC-Rome", false)] {
            assert_eq!(text.parse::<CpuModel>().map(|cpu| cpu.is_mode()), Ok(is_mode));
        }
    }
}
