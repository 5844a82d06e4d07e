use std::process::ExitCode;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::render::{self, XmlDocument};
use crate::manager::{Ipv4Choice, NetworkKind, NetworkRequest};
use crate::model::{NetworkMode, NetworkName, NetworkSpec, Subnet, Subnet6};
use crate::problem::Problem;

/// Create and start a network, and enable its autostart.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\
                  \n  vmtools network create lab --mode isolated --domain lab.test\
                  \n  vmtools network create dual --subnet 10.20.30.0/24 --subnet6 fd20:30::/64\
                  \n  vmtools network create lan --mode bridge --bridge br0\
                  \n  vmtools create web --template ubuntu --network lab --start")]
pub struct CreateArgs {
    /// Name of the new network
    pub name: NetworkName,
    /// nat, isolated, routed, bridge (an existing one) or open (routed, no firewall rules)
    #[arg(short, long, default_value_t)]
    pub mode: NetworkMode,
    /// IPv4 subnet: the host gets the first address, guests the others [default: a free /24]
    #[arg(long, value_name = "CIDR")]
    pub subnet: Option<Subnet>,
    /// IPv6 subnet, /64 to /126: the host gets the first address, guests the others
    #[arg(long, value_name = "CIDR")]
    pub subnet6: Option<Subnet6>,
    /// Use no IPv4 addresses, only those of --subnet6
    #[arg(long, requires = "subnet6", conflicts_with = "subnet")]
    pub no_ipv4: bool,
    /// Host bridge to use, for --mode bridge
    #[arg(long, value_name = "BRIDGE", value_parser = bridge_name)]
    pub bridge: Option<String>,
    /// DNS domain of the guests
    #[arg(long, value_name = "NAME", value_parser = domain_name)]
    pub domain: Option<String>,
    /// Serve DNS on the network (the default)
    #[arg(long, overrides_with = "no_dns")]
    pub dns: bool,
    /// Do not serve DNS on the network
    #[arg(long)]
    pub no_dns: bool,
    /// Do not serve DHCP; in an IPv6 /64 guests choose their own addresses
    #[arg(long)]
    pub no_dhcp: bool,
    /// Do not start the network
    #[arg(long)]
    pub no_start: bool,
    /// Disable autostart
    #[arg(long)]
    pub no_autostart: bool,
    /// Show what would be created without creating it
    #[arg(long)]
    pub dry_run: bool,
    /// Print the libvirt XML without creating the network
    #[arg(long)]
    pub print_xml: bool,
}

/// # Errors
/// When it can't be made; what was begun is rolled back.
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
                format!("--bridge requires --mode bridge; for {} libvirt creates a bridge", args.mode),
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
                "{flag} cannot be used with --mode bridge: addresses and names come from the network behind the bridge"
            ),
            "`vmtools network create NAME --mode bridge --bridge br0`",
        ));
    }
    match &args.bridge {
        Some(bridge) => Ok(NetworkKind::Host { bridge: bridge.clone() }),
        None => Err(Problem::usage(
            "--mode bridge requires --bridge",
            "add --bridge NAME; `ip link show type bridge` lists the bridges of this host",
        )),
    }
}

fn bridge_name(text: &str) -> Result<String, String> {
    match format!("bridge:{text}").parse() {
        // The kernel's limit of a device's name, without the byte at its end.
        Ok(NetworkSpec::Bridge(name)) if name.len() <= 15 && !name.contains(char::is_whitespace) => Ok(name),
        _ => Err("a bridge name has 1 to 15 characters, without spaces or slashes".into()),
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
    Err("a domain consists of letters, digits and dashes, separated by dots, such as lab.test".into())
}
