//! Changing the addresses that dnsmasq keeps on a network (`net-update --section ip-dhcp-host`).
//!
//! The definition of a network that is up and the stored one can differ, so what is to be done is found out for each
//! by itself: the subnet may have another place there, the entry may be missing. Where both are alike, as they nearly
//! always are, libvirt is asked once for both.

use super::calls::parse;
use super::{Network, NetworkIp, Reservation, Standing};
use crate::libvirt::client::command::Command;
use crate::libvirt::xml::Element;
use crate::libvirt::{Error, Object, VirtualNetworks};

/// What is done to the addresses that dnsmasq keeps.
#[derive(Debug, Clone, Copy)]
pub enum HostUpdate<'a> {
    /// One more is kept.
    Add(&'a Reservation),
    /// A present one becomes another. What it has beside what the other names stays.
    Replace {
        /// The present one.
        present: &'a Reservation,
        /// What it becomes.
        with: &'a Reservation,
    },
    /// It is kept no more.
    Remove(&'a Reservation),
}

/// A call of `net-update`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    verb: Verb,
    /// The place of the `<ip>` element among the network's.
    index: usize,
    host: Element,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Verb {
    Add,
    /// The element becomes another; this is what it was.
    Modify(Element),
    Delete,
}

impl Step {
    /// What undoes it.
    fn inverse(&self) -> Self {
        let (verb, host) = match &self.verb {
            Verb::Add => (Verb::Delete, self.host.clone()),
            Verb::Modify(before) => (Verb::Modify(self.host.clone()), before.clone()),
            Verb::Delete => (Verb::Add, self.host.clone()),
        };
        Self { verb, index: self.index, host }
    }
}

impl VirtualNetworks<'_> {
    /// The network as its stored definition has it: of one that is up the definition that it has at its next start.
    ///
    /// # Errors
    /// When it is gone, or the connection fails.
    pub async fn stored(self, network: &Network) -> Result<Network, Error> {
        if !(network.active && network.persistent) {
            return Ok(network.clone());
        }
        let command = Command::new("net-dumpxml").flag("--inactive").network(network.uuid);
        let Network { active, autostart, persistent, .. } = *network;
        parse(&self.client.call(command).await?, Standing { active, autostart, persistent })
    }

    /// Changes the addresses that dnsmasq keeps on the network, in its definition and, where it is up, at once: in
    /// both or, on an error, in neither.
    ///
    /// # Errors
    /// [`Error::Exists`] when the address, the hardware address or the name has an entry already;
    /// [`Error::NotFound`] when there is none to change; [`Error::WrongState`] when the address is of none of the
    /// network's subnets.
    pub async fn update_reservation(self, network: &Network, update: HostUpdate<'_>) -> Result<(), Error> {
        let first = steps(&network.ips, update);
        let (first, second) = match (network.active, network.persistent) {
            (true, true) => {
                let stored = steps(&self.stored(network).await?.ips, update);
                if stored == first {
                    ((first, "--live --config"), None)
                } else {
                    ((stored, "--config"), Some((first, "--live")))
                }
            }
            (true, false) => ((first, "--live"), None),
            (false, _) => ((first, "--config"), None),
        };
        let mut all = Vec::new();
        for (found, scope) in std::iter::once(first).chain(second) {
            let steps = found.ok_or_else(|| Error::WrongState {
                command: format!("virsh net-update --network '{}'", network.name),
                message: "the address is in none of the network's subnets".into(),
            })?;
            all.extend(steps.into_iter().map(|step| (step, scope)));
        }
        if all.is_empty()
            && let HostUpdate::Remove(kept) = update
        {
            return Err(Error::missing(Object::Reservation, kept.ip.to_string()));
        }
        for (index, (step, scope)) in all.iter().enumerate() {
            if let Err(error) = self.update_host(network, step, scope).await {
                for (done, scope) in all[..index].iter().rev() {
                    // What failed says more than what failed then.
                    let _ = self.update_host(network, &done.inverse(), scope).await;
                }
                return Err(error);
            }
        }
        Ok(())
    }

    async fn update_host(self, network: &Network, step: &Step, scope: &str) -> Result<(), Error> {
        let file = self.client.pass_xml("net-update", &step.host)?;
        let verb = match step.verb {
            Verb::Add => "add-last",
            Verb::Modify(_) => "modify",
            Verb::Delete => "delete",
        };
        let command = Command::new("net-update")
            .network(network.uuid)
            .option("--command", verb)
            .flag("--section ip-dhcp-host")
            .option("--xml", &file.path)
            .option("--parent-index", &step.index.to_string())
            .flag(scope);
        self.client.call(command).await.map(drop)
    }
}

