use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

/// What a fetch writes to. It keeps why it could not be written: to whom it is lent, that is the end of a program's
/// output like any other.
pub(super) struct Destination<W> {
    writer: W,
    failure: Option<io::Error>,
}

impl<W> Destination<W> {
    pub(super) fn new(writer: W) -> Self {
        Self { writer, failure: None }
    }

    /// Why it could not be written, if that was so.
    pub(super) fn failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    pub(super) fn into_inner(self) -> W {
        self.writer
    }

    fn kept<T>(&mut self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        polled.map_err(|error| {
            let kind = error.kind();
            self.failure.get_or_insert(error);
            kind.into()
        })
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Destination<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.writer).poll_write(context, bytes);
        self.kept(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.writer).poll_flush(context);
        self.kept(polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.writer).poll_shutdown(context);
        self.kept(polled)
    }
}
