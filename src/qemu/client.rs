use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};

use super::batch::{Batch, Outcome};
use super::command::{Command, Negotiate, QemuVersion};
use super::error::Error;
use super::event::{Event, Queue};
use super::wire::{Malformed, Message, Reader};

/// How long [`Connection::run`] waits for a reply: QEMU's main loop answers within a millisecond, unless the
/// host is very busy.
pub const REPLY_WITHIN: Duration = Duration::from_secs(2);

/// One connection to a QMP socket. There is no task behind it: it reads while a call waits.
///
/// A call that is dropped while it waits for its reply leaves the connection good: the late reply is passed
/// over. Past a deadline, and after anything that is no QMP, the connection is [`Unusable`](Error::Unusable).
#[derive(Debug)]
pub struct Connection {
    socket: PathBuf,
    stream: UnixStream,
    reader: Reader,
    chunk: Box<[u8]>,
    events: Queue,
    version: QemuVersion,
    next_id: u64,
    usable: bool,
}

impl Connection {
    /// Connects, takes the greeting and negotiates, all within that time.
    ///
    /// # Errors
    /// [`Error::Connect`] when there is nobody; [`Error::Busy`] when another client has the monitor.
    pub async fn connect(socket: &Path, within: Duration) -> Result<Self, Error> {
        let deadline = Instant::now() + within;
        let busy = || Error::Busy { socket: socket.to_owned(), within };
        let stream = match timeout_at(deadline, UnixStream::connect(socket)).await {
            Ok(Ok(stream)) => stream,
            // The queue of those who wait for QEMU to take them is full.
            Ok(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => return Err(busy()),
            Ok(Err(source)) => return Err(Error::Connect { socket: socket.to_owned(), source }),
            Err(_) => return Err(busy()),
        };
        let mut client = Self {
            socket: socket.to_owned(),
            stream,
            reader: Reader::default(),
            chunk: vec![0; CHUNK_BYTES].into(),
            events: Queue::default(),
            version: QemuVersion::default(),
            next_id: 0,
            usable: true,
        };
        client.version = timeout_at(deadline, client.greeting()).await.map_err(|_| busy())??;
        client.run_within(&Negotiate, deadline.saturating_duration_since(Instant::now())).await?;
        Ok(client)
    }

    /// Which QEMU answers, as it says in its greeting.
    pub fn version(&self) -> &QemuVersion {
        &self.version
    }

    /// The socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Whether calls may succeed: no earlier one broke the connection.
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// Asks one thing.
    ///
    /// # Errors
    /// [`Error::Refused`] when QEMU does not do it; the others when there is no reply within [`REPLY_WITHIN`].
    pub async fn run<C: Command>(&mut self, command: &C) -> Result<C::Reply, Error> {
        self.run_within(command, REPLY_WITHIN).await
    }

    /// Asks one thing, with a deadline of its own.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_within<C: Command>(&mut self, command: &C, within: Duration) -> Result<C::Reply, Error> {
        let (reply,) = self.run_all_within(&(command,), within).await?;
        reply
    }

    /// Asks several things in one go: a tuple of commands for a tuple of replies. Each may be refused for
    /// itself.
    ///
    /// # Errors
    /// When the connection broke before the last reply.
    pub async fn run_all<B: Batch>(&mut self, commands: &B) -> Result<B::Replies, Error> {
        self.run_all_within(commands, REPLY_WITHIN).await
    }