/// What is to be done in a definition that has these addresses; `None` if none of them has the subnet.
fn steps(ips: &[NetworkIp], update: HostUpdate<'_>) -> Option<Vec<Step>> {
    let add = |new: &Reservation, present: Option<&Reservation>| {
        let place = ips.iter().find(|ip| ip.subnet().contains(new.ip))?;
        Some(Step { verb: Verb::Add, index: place.index, host: new.to_element(present) })
    };
    let find = |matches: &dyn Fn(&Reservation) -> bool| {
        ips.iter().find_map(|ip| Some((ip, ip.reservations.iter().find(|host| matches(host))?)))
    };
    match update {
        HostUpdate::Add(new) => Some(vec![add(new, None)?]),
        HostUpdate::Remove(kept) => {
            let found = find(&|host| host.is_same(kept)).into_iter();
            Some(found.map(|(place, present)| delete(place, present)).collect())
        }
        // A definition may keep another address for the host than the one that was looked at.
        HostUpdate::Replace { present, with } => {
            match find(&|host| host.is_same(present)).or_else(|| find(&|host| host.is_of_same_host(present)))
            {
                Some((place, present)) => {
                    let host = with.to_element(Some(present));
                    if place.subnet().contains(with.ip) && modify_finds(place, present, &host) {
                        let verb = Verb::Modify(present.to_element(None));
                        return Some(vec![Step { verb, index: place.index, host }]);
                    }
                    Some(vec![delete(place, present), add(with, Some(present))?])
                }
                None => Some(vec![add(with, Some(present))?]),
            }
        }
    }
}

fn delete(place: &NetworkIp, reservation: &Reservation) -> Step {
    Step { verb: Verb::Delete, index: place.index, host: reservation.to_element(None) }
}

