use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::locality::Locality;
use super::{Error, Event, Interrupt, Observer, Task, VmManager};
use crate::config::{Config, Paths};
use crate::libvirt::Client;
use crate::model::ConnectionUri;

/// A task on a host. Each noun of the manager ([`Networks`](super::Networks), [`Images`](super::Images), ..)
/// holds one and reaches all else through it.
#[derive(Clone, Copy)]
pub(in crate::manager) struct Operation<'a> {
    host: &'a VmManager,
    task: &'a Task,
}

impl<'a> Operation<'a> {
    pub(in crate::manager) fn new(host: &'a VmManager, task: &'a Task) -> Self {
        Self { host, task }
    }

    /// The connection.
    pub(in crate::manager) fn client(self) -> &'a Client {
        self.host.client()
    }

    /// A second connection, for questions that a guest may hold up. Its virsh starts with the first of them.
    pub(in crate::manager) fn second_client(self) -> &'a Client {
        self.host.second_client()
    }

    pub(in crate::manager) fn config(self) -> &'a Config {
        self.host.config()
    }

    pub(in crate::manager) fn paths(self) -> &'a Paths {
        self.host.paths()
    }

    pub(in crate::manager) fn uri(self) -> &'a ConnectionUri {
        self.host.uri()
    }

    pub(in crate::manager) fn locality(self) -> Locality {
        self.host.locality()
    }

    pub(in crate::manager) fn observer(self) -> &'a Arc<dyn Observer> {
        self.task.observer()
    }

    /// Tells the observer.
    pub(in crate::manager) fn report(self, event: Event<'_>) {
        self.task.observer().event(event);
    }

    pub(in crate::manager) fn interrupt(self) -> &'a Interrupt {
        self.task.interrupt()
    }

    /// Fails once the user has asked for the end.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub(in crate::manager) fn check(self) -> Result<(), Error> {
        self.task.interrupt().check()
    }

    /// Cancels `work` when the user asks for the end: see [`Interrupt::race`](super::Interrupt::race).
    ///
    /// # Errors
    /// [`Error::Interrupted`], or `work`'s own.
    pub(in crate::manager) async fn race<T>(
        self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.task.interrupt().race(work).await
    }

    /// Does what blocks on a thread of its own. When the user asks for the end, the flag that `work` gets says so, and
    /// it is waited for, so that nothing is written any more once this returns.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; in [`Ok`] those of `work`.
    pub(in crate::manager) async fn blocking<T: Send + 'static>(
        self,
        work: impl FnOnce(&AtomicBool) -> io::Result<T> + Send + 'static,
    ) -> Result<io::Result<T>, Error> {
        let given_up = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&given_up);
        let mut work = tokio::task::spawn_blocking(move || work(&flag));
        let ended = self.race(async { Ok((&mut work).await) }).await;
        if ended.is_err() {
            given_up.store(true, Ordering::Relaxed);
            let _ = work.await;
        }
        Ok(ended?.map_err(io::Error::other).and_then(|result| result))
    }
}

/// Gives a noun of the manager its constructor.
macro_rules! noun {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name<'a> {
            pub(in crate::manager) op: $crate::manager::operation::Operation<'a>,
        }

        impl<'a> $name<'a> {
            pub(in crate::manager) fn of(op: $crate::manager::operation::Operation<'a>) -> Self {
                Self { op }
            }
        }
    };
}

pub(in crate::manager) use noun;
