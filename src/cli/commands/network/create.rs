use std::process::ExitCode;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::render::{self, XmlDocument};
use crate::manager::{Ipv4Choice, NetworkKind, NetworkRequest};
use crate::model::{NetworkMode, NetworkName, NetworkSpec, Subnet, Subnet6};
use crate::problem::Problem;

/// Create a network, start it, and enable its autostart.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  vmtools network create lab --mode isolated --domain lab.test\n  vmtools network create dual --subnet 10.20.30.0/24 --subnet6 fd20:30::/64\n  vmtools network create lan --mode bridge --bridge br0\n  vmtools create web --template ubuntu --network lab --start"
)]
pub struct CreateArgs {
    /// The network's name
    pub name: NetworkName,
    /// nat, isolated, routed, bridge (one that the host has) or open (routed, and no firewall rules)
    #[arg(short, long, default_value_t)]
    pub mode: NetworkMode,
    /// Its IPv4 addresses: the host gets the first, guests the others [default: a /24 that is free]
    #[arg(long, value_name = "CIDR")]
    pub subnet: Option<Subnet>,
    /// Its IPv6 addresses, a /64 to /126: the host gets the first, guests others [default: none]
    #[arg(long, value_name = "CIDR")]
    pub subnet6: Option<Subnet6>,
    /// No IPv4 addresses there, only those of --subnet6
    #[arg(long, requires = "subnet6", conflicts_with = "subnet")]
    pub no_ipv4: bool,
    /// The host's bridge, for --mode bridge
    #[arg(long, value_name = "BRIDGE", value_parser = bridge_name)]
    pub bridge: Option<String>,
    /// The domain of the guests' names
    #[arg(long, value_name = "NAME", value_parser = domain_name)]
    pub domain: Option<String>,
    /// Answer for names there, which is the default
    #[arg(long, overrides_with = "no_dns")]
    pub dns: bool,
    /// Don't answer for names there
    #[arg(long)]
    pub no_dns: bool,
    /// Give no addresses to guests; in a /64 of IPv6 they choose their own
    #[arg(long)]
    pub no_dhcp: bool,
    /// Don't start it
    #[arg(long)]
    pub no_start: bool,
    /// Don't have libvirt start it by itself
    #[arg(long)]
    pub no_autostart: bool,
    /// Show what would be made, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print the definition that libvirt would get, and do nothing
    #[arg(long)]
    pub print_xml: bool,
}

/// # Errors
/// When it can't be made; what was begun is taken back.
pub async fn run(args: CreateArgs, context: &Context) -> Result<ExitCode, Problem> {
    let kind = kind(&args)?;
    let request =
        NetworkRequest { name: args.name, kind, start: !args.no_start, autostart: !args.no_autostart };
    let session = context.session().await?;
    if args.dry_run || args.print_xml {
        let plan = session.networks().plan(&request).await?;
        if args.print_xml {
            context.ui.show(&XmlDocument::new(plan.name, plan.xml), render::xml_document);
        } else {
            context.ui.show(&plan, render::network_plan);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let made = session.networks().create(&request).await?;
    context.ui.show(&made, render::network_made);
    Ok(ExitCode::SUCCESS)
}

/// A bridge of the host's has its addresses, names and range from elsewhere; the other modes' bridges are
/// libvirt's to make.
fn kind(args: &CreateArgs) -> Result<NetworkKind, Problem> {
    if args.mode != NetworkMode::Bridge {
        return match args.bridge {
            Some(_) => Err(Problem::usage(
                format!("--bridge is for --mode bridge; for {} libvirt makes a bridge", args.mode),
                "`vmtools network create NAME --mode bridge --bridge br0`",
            )),
            None => Ok(NetworkKind::Own {
                mode: args.mode,
                ipv4: match args.subnet {
                    Some(subnet) => Ipv4Choice::Subnet(subnet),
                    None if args.no_ipv4 => Ipv4Choice::None,
                    None => Ipv4Choice::Free,
                },
                subnet6: args.subnet6,
                dhcp: !args.no_dhcp,
                dns: !args.no_dns,
                domain: args.domain.clone(),
            }),
        };
    }
    let foreign = [
        ("--subnet", args.subnet.is_some()),
        ("--subnet6", args.subnet6.is_some()),
        ("--domain", args.domain.is_some()),
        ("--dns", args.dns),
        ("--no-dns", args.no_dns),
        ("--no-dhcp", args.no_dhcp),
    ];
    if let Some((flag, _)) = foreign.iter().find(|(_, given)| *given) {
        return Err(Problem::usage(
            format!(
                "{flag} is not for --mode bridge: addresses and names come from the network behind the bridge"
            ),
            "`vmtools network create NAME --mode bridge --bridge br0`",
        ));
    }
    match &args.bridge {
        Some(bridge) => Ok(NetworkKind::Host { bridge: bridge.clone() }),
        None => Err(Problem::usage(
            "--mode bridge needs the host's bridge",
            "give --bridge br0; `ip link show type bridge` lists this host's bridges",
        )),
    }
}

fn bridge_name(text: &str) -> Result<String, String> {
    match format!("bridge:{text}").parse() {
        // The kernel's limit of a device's name, without the byte at its end.
        Ok(NetworkSpec::Bridge(name)) if name.len() <= 15 && !name.contains(char::is_whitespace) => Ok(name),
        _ => Err("a bridge has a name of 1 to 15 characters, without blanks and slashes".into()),
    }
}

fn domain_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let label = |part: &str| {
        (1..=63).contains(&part.len())
            && part.chars().all(plain)
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    if text.len() <= 253 && text.split('.').all(label) {
        return Ok(text.to_ascii_lowercase());
    }
    Err("a domain is letters, digits and dashes between dots, such as lab.test".into())
}
