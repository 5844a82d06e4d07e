use std::ffi::OsString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::model::Uuid;

use super::error::Error;
use super::known_hosts::{alias, prepare};
use crate::system::{fs, process};

/// A guest, as ssh needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where it is reached: its own address, or 127.0.0.1 for a forwarded port.
    pub address: IpAddr,
    /// The port there.
    pub port: u16,
    /// The user in the guest.
    pub user: String,
    /// Files of keys to try, private ones, or public ones of which an agent has the private half.
    pub identity_files: Vec<PathBuf>,
    /// Try just these keys. A server takes only six, and an agent's keys go first: so say yes for a VM
    /// that is known to let one of them in, and no for one that others have made.
    pub identities_only: bool,
    /// The public host key that the guest was given; `None`: the first one seen is kept.
    pub known_host: Option<String>,
    /// The VM.
    pub uuid: Uuid,
    /// The directory that holds the known_hosts files.
    pub state_folder: PathBuf,
}

/// The arguments of ssh for a session in the guest, or for `command` there. Also writes the VM's
/// known_hosts file.
///
/// The words of the command are given to ssh as they are, which joins them with blanks and hands the line
/// to the user's shell in the guest: as plain `ssh host -- CMD..` does, so that `ssh web -- 'cd /; ls | wc'`
/// works, and a word with a blank needs quotes for that shell too.
///
/// `tty`: give the command a terminal.
///
/// # Errors
/// When the known_hosts file can't be written.
pub fn arguments(target: &Target, tty: bool, command: &[String]) -> Result<Vec<OsString>, fs::Error> {
    let mut arguments = options(target)?;
    if !command.is_empty() {
        arguments.push(if tty { "-t" } else { "-T" }.into());
    }
    arguments.push(target.address.to_string().into());
    if !command.is_empty() {
        // ssh looks for options behind the host too.
        arguments.push("--".into());
        arguments.extend(command.iter().map(OsString::from));
    }
    Ok(arguments)
}

/// Replaces this process by ssh, with the user's own environment; gives why that failed.
pub fn become_ssh(arguments: Vec<OsString>) -> Error {
    process::exec("ssh", &arguments).into()
}

/// What an entry of ssh_config(5) for the guest says, in its syntax. Also writes the VM's known_hosts file.
///
/// # Errors
/// When the known_hosts file can't be written.
pub fn settings(target: &Target) -> Result<Vec<(&'static str, String)>, fs::Error> {
    let known_hosts = prepare(&target.state_folder, target.uuid, target.known_host.as_deref())?;
    let mut settings = vec![
        ("User", target.user.clone()),
        ("Port", target.port.to_string()),
        // The key belongs to the VM, not to an address, which another VM may have had.
        ("HostKeyAlias", alias(target.uuid)),
        // With the key that the guest was given nothing is left to trust; else the first one counts.
        ("StrictHostKeyChecking", if target.known_host.is_some() { "yes" } else { "accept-new" }.to_owned()),
        ("UserKnownHostsFile", quoted(&known_hosts)),
        ("GlobalKnownHostsFile", "/dev/null".to_owned()),
        // Else ssh adds the guest's other keys to our file after the login.
        ("UpdateHostKeys", "no".to_owned()),
        // "Permanently added" is noise; errors stay.
        ("LogLevel", "ERROR".to_owned()),
        ("IdentitiesOnly", if target.identities_only { "yes" } else { "no" }.to_owned()),
    ];
    settings.extend(target.identity_files.iter().map(|file| ("IdentityFile", quoted(file))));
    Ok(settings)
}

/// What every ssh takes.
fn options(target: &Target) -> Result<Vec<OsString>, fs::Error> {
    // A `Host *` of the user's ssh_config may send connections over a jump host, share or forward them,
    // or run a command: none of that is meant for a VM on this host.
    let mut arguments: Vec<OsString> = vec!["-F".into(), "none".into()];
    let options = [
        // No question, ever: not for a password, a passphrase or a host key.
        ("BatchMode", "yes"),
        // A guest that went away ends the connection within a minute, not in two hours.
        ("ConnectTimeout", "10"),
        ("ServerAliveInterval", "15"),
        ("ServerAliveCountMax", "4"),
    ];
    let options = options.map(|(name, value)| (name, value.to_owned()));
    for (name, value) in options.into_iter().chain(settings(target)?) {
        arguments.extend(["-o".into(), OsString::from(format!("{name}={value}"))]);
    }
    Ok(arguments)
}

/// A value of an option is split at blanks, and `%` begins a token (ssh_config(5)).
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    format!("\"{}\"", text.replace('%', "%%").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(state: &Path) -> Target {
        Target {
            address: IpAddr::from([127, 0, 0, 1]),
            port: 2222,
            user: "ubuntu".into(),
            identity_files: vec!["/k/id".into(), "/k/b.pub".into()],
            identities_only: true,
            known_host: Some("ssh-ed25519 AAAA".into()),
            uuid: Uuid::nil(),
            state_folder: state.to_owned(),
        }
    }

    fn words(arguments: Vec<OsString>) -> Vec<String> {
        arguments.into_iter().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_command_stands_behind_two_dashes() {
        let state = tempfile::tempdir().expect("temporary folder");
        let command = ["-v".to_owned(), "a b".to_owned()];
        let all = words(arguments(&target(state.path()), false, &command).expect("prepares"));
        assert!(all.ends_with(&["-T", "127.0.0.1", "--", "-v", "a b"].map(str::to_owned)), "{all:?}");
        let all = words(arguments(&target(state.path()), true, &[]).expect("prepares"));
        assert_eq!(all.last().map(String::as_str), Some("127.0.0.1"));
        assert!(!all.contains(&"-t".to_owned()));
    }

    #[test]
    fn a_pinned_key_is_strict() {
        let state = tempfile::tempdir().expect("temporary folder");
        let pinned = target(state.path());
        let seen = Target { known_host: None, identities_only: false, ..pinned.clone() };
        for (target, expected) in [
            (pinned, ["StrictHostKeyChecking=yes", "IdentitiesOnly=yes"]),
            (seen, ["StrictHostKeyChecking=accept-new", "IdentitiesOnly=no"]),
        ] {
            let all = words(arguments(&target, false, &[]).expect("prepares"));
            for option in expected.into_iter().chain(["BatchMode=yes", "Port=2222", "User=ubuntu"]) {
                assert!(all.contains(&option.to_owned()), "{option} in {all:?}");
            }
        }
    }

    #[test]
    fn paths_are_quoted_for_ssh() {
        assert_eq!(quoted(Path::new("/a b/50%")), "\"/a b/50%%\"");
    }
}
