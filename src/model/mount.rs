use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::Invalid;

/// A directory of the host that a guest is to mount: `HOST:GUEST[:ro|:rw]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountSpec {
    /// The directory of the host.
    pub host: PathBuf,
    /// Where the guest mounts it, absolute.
    pub guest: String,
    /// Whether the guest may only read it.
    pub read_only: bool,
}

/// How a directory gets into the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum MountDriver {
    /// By virtiofsd, in memory that it shares with QEMU.
    #[serde(rename = "virtiofs")]
    Virtiofs,
    /// By QEMU itself. Not every guest's kernel knows it.
    #[serde(rename = "9p")]
    NineP,
}

impl MountDriver {
    /// The file system's type in the guest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Virtiofs => "virtiofs",
            Self::NineP => "9p",
        }
    }
}

/// A directory of the host as a VM has it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SharedFolder {
    /// The directory of the host, absolute.
    pub host: String,
    /// The name by which the guest mounts it.
    pub tag: String,
    /// Where the guest mounts it.
    pub guest: String,
    /// Whether the guest may only read it.
    pub read_only: bool,
    /// How it gets there.
    pub driver: MountDriver,
}

impl SharedFolder {
    /// The name of a VM's directory of that number. cloud-init's `mounts` passes over what is no device, unless
    /// it looks like a network's: something with a colon in it.
    pub fn tag_of(number: usize) -> String {
        format!("vmtools:{number}")
    }

    /// The fields of its line in the guest's fstab(5).
    pub fn fstab(&self) -> [&str; 6] {
        // A guest comes up without it, too.
        let options = match (self.driver, self.read_only) {
            (MountDriver::Virtiofs, false) => "defaults,nofail",
            (MountDriver::Virtiofs, true) => "ro,nofail",
            (MountDriver::NineP, false) => "trans=virtio,version=9p2000.L,nofail,msize=131072",
            (MountDriver::NineP, true) => "ro,trans=virtio,version=9p2000.L,nofail,msize=131072",
        };
        [&self.tag, &self.guest, self.driver.name(), options, "0", "0"]
    }

    /// What mounts it by hand, in the guest.
    pub fn command(&self) -> String {
        let options = match self.driver {
            MountDriver::Virtiofs => "",
            MountDriver::NineP => " -o trans=virtio,version=9p2000.L",
        };
        let read_only = if self.read_only { " -r" } else { "" };
        format!("mount -t {}{read_only}{options} {} {}", self.driver.name(), self.tag, self.guest)
    }
}

impl FromStr for MountSpec {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = |reason: &str| Invalid::new("mount", text, reason);
        let form = || refuse("expected HOST:GUEST or HOST:GUEST:ro");
        // From the end: a folder of the host may have colons in its name, one of the guest not.
        let (folders, read_only) = match text.rsplit_once(':') {
            Some((folders, "ro")) => (folders, true),
            Some((folders, "rw")) => (folders, false),
            _ => (text, false),
        };
        let (host, guest) = folders.rsplit_once(':').ok_or_else(form)?;
        if host.is_empty() {
            return Err(form());
        }
        if !guest.starts_with('/') {
            return Err(refuse("the guest path must start with /"));
        }
        if guest.split('/').any(|part| part == "..") {
            return Err(refuse("the guest path must not contain .."));
        }
        // They would end the field in the guest's fstab, or begin an escape there.
        if guest.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(refuse("the guest path must not contain spaces or backslashes"));
        }
        if host.contains(char::is_control) {
            return Err(refuse("the host path must not contain control characters"));
        }
        let parts: Vec<&str> = guest.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        if parts.is_empty() {
            return Err(refuse("it would hide the guest's root directory"));
        }
        Ok(Self { host: host.into(), guest: format!("/{}", parts.join("/")), read_only })
    }
}

impl fmt::Display for MountSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read_only = if self.read_only { ":ro" } else { "" };
        write!(f, "{}:{}{read_only}", self.host.display(), self.guest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_its_forms_are_read() {
        for (text, host, guest, read_only) in [
            ("/a:/b", "/a", "/b", false),
            ("/a:/b:ro", "/a", "/b", true),
            ("src:/b/c/:rw", "src", "/b/c", false),
            (".:/work", ".", "/work", false),
            ("/odd:name:/b:ro", "/odd:name", "/b", true),
            ("/with blank:/b", "/with blank", "/b", false),
            ("ro:/ro", "ro", "/ro", false),
            ("/a://b//./c", "/a", "/b/c", false),
        ] {
            let spec = MountSpec { host: host.into(), guest: guest.into(), read_only };
            assert_eq!(text.parse(), Ok(spec.clone()), "{text}");
            assert_eq!(spec.to_string().parse(), Ok(spec));
        }
    }

    #[test]
    fn what_cannot_be_mounted_is_refused() {
        for text in [
            "",
            "/a",
            "/a:",
            "/a:ro",
            ":/b",
            "/a:b",
            "/a:/",
            "/a:/:ro",
            "/a://.",
            "/a:/b/../c",
            "/a:/b c",
            "/a:/b\t",
            "/a:/b\\040",
            "/a\n:/b",
            "/a:/b:rox",
            "/a:/b:ro:ro",
            "/a:/b:",
        ] {
            assert!(text.parse::<MountSpec>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_the_guest_is_told_fits_the_driver() {
        let folder = |driver, read_only| SharedFolder {
            host: "/a".into(),
            tag: SharedFolder::tag_of(1),
            guest: "/b".into(),
            read_only,
            driver,
        };
        let writable = folder(MountDriver::Virtiofs, false);
        assert_eq!(writable.fstab(), ["vmtools:1", "/b", "virtiofs", "defaults,nofail", "0", "0"]);
        assert_eq!(writable.command(), "mount -t virtiofs vmtools:1 /b");
        let readable = folder(MountDriver::NineP, true);
        assert!(readable.fstab()[3].split(',').any(|option| option == "ro"));
        assert_eq!(readable.command(), "mount -t 9p -r -o trans=virtio,version=9p2000.L vmtools:1 /b");
    }
}