    /// The same, with a deadline of its own for all of them together.
    ///
    /// # Errors
    /// As [`run_all`](Self::run_all).
    pub async fn run_all_within<B: Batch>(
        &mut self,
        commands: &B,
        within: Duration,
    ) -> Result<B::Replies, Error> {
        self.check_usable()?;
        let first = self.next_id;
        let mut request = Vec::with_capacity(256);
        commands.write(first, &mut request)?;
        self.next_id += B::NAMES.len() as u64;
        let mut slots = B::Slots::default();
        let done = async {
            self.send(&request).await?;
            self.receive::<B>(first, &mut slots).await
        };
        match timeout_at(Instant::now() + within, done).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(self.broken(error)),
            Err(_) => {
                let socket = self.socket.clone();
                let command = B::first_missing(&slots).unwrap_or_default();
                return Err(self.broken(Error::TimedOut { socket, command, within }));
            }
        }
        B::replies(slots).ok_or_else(|| Error::Unusable { socket: self.socket.clone() })
    }

    /// The next event; waits for it. May be dropped and asked again without a loss.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn event(&mut self) -> Result<Event, Error> {
        loop {
            if let Some(event) = self.events.pop() {
                return Ok(event);
            }
            self.check_usable()?;
            // Events may stand behind the last reply, and before a line that is none.
            let drained = self.drain();
            if let Some(event) = self.events.pop() {
                return Ok(event);
            }
            let read = match drained {
                Ok(()) => self.read().await,
                Err(error) => Err(error),
            };
            read.map_err(|error| self.broken(error))?;
        }
    }

    /// The events that came while replies were waited for. At most the last 1024, in at most 1 MiB, are kept.
    pub fn take_events(&mut self) -> Vec<Event> {
        if self.drain().is_err() {
            self.usable = false;
        }
        self.events.take()
    }

    /// How many events were dropped since nobody took them.
    pub fn dropped_events(&self) -> u64 {
        self.events.dropped()
    }

    async fn greeting(&mut self) -> Result<QemuVersion, Error> {
        loop {
            match self.reader.next() {
                Ok(Some(Message::Greeting(version))) => return Ok(version),
                Ok(Some(_)) => return Err(self.out_of_place("the first message is no greeting")),
                Ok(None) => self.read().await?,
                Err(error) => return Err(Error::of_wire(&self.socket, error)),
            }
        }
    }

    async fn send(&mut self, request: &[u8]) -> Result<(), Error> {
        // Dropped midway it would leave half a command behind.
        self.usable = false;
        self.stream.write_all(request).await.map_err(|source| self.closed(Some(source)))?;
        self.usable = true;
        Ok(())
    }

    /// Reads until the batch has all its replies.
    async fn receive<B: Batch>(&mut self, first: u64, slots: &mut B::Slots) -> Result<(), Error> {
        let mut missing = B::NAMES.len();
        while missing > 0 {
            let (id, outcome) = match self.reader.next() {
                Ok(Some(Message::Return { id, value })) => (id, Outcome::Return(value)),
                Ok(Some(Message::Refusal { id, class, message })) => {
                    (id, Outcome::Refusal { class, message })
                }
                Ok(Some(Message::Event(event))) => {
                    self.events.push(event);
                    continue;
                }
                Ok(Some(Message::Greeting(_))) => return Err(self.out_of_place("a second greeting")),
                Ok(None) => {
                    self.read().await?;
                    continue;
                }
                Err(error) => return Err(Error::of_wire(&self.socket, error)),
            };
            // Replies of an unknown id are to be passed over, says the specification.
            if let Some(index) = id.and_then(|id| usize::try_from(id.checked_sub(first)?).ok())
                && B::put(slots, index, outcome)
            {
                missing -= 1;
            }
        }
        Ok(())
    }

    /// Queues the events that were read and not looked at yet, behind a reply; late replies are passed over.
    fn drain(&mut self) -> Result<(), Error> {
        loop {
            match self.reader.next() {
                Ok(Some(Message::Event(event))) => self.events.push(event),
                Ok(Some(Message::Return { .. } | Message::Refusal { .. })) => {}
                Ok(Some(Message::Greeting(_))) => return Err(self.out_of_place("a second greeting")),
                Ok(None) => return Ok(()),
                Err(error) => return Err(Error::of_wire(&self.socket, error)),
            }
        }
    }

    async fn read(&mut self) -> Result<(), Error> {
        match self.stream.read(&mut self.chunk).await {
            Ok(0) => Err(self.closed(None)),
            Ok(count) => {
                self.reader.push(self.chunk.get(..count).unwrap_or_default());
                Ok(())
            }
            Err(source) => Err(self.closed(Some(source))),
        }
    }

    fn check_usable(&self) -> Result<(), Error> {
        match self.usable {
            true => Ok(()),
            false => Err(Error::Unusable { socket: self.socket.clone() }),
        }
    }

    fn broken(&mut self, error: Error) -> Error {
        self.usable = false;
        error
    }

    fn closed(&self, source: Option<io::Error>) -> Error {
        Error::Closed { socket: self.socket.clone(), source }
    }

    fn out_of_place(&self, what: &'static str) -> Error {
        Error::Malformed { socket: self.socket.clone(), source: Malformed::OutOfPlace(what) }
    }
}

/// How much is read at once, in bytes: most replies fit.
const CHUNK_BYTES: usize = 8 << 10;

#[cfg(test)]
mod tests;
