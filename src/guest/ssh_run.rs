use std::net::SocketAddr;
use std::time::Duration;

use super::error::Error;
use super::ssh::{Target, arguments};
use crate::system::process::{self, Invocation};

/// What a script in the guest came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit status.
    pub status: i32,
    /// What it printed, as text.
    pub stdout: String,
    /// What it complained.
    pub stderr: String,
}

impl Output {
    /// Whether one of the tools that ran complained of a missing permission: the line of each ends with what
    /// strerror(3) says of EACCES, when they speak English.
    pub fn is_denied(&self) -> bool {
        self.stderr.lines().any(|line| line.trim_end().ends_with(": Permission denied"))
    }
}

/// Runs a `sh` script in the guest, within `deadline`, whatever shell the user has there.
///
/// # Errors
/// [`Error::Unreachable`], [`Error::Denied`], [`Error::HostKeyChanged`] when the script didn't run, or ssh
/// lost the guest; [`Error::Process`] when ssh is missing or took too long. A script that ends with a
/// status other than 0 is no error, except 255, which is ssh's own.
pub async fn run(target: &Target, script: &str, deadline: Duration) -> Result<Output, Error> {
    let command = ["sh".to_owned(), "-s".to_owned()];
    let invocation = Invocation::new("ssh", deadline)
        .args(arguments(target, false, &command)?)
        .stdin(script)
        .output_limit(4 << 20);
    match invocation.output().await {
        Ok(output) => Ok(Output {
            status: 0,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: output.stderr,
        }),
        Err(process::Error::Failed(failure)) => match failure.status {
            Some(status) if status != 255 => {
                Ok(Output { status, stdout: failure.stdout, stderr: failure.stderr })
            }
            _ => Err(classified(target, failure)),
        },
        Err(error) => Err(error.into()),
    }
}

/// ssh's own failure, by what it prints (OpenSSH's sshconnect.c and sshconnect2.c).
pub(super) fn classified(target: &Target, failure: process::Failure) -> Error {
    let says = |text: &str| failure.stderr.contains(text);
    let changed = says("Host key verification failed") || says("REMOTE HOST IDENTIFICATION HAS CHANGED");
    let denied = says("Permission denied (") || says("Too many authentication failures");
    let source = process::Error::Failed(failure);
    if changed {
        return Error::HostKeyChanged { source };
    }
    if denied {
        return Error::Denied { user: target.user.clone(), source };
    }
    Error::Unreachable { address: SocketAddr::new(target.address, target.port), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Uuid;

    fn target(state: &std::path::Path, port: u16) -> Target {
        Target {
            address: [127, 0, 0, 1].into(),
            port,
            user: "u".into(),
            identity_files: Vec::new(),
            identities_only: true,
            known_host: Some("ssh-ed25519 AAAA".into()),
            uuid: Uuid::nil(),
            state_folder: state.to_owned(),
        }
    }

    // "Permission denied" and the host key's are written from OpenSSH 9.2's sources.
    #[test]
    fn failures_are_told_apart() {
        let of = |stderr: &str| {
            let failure = process::Failure {
                command: "ssh".into(),
                status: Some(255),
                signal: None,
                stdout: String::new(),
                stderr: stderr.into(),
            };
            classified(&target(std::path::Path::new("/x"), 22), failure)
        };
        assert!(matches!(of("u@127.0.0.1: Permission denied (publickey).\r\n"), Error::Denied { .. }));
        assert!(matches!(
            of(
                "No ED25519 host key is known for x and you have requested strict checking.\r\nHost key verification failed.\r\n"
            ),
            Error::HostKeyChanged { .. }
        ));
        assert!(matches!(
            of("ssh: connect to host 127.0.0.1 port 22: Connection refused\r\n"),
            Error::Unreachable { .. }
        ));
    }

    #[test]
    fn real_ssh_takes_our_arguments() {
        let state = tempfile::tempdir().expect("temporary folder");
        let folder = state.path().join("a %h b");
        let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
        let port = closed.local_addr().expect("is bound").port();
        drop(closed);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        let result = runtime.block_on(run(&target(&folder, port), "true", Duration::from_secs(20)));
        match result {
            Err(Error::Unreachable { source, .. }) => {
                let text = source.to_string();
                assert!(text.contains("Connection refused"), "{text}");
            }
            // A machine without ssh can't tell.
            Err(Error::Process(process::Error::Missing { .. })) => {}
            other => panic!("{other:?}"),
        }
    }
}
