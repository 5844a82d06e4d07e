//! The guests' images, each built once and kept in a cache by its script. In a suite's root folder, where the scripts would
//! build them anew of the suite's packages, `./build.sh test --suite` names those of the machine.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use super::skip::Skip;

const GUESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/guests");

/// The cached image of the busybox guest: ready some seconds after its start, even without KVM.
/// Read it only; [`super::Sandbox::busybox_image`] gives a copy.
///
/// # Errors
/// The reason why this machine cannot build it.
pub fn busybox_image() -> Result<PathBuf, Skip> {
    static BUILT: Mutex<Option<PathBuf>> = Mutex::new(None);
    non_empty("VMTOOLS_TEST_BUSYBOX_IMAGE").map_or_else(|| build("busybox.sh", &[], &BUILT), Ok)
}

/// The cached image of the busybox guest for Secure Boot.
///
/// # Errors
/// The reason why this machine cannot build it.
pub fn signed_image() -> Result<PathBuf, Skip> {
    static BUILT: Mutex<Option<PathBuf>> = Mutex::new(None);
    build("signed.sh", &[], &BUILT)
}

/// The cached image of the Debian 12 guest, with cloud-init, sshd and the guest agent.
///
/// # Errors
/// The reason why this machine cannot build it.
pub fn debian_image() -> Result<PathBuf, Skip> {
    static BUILT: Mutex<Option<PathBuf>> = Mutex::new(None);
    non_empty("VMTOOLS_TEST_DEBIAN_IMAGE").map_or_else(|| build("debian.sh", &[], &BUILT), Ok)
}

/// What manages the network in a [`debian_image_with`].
#[derive(Clone, Copy, Debug)]
pub enum NetworkManagement {
    /// Debian's own, with ISC's DHCP client.
    Ifupdown,
    /// Fedora's and the desktops'.
    NetworkManager,
}

/// The cached image of a Debian 12 guest whose network is not networkd's, and that has no guest agent.
///
/// # Errors
/// The reason why this machine cannot build it.
pub fn debian_image_with(network: NetworkManagement) -> Result<PathBuf, Skip> {
    static IFUPDOWN: Mutex<Option<PathBuf>> = Mutex::new(None);
    static NETWORK_MANAGER: Mutex<Option<PathBuf>> = Mutex::new(None);
    let (kind, built) = match network {
        NetworkManagement::Ifupdown => ("ifupdown", &IFUPDOWN),
        NetworkManagement::NetworkManager => ("networkmanager", &NETWORK_MANAGER),
    };
    build("debian.sh", &["--network", kind], built)
}

/// The program that serves folders to guests, in a folder of its own if it had to be built.
///
/// # Errors
/// The reason why this machine cannot build it.
pub fn virtiofsd() -> Result<PathBuf, Skip> {
    static BUILT: Mutex<Option<PathBuf>> = Mutex::new(None);
    build("virtiofsd.sh", &[], &BUILT)
}

/// Where the tests keep what takes long to make, as the scripts have it.
pub fn cache_dir() -> PathBuf {
    let user = || {
        non_empty("XDG_CACHE_HOME")
            .or_else(|| Some(non_empty("HOME")?.join(".cache")))
            .unwrap_or_else(env::temp_dir)
    };
    non_empty("VMTOOLS_TEST_CACHE").unwrap_or_else(|| user().join("vmtools-tests"))
}

/// A path from the environment.
fn non_empty(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn build(script: &str, args: &[&str], built: &Mutex<Option<PathBuf>>) -> Result<PathBuf, Skip> {
    let mut built = built.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = built.as_ref() {
        return Ok(path.clone());
    }
    let output = Command::new("bash")
        .arg(format!("{GUESTS}/{script}"))
        .args(args)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Skip(format!("bash does not start: {error}")))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_string();
    if !output.status.success() {
        return Err(Skip(format!("{script}: {}", text(&output.stderr))));
    }
    let path = PathBuf::from(text(&output.stdout));
    *built = Some(path.clone());
    Ok(path)
}
