use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::client::Agent;
use super::command::{FileClose, FileHandle, FileMode, FileOpen, FileRead, FileWrite};
use super::error::Error;
use super::transport::Transport;

/// How much is written at a time, in bytes: in base64 it is a third longer, and has to fit into
/// [`REQUEST_LIMIT`](super::REQUEST_LIMIT).
const WRITE_CHUNK: usize = 96 << 10;
/// How much is read at a time, in bytes.
const READ_CHUNK: usize = 512 << 10;
/// How long a chunk may take: a guest that is busy writing answers late.
const CHUNK_WITHIN: std::time::Duration = std::time::Duration::from_secs(30);

/// Why a file did not go through.
#[derive(Debug, thiserror::Error)]
pub enum TransferError<E: std::error::Error + 'static> {
    /// The agent's side failed.
    #[error(transparent)]
    Agent(#[from] Error<E>),
    /// This side did: what was to be read from could not be, or what was to be written to.
    #[error("cannot read or write on the host")]
    Local(#[source] io::Error),
}

impl<T: Transport> Agent<T> {
    /// Reads a file of the guest's to its end and gives its bytes to `output`. `progress` is called with how many went
    /// through so far. Gives how many there were.
    ///
    /// # Errors
    /// [`RefusalKind::NoSuchFile`](super::RefusalKind::NoSuchFile) and its kin.
    pub async fn read_file(
        &self,
        path: &str,
        output: &mut (impl AsyncWrite + Unpin),
        progress: impl FnMut(u64),
    ) -> Result<u64, TransferError<T::Error>> {
        let handle = self.open(path, FileMode::Read).await?;
        let read = self.read_chunks(handle, output, progress).await;
        self.close(handle, read).await
    }

    /// Writes what `input` gives, to its end, to a file of the guest's, which is made or emptied before. `progress`
    /// gets how many bytes went through so far. Gives how many there were.
    ///
    /// A file that could not be written to its end is left behind as far as it went.
    ///
    /// # Errors
    /// [`RefusalKind::Denied`](super::RefusalKind::Denied) and its kin; [`Error::ShortWrite`].
    pub async fn write_file(
        &self,
        path: &str,
        input: &mut (impl AsyncRead + Unpin),
        progress: impl FnMut(u64),
    ) -> Result<u64, TransferError<T::Error>> {
        let handle = self.open(path, FileMode::Write).await?;
        let written = self.write_chunks(handle, input, progress).await;
        self.close(handle, written).await
    }

    async fn open(&self, path: &str, mode: FileMode) -> Result<FileHandle, Error<T::Error>> {
        self.ask_within(&FileOpen { path: path.to_owned(), mode }, CHUNK_WITHIN).await
    }

    /// The agent keeps what is not closed open for as long as it lives. Why the transfer failed is more to the point
    /// than why the file cannot be closed.
    async fn close(
        &self,
        handle: FileHandle,
        outcome: Result<u64, TransferError<T::Error>>,
    ) -> Result<u64, TransferError<T::Error>> {
        let unanswered = matches!(&outcome, Err(TransferError::Agent(error)) if error.is_no_answer());
        if unanswered {
            return outcome;
        }
        let closed = self.ask_within(&FileClose { handle }, CHUNK_WITHIN).await;
        let count = outcome?;
        closed?;
        Ok(count)
    }

    async fn read_chunks(
        &self,
        handle: FileHandle,
        output: &mut (impl AsyncWrite + Unpin),
        mut progress: impl FnMut(u64),
    ) -> Result<u64, TransferError<T::Error>> {
        let mut done = 0;
        loop {
            let chunk = self.ask_within(&FileRead { handle, count: READ_CHUNK }, CHUNK_WITHIN).await?;
            output.write_all(&chunk.bytes).await.map_err(TransferError::Local)?;
            done += chunk.bytes.len() as u64;
            progress(done);
            if chunk.eof || chunk.bytes.is_empty() {
                output.flush().await.map_err(TransferError::Local)?;
                return Ok(done);
            }
        }
    }

    async fn write_chunks(
        &self,
        handle: FileHandle,
        input: &mut (impl AsyncRead + Unpin),
        mut progress: impl FnMut(u64),
    ) -> Result<u64, TransferError<T::Error>> {
        let mut done = 0;
        loop {
            let bytes = next_chunk(input).await.map_err(TransferError::Local)?;
            let length = bytes.len();
            if length == 0 {
                return Ok(done);
            }
            let written = self.ask_within(&FileWrite { handle, bytes }, CHUNK_WITHIN).await?;
            if written.count != length as u64 {
                return Err(Error::ShortWrite { written: written.count, length }.into());
            }
            done += length as u64;
            progress(done);
        }
    }
}

/// As much as a chunk may be: a pipe gives less at a time, and each request takes its time.
async fn next_chunk(input: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut chunk = Vec::with_capacity(WRITE_CHUNK);
    input.take(WRITE_CHUNK as u64).read_to_end(&mut chunk).await?;
    Ok(chunk)
}

#[cfg(test)]
mod tests;
