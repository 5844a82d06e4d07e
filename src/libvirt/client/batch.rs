//! A virsh of its own for many commands, which it gets as its argument.
//!
//! It reads no lines and echoes none, which saves a fifth of its time. Each command's output is followed by a marker,
//! and the last one's on both streams:
//!
//! ```text
//! virsh -c URI 'dumpxml UUID;echo NONCE0;dumpxml UUID;echo NONCE1;echo --err NONCE1;'
//! ```

use std::time::Duration;

use tokio::time::timeout;

use super::command::Command;
use super::record::Records;
use super::session::{RunError, beside_errors, new_nonce, virsh};
use crate::model::ConnectionUri;
use crate::system::process::Piped;

/// The kernel takes an argument of 128 KiB (`MAX_ARG_STRLEN`); a command with a UUID and its marker has 80 bytes.
pub(super) const MOST: usize = 1000;

/// Runs commands that print a document each, at most [`MOST`] of them, and gives each document when it comes; nothing
/// for those that failed. `within` is the time for each, from the one before it on.
pub(super) async fn run_documents(
    uri: &ConnectionUri,
    commands: &[Command],
    within: Duration,
    mut each: impl FnMut(usize, &[u8]),
) -> Result<(), RunError> {
    let nonce = new_nonce();
    let mut script = String::new();
    for (index, command) in commands.iter().enumerate() {
        let line = command.line().map_err(RunError::Error)?;
        script.push_str(&format!("{line};echo {nonce}{index};"));
    }
    script.push_str(&format!("echo --err {nonce};"));
    let Piped { child: _killed_on_drop, stdin, stdout, stderr } =
        virsh(uri, within).arg(&script).spawn_piped().map_err(|error| RunError::Error(error.into()))?;
    drop(stdin);
    let (mut stdout, mut stderr) = (Records::new(stdout), Records::new(stderr));
    let documents = async {
        for index in 0..commands.len() {
            let marker = format!("{nonce}{index}");
            let document = timeout(within, stdout.until(|line| line == marker.as_bytes())).await;
            each(index, document.map_err(|_| RunError::TimedOut(index))??.trim_ascii());
        }
        Ok(())
    };
    let error_marker = format!("error: {nonce}");
    beside_errors(documents, async { stderr.until(|line| line == error_marker.as_bytes()).await.map(drop) })
        .await
}
