//! What makes a domain run, and what makes it stop.

use std::time::Duration;

use crate::libvirt::command::Command;
use crate::libvirt::{Domains, Error};
use crate::model::Uuid;

// QEMU's own start is most of it; a large guest's memory has to be reserved.
const START: Duration = Duration::from_secs(120);
// Memory is written, and read, at the speed of the disk.
const SAVE: Duration = Duration::from_secs(300);
// It takes a millisecond; a QEMU that hangs would hold all others back meanwhile.
const BUTTON: Duration = Duration::from_secs(5);

impl Domains<'_> {
    /// Starts it. One that runs is [`Error::WrongState`].
    ///
    /// # Errors
    /// When libvirt or QEMU refuses.
    pub async fn start(self, uuid: Uuid) -> Result<(), Error> {
        self.client.call(Command::new("start").domain(uuid).within(START)).await.map(drop)
    }

    /// Writes its memory and the state of its devices to a file of the daemon's host, and ends its QEMU. The file is
    /// the daemon's user's, and nobody else may read it.
    ///
    /// # Errors
    /// When it is shut off, has a device that can't be saved, or the file can't be written.
    pub async fn save(self, uuid: Uuid, file: &str) -> Result<(), Error> {
        let command = Command::new("save --running").domain(uuid).option("--file", file);
        self.client.call(command.within(SAVE)).await.map(drop)
    }

    /// Starts the domain that a save image names, from where it was saved. The file stays.
    ///
    /// # Errors
    /// When it runs already, QEMU can't load the state, or it took longer than `within`.
    pub async fn restore(self, file: &str, within: Duration) -> Result<(), Error> {
        self.client.call(Command::new("restore").option("--file", file).within(within)).await.map(drop)
    }

    /// As [`Domains::restore`], but the domain does not run yet.
    ///
    /// # Errors
    /// As [`Domains::restore`].
    pub async fn restore_paused(self, file: &str, within: Duration) -> Result<(), Error> {
        let command = Command::new("restore --paused").option("--file", file);
        self.client.call(command.within(within)).await.map(drop)
    }

    /// Presses the power button, which asks the guest to shut down, and does not wait.
    ///
    /// # Errors
    /// [`Error::WrongState`] when it isn't running; [`Error::TimedOut`] when its QEMU hangs.
    pub async fn press_power_button(self, uuid: Uuid) -> Result<(), Error> {
        let command = Command::new("shutdown --mode acpi").domain(uuid);
        self.client.call(command.within(BUTTON)).await.map(drop)
    }

    /// Ends its QEMU at once, as pulling the plug would.
    ///
    /// # Errors
    /// [`Error::WrongState`] when it is shut off already.
    pub async fn destroy(self, uuid: Uuid) -> Result<(), Error> {
        self.client.call(Command::new("destroy").domain(uuid)).await.map(drop)
    }

    /// Pauses it.
    ///
    /// # Errors
    /// [`Error::WrongState`] when it is shut off.
    pub async fn suspend(self, uuid: Uuid) -> Result<(), Error> {
        self.client.call(Command::new("suspend").domain(uuid)).await.map(drop)
    }

    /// Resumes it.
    ///
    /// # Errors
    /// [`Error::WrongState`] when it is shut off.
    pub async fn resume(self, uuid: Uuid) -> Result<(), Error> {
        self.client.call(Command::new("resume").domain(uuid)).await.map(drop)
    }

    /// Wakes a guest that has suspended itself.
    ///
    /// # Errors
    /// When it isn't suspended.
    pub async fn wake_up(self, uuid: Uuid) -> Result<(), Error> {
        self.client.call(Command::new("dompmwakeup").domain(uuid)).await.map(drop)
    }
}