/// Whether libvirt's `modify` changes this entry: it takes the first that has the hardware address or the name, and
/// heeds no ids (`virNetworkDefUpdateIPDHCPHost`).
fn modify_finds(place: &NetworkIp, reservation: &Reservation, host: &Element) -> bool {
    let (mac, name) = (host.attribute("mac"), host.attribute("name"));
    let taken = |kept: &&Reservation| {
        mac.is_some_and(|mac| kept.is_of_mac(mac)) || (name.is_some() && kept.name.as_deref() == name)
    };
    place.reservations.iter().find(taken) == Some(reservation)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: Standing = Standing { active: true, autostart: false, persistent: true };

    fn ips(hosts: &str, hosts6: &str) -> Vec<NetworkIp> {
        let document = format!(
            "<network><name>x</name><ip address='10.8.0.1' prefix='24'/>
              <ip address='10.9.0.1' prefix='24'><dhcp>{hosts}</dhcp></ip>
              <ip family='ipv6' address='fd00::1' prefix='64'><dhcp>{hosts6}</dhcp></ip></network>"
        );
        Network::parse(&document, UP).expect("parses").ips
    }

    fn of_mac(number: u8, ip: &str) -> Reservation {
        Reservation::of_mac(
            format!("52:54:00:00:00:0{number}"),
            ip.parse::<std::net::IpAddr>().expect("valid"),
            None,
        )
    }

    fn shown(steps: Option<Vec<Step>>) -> Vec<String> {
        let verb = |step: &Step| match step.verb {
            Verb::Add => "add",
            Verb::Modify(_) => "modify",
            Verb::Delete => "delete",
        };
        let line = |step: &Step| {
            format!(
                "{} {} {}",
                verb(step),
                step.index,
                step.host.to_line().expect("writes").replace('"', "'")
            )
        };
        steps.iter().flatten().map(line).collect()
    }

    #[test]
    fn the_address_tells_the_place() {
        let ips = ips("", "");
        let added = |ip| shown(steps(&ips, HostUpdate::Add(&of_mac(1, ip))));
        assert_eq!(added("10.9.0.7"), ["add 1 <host mac='52:54:00:00:00:01' ip='10.9.0.7'/>"]);
        assert_eq!(added("10.8.0.7"), ["add 0 <host mac='52:54:00:00:00:01' ip='10.8.0.7'/>"]);
        let six = Reservation::of_id(
            None,
            "fd00::7".parse::<std::net::IpAddr>().expect("valid"),
            Some("web".into()),
        );
        assert_eq!(shown(steps(&ips, HostUpdate::Add(&six))), ["add 2 <host name='web' ip='fd00::7'/>"]);
        assert_eq!(steps(&ips, HostUpdate::Add(&of_mac(1, "10.7.0.7"))), None);
    }

    #[test]
    fn what_is_replaced_keeps_the_rest() {
        let host = "<host mac='52:54:00:00:00:01' name='a' ip='10.9.0.7'><lease expiry='5'/></host>";
        let ips = ips(host, "");
        let (present, with) = (ips[1].reservations[0].clone(), of_mac(1, "10.9.0.8"));
        let change = HostUpdate::Replace { present: &present, with: &with };
        let modified =
            "modify 1 <host mac='52:54:00:00:00:01' name='a' ip='10.9.0.8'><lease expiry='5'/></host>";
        assert_eq!(shown(steps(&ips, change)), [modified]);
        let undone: Vec<Step> = steps(&ips, change).iter().flatten().map(Step::inverse).collect();
        assert_eq!(shown(Some(undone)), [format!("modify 1 {host}")]);
        // Of a definition that has no such entry it is a new one, with all that the other has.
        let other = self::ips("", "");
        assert_eq!(shown(steps(&other, change)), [modified.replace("modify", "add")]);
    }

    #[test]
    fn what_modify_would_miss_is_deleted_and_added() {
        let twins = "<host mac='52:54:00:00:00:01' name='a' ip='10.9.0.7'/><host mac='52:54:00:00:00:02' name='a' ip='10.9.0.8'/>";
        let six = "<host id='0:3:0:1:52:54:0:0:0:1' ip='fd00::7'/>";
        let ips = ips(twins, six);
        let (present, with) = (ips[1].reservations[1].clone(), of_mac(2, "10.9.0.9"));
        assert_eq!(
            shown(steps(&ips, HostUpdate::Replace { present: &present, with: &with })),
            [
                "delete 1 <host mac='52:54:00:00:00:02' name='a' ip='10.9.0.8'/>",
                "add 1 <host mac='52:54:00:00:00:02' name='a' ip='10.9.0.9'/>"
            ]
        );
        let (present, ip) =
            (ips[2].reservations[0].clone(), "fd00::9".parse::<std::net::IpAddr>().expect("valid"));
        let with = Reservation::of_id(None, ip, None);
        assert_eq!(
            shown(steps(&ips, HostUpdate::Replace { present: &present, with: &with })),
            [
                "delete 2 <host id='0:3:0:1:52:54:0:0:0:1' ip='fd00::7'/>",
                "add 2 <host id='0:3:0:1:52:54:0:0:0:1' ip='fd00::9'/>"
            ]
        );
    }

    #[test]
    fn only_the_entry_itself_is_removed() {
        let ips =
            ips("<host name='printer' ip='10.9.0.9'/><host mac='52:54:00:00:00:01' ip='10.9.0.7'/>", "");
        let removed = |kept: &Reservation| shown(steps(&ips, HostUpdate::Remove(kept)));
        assert_eq!(
            removed(&of_mac(1, "10.9.0.7")),
            ["delete 1 <host mac='52:54:00:00:00:01' ip='10.9.0.7'/>"]
        );
        assert!(removed(&of_mac(1, "10.9.0.9")).is_empty() && removed(&of_mac(2, "10.9.0.7")).is_empty());
    }
}
