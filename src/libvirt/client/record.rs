//! What virsh prints on one stream, cut where a line of its own ends a record.

use tokio::io::{AsyncRead, AsyncReadExt};

/// How much is read at a time, in bytes.
const CHUNK: usize = 16 << 10;
/// The most that one record may have, in bytes.
const LIMIT: usize = crate::system::process::OUTPUT_LIMIT;

/// What ended a stream too early.
#[derive(Debug)]
pub(super) enum Broken {
    /// It ended, after this.
    Ended(String),
    /// A record is longer than anything that is asked for.
    Flood,
}

/// A stream, and what has been read of it.
pub(super) struct Records<R> {
    stream: R,
    buffer: Vec<u8>,
    /// Where in the buffer the present record begins: what stands before has been given.
    start: usize,
}

impl<R: AsyncRead + Unpin> Records<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream, buffer: Vec::new(), start: 0 }
    }

    /// What stands before the next line for which `is_end` holds; that line itself is left out.
    pub(super) async fn until(&mut self, is_end: impl Fn(&[u8]) -> bool) -> Result<&[u8], Broken> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let mut line = 0;
        loop {
            let unseen = self.buffer.get(line..).unwrap_or_default();
            if let Some(length) = unseen.iter().position(|byte| *byte == b'\n') {
                if is_end(unseen.get(..length).unwrap_or_default().trim_ascii_end()) {
                    self.start = line + length + 1;
                    return Ok(&self.buffer[..line]);
                }
                line += length + 1;
                continue;
            }
            if self.buffer.len() > LIMIT {
                return Err(Broken::Flood);
            }
            self.buffer.reserve(CHUNK);
            // A pipe that breaks has ended as well.
            if self.stream.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                let words = String::from_utf8_lossy(&self.buffer).trim().to_owned();
                return Err(Broken::Ended(words));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_cut_at_their_markers() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
        runtime.block_on(async {
            let mut records = Records::new(&b"one\ntwo\nEND\r\nEND \nxEND\nlast words"[..]);
            let is_end = |line: &[u8]| line == b"END";
            assert_eq!(records.until(is_end).await.expect("whole"), b"one\ntwo\n");
            assert_eq!(records.until(is_end).await.expect("whole"), b"");
            let broken = records.until(is_end).await.expect_err("ends");
            assert!(matches!(broken, Broken::Ended(words) if words == "xEND\nlast words"));
        });
    }
}
