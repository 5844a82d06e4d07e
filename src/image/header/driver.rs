/// QEMU's driver for a form of disk, by which a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Driver {
    /// The disk's bytes as they are.
    Raw,
    /// QEMU's own, version 2 or 3.
    Qcow2,
    /// QEMU's own of before, version 1.
    Qcow,
    /// QEMU's own of 2010 to 2012.
    Qed,
    /// VMware's.
    Vmdk,
    /// VirtualBox's.
    Vdi,
    /// Hyper-V's (VHDX).
    Vhdx,
    /// Virtual PC's and Hyper-V's of before (VHD).
    Vpc,
    /// Encrypted by LUKS, and nothing else around it.
    Luks,
    /// Parallels'.
    Parallels,
    /// Bochs'.
    Bochs,
    /// A compressed loop device.
    Cloop,
    /// Apple's.
    Dmg,
}

impl Driver {
    /// By the name that QEMU or libvirt has for it: `type` of libvirt's `<driver>` and `<format>`, `-f` of
    /// qemu-img, the backing format in a qcow2. `None` for a name that is not known.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            // QEMU's protocol drivers stand in overlays of before 2012; a CD is raw.
            "raw" | "iso" | "file" | "host_device" | "host_cdrom" => Self::Raw,
            "qcow2" => Self::Qcow2,
            "qcow" => Self::Qcow,
            "qed" => Self::Qed,
            "vmdk" => Self::Vmdk,
            "vdi" => Self::Vdi,
            "vhdx" => Self::Vhdx,
            "vpc" | "vhd" => Self::Vpc,
            "luks" => Self::Luks,
            "parallels" => Self::Parallels,
            "bochs" => Self::Bochs,
            "cloop" => Self::Cloop,
            "dmg" => Self::Dmg,
            _ => return None,
        })
    }

    /// QEMU's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
            Self::Qcow => "qcow",
            Self::Qed => "qed",
            Self::Vmdk => "vmdk",
            Self::Vdi => "vdi",
            Self::Vhdx => "vhdx",
            Self::Vpc => "vpc",
            Self::Luks => "luks",
            Self::Parallels => "parallels",
            Self::Bochs => "bochs",
            Self::Cloop => "cloop",
            Self::Dmg => "dmg",
        }
    }

    /// What QEMU would take a file for that begins with these bytes (512 are enough) and whose form nobody
    /// declares. Without a mark that is known it is raw.
    pub fn probe(head: &[u8]) -> Self {
        const MARKS: [(usize, &[u8], Driver); 13] = [
            (0, b"QFI\xfb\0\0\0\x01", Driver::Qcow),
            (0, b"QFI\xfb", Driver::Qcow2),
            (0, b"QED\0", Driver::Qed),
            (0, b"KDMV", Driver::Vmdk),
            (0, b"COWD", Driver::Vmdk),
            (0, b"# Disk DescriptorFile", Driver::Vmdk),
            (64, b"\x7f\x10\xda\xbe", Driver::Vdi),
            (0, b"vhdxfile", Driver::Vhdx),
            (0, b"conectix", Driver::Vpc),
            (0, b"LUKS\xba\xbe", Driver::Luks),
            (0, b"WithoutFreeSpace", Driver::Parallels),
            (0, b"WithouFreSpacExt", Driver::Parallels),
            (0, b"Bochs Virtual HD Image", Driver::Bochs),
        ];
        let is = |at: usize, mark: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(mark));
        MARKS.iter().find(|(at, mark, _)| is(*at, mark)).map_or(Self::Raw, |(.., driver)| *driver)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for name in ["raw", "qcow2", "qcow", "qed", "vmdk", "vdi", "vhdx", "vpc", "luks", "parallels"] {
            assert_eq!(Driver::from_name(name).map(Driver::name), Some(name));
        }
        assert_eq!(Driver::from_name("host_device"), Some(Driver::Raw));
        assert_eq!(Driver::from_name("ploop"), None);
    }

    #[test]
    fn the_first_bytes_tell() {
        assert_eq!(Driver::probe(b"QFI\xfb\0\0\0\x01rest"), Driver::Qcow);
        assert_eq!(Driver::probe(b"QFI\xfb\0\0\0\x03rest"), Driver::Qcow2);
        assert_eq!(Driver::probe(b"\xeb\x63\x90"), Driver::Raw);
        assert_eq!(Driver::probe(b""), Driver::Raw);
    }
}
