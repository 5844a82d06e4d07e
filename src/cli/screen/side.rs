//! Queries about VMs beside the polls, in the background: the screen does not wait for them.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use crate::cli::session::Session;
use crate::manager::{StateChange, StopBy, VmStatus};
use crate::problem::Problem;

/// What can be done to a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Hold it where it is.
    Pause,
    /// Let it go on.
    Resume,
    /// Ask it to shut down.
    Stop,
}

impl Action {
    /// What is said while it is done.
    pub fn doing(self) -> &'static str {
        match self {
            Self::Pause => "pausing",
            Self::Resume => "resuming",
            Self::Stop => "stopping",
        }
    }
}

/// What has come of it.
pub enum Answer {
    /// All there is to know of a VM.
    Status {
        /// The VM.
        name: String,
        /// What is known.
        result: Result<Box<VmStatus>, Problem>,
    },
    /// Something was done to a VM.
    Acted(Result<StateChange, Problem>),
}

/// All that is under way.
pub struct BackgroundTasks<'a> {
    session: &'a Session,
    running: Vec<Pin<Box<dyn Future<Output = Answer> + 'a>>>,
}

impl<'a> BackgroundTasks<'a> {
    /// Nothing yet.
    pub fn new(session: &'a Session) -> Self {
        Self { session, running: Vec::new() }
    }

    /// Asks for the VM's status.
    pub fn ask(&mut self, name: String) {
        let session = self.session;
        self.running.push(Box::pin(async move {
            let result = session.vms().status(&name).await.map(Box::new).map_err(Problem::from);
            Answer::Status { name, result }
        }));
    }

    /// Does something to the VM.
    pub fn act(&mut self, name: String, action: Action, stop: StopBy) {
        let session = self.session;
        self.running.push(Box::pin(async move {
            let result = match action {
                Action::Pause => session.power().pause(&name).await,
                Action::Resume => session.power().resume(&name).await,
                Action::Stop => session.power().stop(&name, stop).await,
            };
            Answer::Acted(result.map_err(Problem::from))
        }));
    }

    /// What ends next. One that is cancelled can be asked again: all goes on where it was.
    pub async fn next(&mut self) -> Answer {
        poll_fn(|context| {
            for number in 0..self.running.len() {
                if let Poll::Ready(answer) = self.running[number].as_mut().poll(context) {
                    drop(self.running.swap_remove(number));
                    return Poll::Ready(answer);
                }
            }
            Poll::Pending
        })
        .await
    }
}
