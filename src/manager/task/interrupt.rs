use tokio::sync::watch;

use crate::manager::Error;

/// Tells that the user wants the present command to end: Ctrl-C, or a request from the system.
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Receiver<bool>);

/// An interrupt and the end that sets it off by sending `true`.
pub fn interrupt_channel() -> (watch::Sender<bool>, Interrupt) {
    let (sender, receiver) = watch::channel(false);
    (sender, Interrupt(receiver))
}

impl Interrupt {
    /// Fails if the user has asked for the end.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub(in crate::manager) fn check(&self) -> Result<(), Error> {
        if *self.0.borrow() { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// Cancels `work` when the user asks for the end. For long work that leaves nothing half-done when
    /// it is dropped; a call to libvirt is better let to its end.
    ///
    /// # Errors
    /// [`Error::Interrupted`], or `work`'s own.
    pub async fn race<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::select! {
            biased;
            () = self.asked() => Err(Error::Interrupted),
            result = work => result,
        }
    }

    /// Completes when the user asks for the end.
    pub(in crate::manager) async fn asked(&self) {
        let mut receiver = self.0.clone();
        // With its sender gone nobody can ask any more.
        if receiver.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
