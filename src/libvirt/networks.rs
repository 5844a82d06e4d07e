//! What a [`Client`] asks of libvirt's networks and does to them.

use super::Error;
use super::client::Client;
use super::command::Command;
use super::network::Network;

impl Client {
    /// All networks, by name.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn networks(&self) -> Result<Vec<Network>, Error> {
        let asks = ["net-list --all --name", "net-list --name", "net-list --all --autostart --name"]
            .map(Command::new);
        let mut lists = Vec::new();
        for reply in self.call_each(&asks).await? {
            lists.push(names(&reply?));
        }
        let [all, active, autostart] = lists.as_slice() else {
            return Ok(Vec::new());
        };
        let commands: Vec<_> =
            all.iter().map(|name| Command::new("net-dumpxml").option("--network", name)).collect();
        let mut networks = Vec::with_capacity(all.len());
        for (name, reply) in all.iter().zip(self.call_each(&commands).await?) {
            match reply {
                Ok(document) => {
                    networks.push(parse(&document, active.contains(name), autostart.contains(name))?)
                }
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        networks.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(networks)
    }

    /// The network of this name.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none.
    pub async fn network(&self, name: &str) -> Result<Network, Error> {
        let asks = [Command::new("net-dumpxml").option("--network", name), Command::new("net-list --name")];
        let mut replies = self.call_each(&asks).await?.into_iter();
        let (document, active) = (replies.next(), replies.next());
        let document = document.unwrap_or(Ok(String::new()))?;
        let active = names(&active.unwrap_or(Ok(String::new()))?);
        parse(&document, active.iter().any(|known| known == name), false)
    }

    /// Starts a network.
    ///
    /// # Errors
    /// When libvirt refuses; one that is up is no error.
    pub async fn start_network(&self, name: &str) -> Result<(), Error> {
        match self.call(Command::new("net-start").option("--network", name)).await {
            Ok(_) | Err(Error::WrongState { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn names(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn parse(document: &str, active: bool, autostart: bool) -> Result<Network, Error> {
    Network::parse(document, active, autostart)
        .map_err(|error| Error::Unexpected { command: "virsh net-dumpxml".into(), reason: error.to_string() })
}
