use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::ChildStdin;

use super::error::Error;
use super::ssh::{Target, arguments};
use super::ssh_run::{Output, classified};
use crate::system::process::{Failure, Invocation};

/// How much is passed on at a time, in bytes.
const CHUNK_BYTES: usize = 64 << 10;
/// How much of what the command says is kept, in bytes.
const WORDS: u64 = 64 << 10;

/// Runs a command in the guest with `input` as its standard input and `output` for what it prints, and tells
/// how many bytes have gone either way. A guest that is gone ends it after ssh's own patience, a minute.
///
/// # Errors
/// Those of [`super::run`].
pub async fn stream(
    target: &Target,
    command: &[String],
    input: &mut (impl AsyncRead + Unpin),
    output: &mut (impl AsyncWrite + Unpin),
    mut on_progress: impl FnMut(u64),
) -> Result<Output, Error> {
    // It has no deadline of its own: a copy takes as long as it takes.
    let ssh = Invocation::new("ssh", std::time::Duration::MAX).args(arguments(target, false, command)?);
    let line = ssh.to_command_line();
    let mut piped = ssh.spawn_piped()?;
    let io = |source| crate::system::process::Error::Io { command: line.clone(), source };
    let on_progress = std::cell::RefCell::new(&mut on_progress);
    let feed = feed(input, piped.stdin, |given| (on_progress.borrow_mut())(given));
    let fetch = fetch(&mut piped.stdout, output, |taken| (on_progress.borrow_mut())(taken));
    let mut words = Vec::new();
    let listen = async {
        let _ = (&mut piped.stderr).take(WORDS).read_to_end(&mut words).await;
        tokio::io::copy(&mut piped.stderr, &mut tokio::io::sink()).await.map(drop)
    };
    // A command that has ended needs no more input.
    let ended = async { tokio::try_join!(fetch, listen).map(drop) };
    {
        tokio::pin!(feed, ended);
        tokio::select! {
            fed = &mut feed => {
                fed.map_err(io)?;
                ended.await.map_err(io)?;
            }
            result = &mut ended => result.map_err(io)?,
        }
    }
    let status = piped.child.wait().await.map_err(io)?;
    let stderr = String::from_utf8_lossy(&words).into_owned();
    match status.code() {
        Some(status) if status != 255 => Ok(Output { status, stdout: String::new(), stderr }),
        code => {
            let failure =
                Failure { command: line, status: code, signal: None, stdout: String::new(), stderr };
            Err(classified(target, failure))
        }
    }
}

/// Gives the command its input, until that ends or nobody takes any more.
async fn feed(
    input: &mut (impl AsyncRead + Unpin),
    mut stdin: ChildStdin,
    mut on_progress: impl FnMut(u64),
) -> std::io::Result<()> {
    let (mut chunk, mut given) = (vec![0; CHUNK_BYTES], 0);
    loop {
        let read = input.read(&mut chunk).await?;
        // A command that ended early says why by itself.
        if read == 0 || stdin.write_all(&chunk[..read]).await.is_err() {
            return Ok(());
        }
        given += read as u64;
        on_progress(given);
    }
}

/// Passes on what the command prints, to its end.
async fn fetch(
    stdout: &mut (impl AsyncRead + Unpin),
    output: &mut (impl AsyncWrite + Unpin),
    mut on_progress: impl FnMut(u64),
) -> std::io::Result<()> {
    let (mut chunk, mut taken) = (vec![0; CHUNK_BYTES], 0);
    loop {
        let read = stdout.read(&mut chunk).await?;
        if read == 0 {
            return output.flush().await;
        }
        output.write_all(&chunk[..read]).await?;
        taken += read as u64;
        on_progress(taken);
    }
}
