use std::net::Ipv4Addr;

use super::*;

// libvirt 11.3.0: `net-dumpxml default`
const DEFAULT: &str = "<network>
  <name>default</name>
  <uuid>6b55b5a2-0d5c-4dc5-9d19-0be0e4a2c5a1</uuid>
  <forward mode='nat'>
    <nat>
      <port start='1024' end='65535'/>
    </nat>
  </forward>
  <bridge name='virbr0' stp='on' delay='0'/>
  <mac address='52:54:00:7e:0c:33'/>
  <ip address='192.168.122.1' netmask='255.255.255.0'>
    <dhcp>
      <range start='192.168.122.2' end='192.168.122.254'/>
    </dhcp>
  </ip>
</network>";

const UP: Standing = Standing { active: true, autostart: false, persistent: true };

fn network(document: &str) -> Network {
    Network::parse(document, UP).expect("parses")
}

fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

fn dhcp_subnet(network: &Network, ipv6: bool) -> Option<String> {
    network.dhcp_ip(ipv6).map(|ip| ip.subnet().to_string())
}

#[test]
fn recorded_output() {
    let network = network(DEFAULT);
    assert_eq!((network.bridge.as_deref(), network.forward.as_deref()), (Some("virbr0"), Some("nat")));
    assert_eq!(network.addresses, ["192.168.122.1/24"]);
    assert!(network.dhcp && network.dns && network.active && !network.autostart);
    assert_eq!((network.mode.as_str(), network.domain.as_deref()), ("nat", None));
    assert_eq!(texts(&network.dhcp_ranges), ["192.168.122.2-192.168.122.254"]);
    assert_eq!(dhcp_subnet(&network, false).as_deref(), Some("192.168.122.0/24"));
    assert!(
        network.is_own(Ipv4Addr::new(192, 168, 122, 1)) && !network.is_own(Ipv4Addr::new(192, 168, 122, 2))
    );
}

#[test]
fn what_delays_a_lease_is_seen() {
    let delay = |document: &str| {
        let LeaseDelay { stp, ping } = network(document).lease_delay;
        (stp, ping)
    };
    assert_eq!((delay(DEFAULT), network(DEFAULT).lease_delay.seconds()), ((true, true), 7));
    // libvirt 11.3.0: `net-dumpxml` of a network that vmtools has created
    let fast = DEFAULT
        .replace("<network>", "<network xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'>")
        .replace("stp='on'", "stp='off'")
        .replace(
            "</network>",
            "<dnsmasq:options><dnsmasq:option value='no-ping'/></dnsmasq:options></network>",
        );
    assert_eq!((delay(&fast), network(&fast).lease_delay.seconds()), ((false, false), 0));
    assert_eq!(delay(&fast.replace("no-ping", "log-dhcp")), (false, true));
    // libvirt's default.
    assert_eq!(delay(&fast.replace(" stp='off'", "")), (true, false));
    let mut slow = Element::parse(DEFAULT).expect("parses");
    network(DEFAULT).lease_delay.remove_from(&mut slow);
    assert_eq!(delay(&slow.to_document().expect("writes")), (false, false));
    let more = fast.replace("no-ping", "log-dhcp").replace("dnsmasq", "d").replace("/d/1.0", "/dnsmasq/1.0");
    let mut slow = Element::parse(&more).expect("parses");
    assert_eq!(delay(&more), (false, true));
    network(&more).lease_delay.remove_from(&mut slow);
    let document = slow.to_document().expect("writes");
    assert!(delay(&document) == (false, false) && document.contains("log-dhcp"), "{document}");
    // Without DHCP nobody waits for a lease, and a bridge of the host's is the host's own.
    assert_eq!(delay("<network><name>n</name><bridge name='b' stp='on'/></network>"), (true, false));
    let host = "<network><name>n</name><forward mode='bridge'/><bridge name='br0'/></network>";
    assert_eq!(delay(host), (false, false));
}

