use std::path::PathBuf;
use std::time::Duration;

use super::batch::Batch;
use super::client::{Client, REPLY_WITHIN};
use super::command::Command;
use super::error::Error;

/// A socket that is connected to when there is something to ask, and again after the connection broke.
///
/// ```text
/// not connected --ask--> connected --deadline, closed, not QMP--> not connected
///                         |   ^
///                         +---+ ask
/// ```
#[derive(Debug)]
pub struct Connection {
    socket: PathBuf,
    client: Option<Client>,
    generation: u64,
}

/// How long connecting and the greeting may take.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(2);

impl Connection {
    /// Nothing is connected to yet.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into(), client: None, generation: 0 }
    }

    /// How often it has connected. When this grows, another QEMU may answer: counters may begin anew, and
    /// events may have been missed.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// A client that no call has broken so far: the one there is, or a new one.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn client(&mut self) -> Result<&mut Client, Error> {
        let client = match self.client.take().filter(Client::is_usable) {
            Some(client) => client,
            None => {
                let client = Client::connect(&self.socket, CONNECT_WITHIN).await?;
                self.generation += 1;
                client
            }
        };
        Ok(self.client.insert(client))
    }

    /// Asks one thing. If QEMU has closed the connection since the last call, it is asked over a new one.
    ///
    /// # Errors
    /// As [`Client::connect`] and [`Client::run`].
    pub async fn run<C: Command>(&mut self, command: &C) -> Result<C::Reply, Error> {
        let (reply,) = self.run_all(&(command,)).await?;
        reply
    }

    /// Asks several things in one go, likewise.
    ///
    /// # Errors
    /// As [`Client::connect`] and [`Client::run_all`].
    pub async fn run_all<B: Batch>(&mut self, commands: &B) -> Result<B::Replies, Error> {
        let before = self.generation;
        match self.client().await?.run_all_within(commands, REPLY_WITHIN).await {
            // They only ask, so asking twice does no harm.
            Err(Error::Closed { .. }) if self.generation == before => {
                self.client().await?.run_all_within(commands, REPLY_WITHIN).await
            }
            replies => replies,
        }
    }
}
