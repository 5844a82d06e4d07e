//! Networks as text.

use std::fmt::Write;

use super::table::table;
use super::{or_dash, visible, yes_no};
use crate::manager::{NetworkDeletePlan, NetworkInfo, NetworkPlan, NetworkStatus, PortGroup, SpeedupPlan};
use crate::model::{IpRange, IpSubnet};

/// The table of `networks`.
pub fn networks(networks: &[NetworkStatus]) -> String {
    let heading = ["NAME", "STATE", "MODE", "BRIDGE", "RANGE", "LEASES", "VMS", "AUTOSTART"];
    let rows = networks.iter().map(|status| {
        let network = &status.network;
        vec![
            network.name.clone(),
            state(status).to_owned(),
            network.mode.clone(),
            or_dash(network.bridge.clone()),
            or_dash(joined(&network.subnets)),
            if network.dhcp { status.lease_count.to_string() } else { "-".to_owned() },
            or_dash(joined(&status.vms)),
            yes_no(network.autostart).to_owned(),
        ]
    });
    table(heading.map(str::to_owned).to_vec(), rows.collect())
}

/// What `network set --fast` changes.
pub fn speedup_plans(plans: &[SpeedupPlan]) -> String {
    plans.iter().map(speedup_plan).collect()
}

fn speedup_plan(plan: &SpeedupPlan) -> String {
    let name = visible(&plan.name);
    if !plan.removes.is_some() {
        return format!("the network {name} already gives addresses without delay\n");
    }
    let mut text = format!("change the network {name}:\n");
    if plan.removes.stp {
        text.push_str("  turn off the Spanning Tree Protocol on its bridge\n");
    }
    if plan.removes.ping {
        text.push_str("  let its DHCP server offer addresses without pinging them first\n");
    }
    match plan.vms.as_slice() {
        _ if plan.restarts => text.push_str("  restart it; no running VM uses it\n"),
        [] => {}
        vms => {
            let vms = visible(&vms.join(", ")).into_owned();
            let _ = writeln!(text, "  at its next start; running VMs use it: {vms}");
        }
    }
    text
}

/// The page of `network info`.
pub fn network(info: &NetworkInfo) -> String {
    let network = &info.status.network;
    let mut text = String::new();
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let value = visible(&value);
            let _ = writeln!(text, "{name:<12} {value}");
        }
    };
    line("name", Some(network.name.clone()));
    line("uuid", Some(network.uuid.to_string()));
    line("state", Some(state(&info.status).to_owned()));
    line("autostart", Some(yes_no(network.autostart).to_owned()));
    line("mode", Some(network.mode.clone()));
    line("bridge", network.bridge.clone());
    line("devices", joined(&network.devices));
    line("managed by", network.virtual_port.clone());
    for address in &network.addresses {
        line("address", Some(format!("{address} (host)")));
    }
    line("dhcp", Some(joined(&network.dhcp_ranges).unwrap_or_else(|| yes_no(network.dhcp).to_owned())));
    line("dns", Some(yes_no(network.dns).to_owned()));
    line("domain", network.domain.clone());
    for group in &network.portgroups {
        line("port group", Some(port_group(group)));
    }
    for interface in &info.interfaces {
        let off = if interface.active { "" } else { " (inactive)" };
        let group =
            interface.portgroup.as_ref().map_or_else(String::new, |group| format!(" port group {group}"));
        line(
            "vm",
            Some(format!(
                "{} {} {}{group}{off}",
                interface.vm,
                interface.mac,
                or_dash(interface.model.clone())
            )),
        );
    }
    for kept in &info.reservations {
        let vm = kept.vm.as_deref().unwrap_or("no VM");
        let host = kept.mac.as_ref().or(kept.id.as_ref()).or(kept.hostname.as_ref());
        line("reserved", Some(format!("{} {} {vm}", kept.ip, or_dash(host.cloned()))));
    }
    for lease in &info.leases {
        let holder = lease.vm.as_deref().or(lease.hostname.as_deref()).unwrap_or("-");
        let until = lease.expires.map_or_else(|| "never expires".to_owned(), |time| format!("until {time}"));
        line("lease", Some(format!("{} {} {holder} {until}", lease.ip, lease.mac)));
    }
    text
}

/// A port group in a line: its name, its VLANs and what else is known of it.
fn port_group(group: &PortGroup) -> String {
    let mut parts = vec![group.name.clone()];
    if group.is_default {
        parts.push("(default)".to_owned());
    }
    if let Some(vlans) = joined(&group.vlans) {
        parts.push(format!("VLAN {vlans}{}", if group.trunk { " (trunk)" } else { "" }));
    }
    parts.extend(group.virtual_port.clone());
    parts.join(" ")
}

/// What `network create` says.
pub fn network_made(status: &NetworkStatus) -> String {
    let network = &status.network;
    let range = joined(&network.subnets).map_or_else(String::new, |subnets| format!(" with {subnets}"));
    let bridge = network.bridge.as_ref().map_or_else(String::new, |bridge| format!(" on {bridge}"));
    format!("{} is {} ({}{range}{bridge})\n", visible(&network.name), state(status), network.mode)
}

/// What `network create --dry-run` says.
pub fn network_plan(plan: &NetworkPlan) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "create the network {} ({})", plan.name, plan.mode);
    if let Some(bridge) = &plan.bridge {
        let _ = writeln!(text, "  on the host bridge {bridge}");
    }
    let subnets: Vec<IpSubnet> = plan.subnet.into_iter().chain(plan.subnet6).collect();
    for subnet in &subnets {
        let _ = writeln!(text, "  with the subnet {subnet}, host address {}", subnet.gateway());
    }
    if !subnets.is_empty() {
        let ranges: Vec<IpRange> = plan.dhcp_range.into_iter().chain(plan.dhcp_range6).collect();
        let dhcp = joined(&ranges).unwrap_or_else(|| "no".to_owned());
        let _ = writeln!(text, "  dhcp: {dhcp}, dns: {}", yes_no(plan.dns));
    }
    if let Some(domain) = &plan.domain {
        let _ = writeln!(text, "  with the domain {domain}");
    }
    let _ = writeln!(text, "  start: {}, autostart: {}", yes_no(plan.start), yes_no(plan.autostart));
    text
}

/// What `network delete` would do.
pub fn network_delete_plans(plans: &[NetworkDeletePlan]) -> String {
    let mut text = String::new();
    for plan in plans {
        let active = if plan.active { " (active; stopped first)" } else { "" };
        let _ = writeln!(text, "delete the network {} ({}){active}", visible(&plan.name), plan.mode);
        if let Some(bridge) = &plan.bridge {
            let _ = writeln!(text, "  with its bridge {}", visible(bridge));
        }
        for subnet in &plan.subnets {
            let _ = writeln!(text, "  with its subnet {subnet}");
        }
        if plan.reservation_count > 0 {
            let _ = writeln!(text, "  with its reservations: {}", plan.reservation_count);
        }
    }
    text
}

fn state(status: &NetworkStatus) -> &'static str {
    if status.network.active { "active" } else { "inactive" }
}

fn joined<T: ToString>(values: &[T]) -> Option<String> {
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(","))
}
