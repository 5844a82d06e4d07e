//! What changes a domain's definition. libvirt itself changes what it is asked to: nothing else of a
//! definition passes through vmtools, so nothing else can get lost, and no secret in it is seen.

use super::Error;
use super::client::Client;
use super::command::Command;

impl Client {
    /// Gives it another name.
    ///
    /// # Errors
    /// [`Error::Exists`] when the name is taken; [`Error::WrongState`] when it runs or is saved.
    pub async fn rename(&self, uuid: &str, name: &str) -> Result<(), Error> {
        let command = Command::new("domrename").option("--domain", uuid).option("--new-name", name);
        self.call(command).await.map(drop)
    }
}
