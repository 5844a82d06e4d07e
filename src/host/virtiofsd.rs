use std::path::PathBuf;
use std::time::Duration;

use super::tool::{Tool, tool};
use crate::system::process::Invocation;

/// The program that serves directories to guests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Virtiofsd {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it can refuse to write (`--readonly`), which came with its version 1.13.
    pub refuses_writes: bool,
}

/// The program, if it is installed.
pub async fn virtiofsd() -> Option<Virtiofsd> {
    let path = tool(Tool::Virtiofsd)?;
    let output = Invocation::new(&path, Duration::from_secs(5)).arg("--version").output().await;
    let printed = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let version = printed.ok().and_then(|text| parse_version(&text));
    Some(Virtiofsd { path, refuses_writes: version >= Some((1, 13)) })
}

/// The older program of the same name, which came with QEMU until 8.0 and bears its version, prints
/// `virtiofsd version 7.2.9 (..)`: that one is `None`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let version = text.lines().next()?.strip_prefix("virtiofsd ")?;
    let mut parts = version.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_both_programs() {
        // virtiofsd 1.14.0 (the crate) and qemu-system-common 7.2: `--version`
        assert_eq!(parse_version("virtiofsd 1.14.0\n"), Some((1, 14)));
        let old = "virtiofsd version 7.2.9 (Debian 1:7.2+dfsg-7+deb12u5)\nCopyright (c) 2003-2022 Fabrice Bellard\n";
        assert_eq!(parse_version(old), None);
        assert_eq!(parse_version(""), None);
        assert!(None < Some((1, 13)));
    }
}
