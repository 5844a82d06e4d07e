use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Whether a daemon of libvirt can be spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Socket {
    /// This user gets through.
    Reachable {
        /// The socket.
        path: PathBuf,
    },
    /// There is a daemon, but this user may not speak to it.
    Denied {
        /// The socket.
        path: PathBuf,
    },
    /// A socket was left behind; no daemon listens.
    Dead {
        /// The socket.
        path: PathBuf,
    },
    /// There is no socket.
    Absent,
}

/// Whether this user reaches the system daemon: libvirtd, or the newer virtqemud. Takes four seconds
/// at most.
pub async fn probe_system() -> Socket {
    probe(&[Path::new("/run/libvirt"), Path::new("/var/run/libvirt")]).await
}

/// Whether this user's own daemon runs already. It starts by itself when it is needed, so
/// [`Socket::Absent`] is nothing bad.
pub async fn probe_session() -> Socket {
    match session_socket_folder() {
        Some(folder) => probe(&[&folder]).await,
        None => Socket::Absent,
    }
}

/// Where this user's own daemon has its sockets: `$XDG_RUNTIME_DIR/libvirt`, else `~/.cache/libvirt`
/// (measured on libvirt 11.3).
pub fn session_socket_folder() -> Option<PathBuf> {
    dirs::runtime_dir().or_else(dirs::cache_dir).map(|folder| folder.join("libvirt"))
}

const PATIENCE: Duration = Duration::from_secs(1);

async fn probe(folders: &[&Path]) -> Socket {
    let mut worst = Socket::Absent;
    for folder in folders {
        for name in ["libvirt-sock", "virtqemud-sock"] {
            match connect(&folder.join(name)).await {
                reachable @ Socket::Reachable { .. } => return reachable,
                Socket::Absent => {}
                denied @ Socket::Denied { .. } => worst = denied,
                dead @ Socket::Dead { .. } if worst == Socket::Absent => worst = dead,
                Socket::Dead { .. } => {}
            }
        }
    }
    worst
}

/// tokio connects without blocking, so a daemon with a full queue can't hold us.
async fn connect(path: &Path) -> Socket {
    let path = path.to_owned();
    let connected = tokio::time::timeout(PATIENCE, tokio::net::UnixStream::connect(&path)).await;
    let kind = match connected {
        Ok(Ok(_)) => return Socket::Reachable { path },
        Ok(Err(error)) => error.kind(),
        Err(_) => ErrorKind::TimedOut,
    };
    match kind {
        ErrorKind::PermissionDenied => Socket::Denied { path },
        ErrorKind::ConnectionRefused => Socket::Dead { path },
        // The queue is full: somebody listens and lets us in.
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Socket::Reachable { path },
        _ => Socket::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(folder: &Path) -> Socket {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("runtime")
            .block_on(probe(&[folder]))
    }

    #[test]
    fn each_state_is_told_apart() {
        let folder = tempfile::tempdir().expect("temporary folder");
        assert_eq!(run(folder.path()), Socket::Absent);
        let old = folder.path().join("libvirt-sock");
        drop(std::os::unix::net::UnixListener::bind(&old).expect("binds"));
        assert_eq!(run(folder.path()), Socket::Dead { path: old });
        let new = folder.path().join("virtqemud-sock");
        let _listener = std::os::unix::net::UnixListener::bind(&new).expect("binds");
        assert_eq!(run(folder.path()), Socket::Reachable { path: new });
    }
}