#[test]
fn each_family_has_its_own_dhcp() {
    let network = network(
        "<network><name>lab</name><forward mode='route'/><dns enable='no'/><domain name='lab.test'/>
          <ip family='ipv6' address='fd00::1' prefix='64'><dhcp><range start='fd00::2' end='fd00::9'/>
            <host id='0:3:0:1:52:54:0:aa:0:1' name='web' ip='fd00::7'/></dhcp></ip>
          <ip address='10.9.0.1' prefix='24'><dhcp>
            <host mac='52:54:00:AA:00:01' name='web' ip='10.9.0.7'/><host name='other' ip='10.9.0.8'/>
          </dhcp></ip></network>",
    );
    assert_eq!(
        (network.mode.as_str(), network.dns, network.domain.as_deref()),
        ("routed", false, Some("lab.test"))
    );
    assert_eq!(network.addresses, ["fd00::1/64", "10.9.0.1/24"]);
    assert_eq!(
        (texts(&network.subnets), texts(&network.subnets6)),
        (vec!["10.9.0.0/24".into(), "fd00::/64".into()], vec!["fd00::/64".into()])
    );
    assert_eq!(network.ips.iter().map(|ip| ip.index).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(texts(&network.ips[0].ranges), ["fd00::2-fd00::9"]);
    assert_eq!((network.dhcp, texts(&network.dhcp_ranges)), (true, vec!["fd00::2-fd00::9".into()]));
    assert_eq!(dhcp_subnet(&network, false).as_deref(), Some("10.9.0.0/24"));
    assert_eq!(dhcp_subnet(&network, true).as_deref(), Some("fd00::/64"));
    let kept: Vec<_> =
        network.reservations().map(|kept| (kept.mac.as_deref(), kept.ip.to_string())).collect();
    let expected = [(None, "fd00::7"), (Some("52:54:00:aa:00:01"), "10.9.0.7"), (None, "10.9.0.8")];
    assert_eq!(kept, expected.map(|(mac, ip)| (mac, ip.to_owned())));
}

/// The case 32 of public reports: the address says which `<ip>` a reservation goes into.
#[test]
fn of_several_subnets_the_address_tells_which() {
    let network = network(
        "<network><name>two</name><forward mode='route'/><bridge name='c32br'/>
          <ip address='10.32.1.1' prefix='24'/>
          <ip address='10.32.2.1' prefix='24'><dhcp><host name='printer' ip='10.32.2.9'/></dhcp></ip></network>",
    );
    assert_eq!(dhcp_subnet(&network, false).as_deref(), Some("10.32.2.0/24"));
    let place = |text: &str| {
        let address: IpAddr = text.parse().expect("valid");
        network.ip_of(address).map(|ip| (ip.index, ip.dhcp))
    };
    assert_eq!(place("10.32.1.7"), Some((0, false)));
    assert_eq!(place("10.32.2.7"), Some((1, true)));
    assert_eq!((place("10.32.3.7"), place("fd00::1")), (None, None));
}

#[test]
fn without_a_netmask_the_class_tells() {
    for (attributes, address, subnet) in [
        ("address='192.168.232.1'", "192.168.232.1/24", "192.168.232.0/24"),
        ("address='172.20.0.1'", "172.20.0.1/16", "172.20.0.0/16"),
        ("address='10.1.2.3'", "10.1.2.3/8", "10.0.0.0/8"),
        ("address='10.1.2.3' prefix='0'", "10.1.2.3/8", "10.0.0.0/8"),
        ("address='10.1.2.3' netmask='255.255.252.0'", "10.1.2.3/22", "10.1.0.0/22"),
    ] {
        let network = network(&format!("<network><name>x</name><ip {attributes}/></network>"));
        assert_eq!(
            (network.addresses[0].as_str(), network.subnets[0].to_string().as_str()),
            (address, subnet)
        );
    }
    let six = network("<network><name>x</name><ip family='ipv6' address='fd00:1::1'/></network>");
    assert_eq!(
        (six.addresses[0].as_str(), six.subnets6[0].to_string().as_str()),
        ("fd00:1::1/64", "fd00:1::/64")
    );
    let none = network("<network><name>x</name><ip address='240.0.0.1'/><ip address='nonsense'/></network>");
    assert!(none.ips.is_empty() && none.addresses.is_empty());
}

#[test]
fn an_isolated_network_without_addresses_is_read() {
    let network = network("<network><name>x</name><bridge name='virbr7'/></network>");
    assert_eq!(
        (network.mode.as_str(), network.forward.as_ref(), network.dhcp, network.dns),
        ("isolated", None, false, false)
    );
    assert_eq!(dhcp_subnet(&network, false), None);
}

/// The case 30 of public reports.
#[test]
fn port_groups_and_devices_of_the_host() {
    let ovs = network(
        "<network><name>ovs</name><forward mode='bridge'/><bridge name='ovsbr9'/><virtualport type='openvswitch'/>
          <portgroup name='vlan-100' default='yes'><vlan><tag id='100'/></vlan></portgroup>
          <portgroup name='trunk'><vlan trunk='yes'><tag id='100'/><tag id='101'/></vlan></portgroup></network>",
    );
    assert_eq!((ovs.mode.as_str(), ovs.virtual_port.as_deref()), ("bridge", Some("openvswitch")));
    let groups: Vec<_> =
        ovs.portgroups.iter().map(|one| (one.name.as_str(), one.vlans.len(), one.trunk)).collect();
    assert_eq!(groups, [("vlan-100", 1, false), ("trunk", 2, true)]);
    assert_eq!(ovs.default_portgroup().map(|group| group.name.as_str()), Some("vlan-100"));
    let two = network(
        "<network><name>x</name><portgroup name='a'/><portgroup name='b' default='yes'/><portgroup name='c' default='yes'/></network>",
    );
    assert_eq!(two.portgroups.iter().map(|group| group.is_default).collect::<Vec<_>>(), [false, true, false]);
    let direct = network(
        "<network><name>d</name><forward dev='eno7' mode='bridge'><interface dev='eno7'/><interface dev='eno8'/></forward></network>",
    );
    assert_eq!((direct.mode.as_str(), direct.forward.as_deref()), ("macvtap", Some("bridge")));
    assert_eq!(direct.devices, ["eno7", "eno8"]);
    let vepa =
        network("<network><name>d</name><forward mode='vepa'><interface dev='eno7'/></forward></network>");
    assert_eq!((vepa.mode.as_str(), vepa.bridge), ("macvtap", None));
    let by_device =
        network("<network><name>d</name><forward dev='eno7' mode='nat'/><bridge name='b'/></network>");
    assert_eq!((by_device.mode.as_str(), by_device.devices), ("nat", vec!["eno7".to_owned()]));
}

#[test]
fn a_reservation_keeps_what_is_not_named() {
    let network = network(
        "<network><name>x</name><ip address='10.9.0.1' prefix='24'><dhcp>
          <host mac='52:54:00:AA:00:01' name='web' id='01:02' ip='10.9.0.7'><lease expiry='5' unit='hours'/></host>
         </dhcp></ip></network>",
    );
    let present = network.reservations().next().expect("one");
    let new = Reservation::of_mac("52:54:00:aa:00:01", Ipv4Addr::new(10, 9, 0, 9), None);
    assert!(!new.is_same(present) && new.is_of_mac("52:54:00:AA:00:01"));
    assert_eq!(
        new.to_element(Some(present)).to_line().expect("writes"),
        "<host mac=\"52:54:00:AA:00:01\" name=\"web\" id=\"01:02\" ip=\"10.9.0.9\"><lease expiry=\"5\" unit=\"hours\"/></host>"
    );
    assert_eq!(present.to_element(None).find_attribute("lease", "expiry"), Some("5"));
    let bare = new.to_element(None).to_line().expect("writes");
    assert_eq!(bare, "<host mac=\"52:54:00:aa:00:01\" ip=\"10.9.0.9\"/>");
    let six = Reservation::of_id(Some("00:03".into()), "fd00::7".parse::<IpAddr>().expect("valid"), None);
    assert_eq!(six.to_element(None).to_line().expect("writes"), "<host id=\"00:03\" ip=\"fd00::7\"/>");
    assert!(!six.is_same(present) && present.is_same(present) && six.is_same(&six));
    assert_eq!(six.duid(), None);
}
