use std::fmt::Write;
use std::process::ExitCode;

use clap::Args;

use super::batch::Batch;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::manager::{EndpointError, Error, ListRequest, SshHost, VmError};
use crate::problem::{Problem, vmtools};

/// Print ssh_config entries for VMs.
#[derive(Debug, Args)]
#[command(
    after_help = "Addresses can change when VMs are started: run it again then. `Include vms` in ~/.ssh/config \
                  includes ~/.ssh/vms.\
                  \n\nExamples:\
                  \n  vmtools ssh-config >~/.ssh/vms && ssh -F ~/.ssh/vms web"
)]
pub struct SshConfigArgs {
    /// VM names [default: all running VMs]
    #[arg(value_name = "NAME", add = complete::vms())]
    pub names: Vec<String>,
}

/// # Errors
/// When a VM that was named is shut off or has no address.
pub async fn run(args: SshConfigArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let named = !args.names.is_empty();
    let names = if named {
        args.names
    } else {
        session.vms().list(&ListRequest::default()).await?.into_iter().map(|vm| vm.name).collect()
    };
    let mut batch = Batch::new();
    for name in names {
        if !is_pattern_free(&name) && named {
            let reason = format!("the name {name:?} cannot be used in ssh_config");
            let found = session.guest().ssh_host(&name).await.map_err(Problem::from);
            let problem = found.err().unwrap_or_else(|| {
                Problem::usage(reason, format!("rename it: {}", vmtools("rename").arg(&name).fixed("NEW")))
            });
            batch.fail(problem.about(&name));
            continue;
        }
        if !is_pattern_free(&name) {
            context.ui.warn(&format!("skipping {name:?}: the name cannot be used in ssh_config"));
            continue;
        }
        match session.guest().ssh_host(&name).await {
            Err(
                Error::Endpoint(EndpointError::NoAddress { .. })
                | Error::Endpoint(EndpointError::NoNetwork { .. })
                | Error::Vm(VmError::NotRunning { .. }),
            ) if !named => {
                context.ui.note(&format!("skipping {name}: it has no address yet"));
            }
            result => {
                if !batch.take(&name, result) {
                    break;
                }
            }
        }
    }
    batch.finish(context, false, entry)
}

/// A name that `Host` takes for just itself.
fn is_pattern_free(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

fn entry(host: &SshHost) -> String {
    let mut text = format!("Host {}\n    HostName {}\n", host.name, host.host);
    for (name, value) in &host.settings {
        let _ = writeln!(text, "    {name} {value}");
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_more_to_ssh_are_left_out() {
        for name in ["web", "web-1", "a_b.c", "5", "naïve"] {
            assert!(is_pattern_free(name), "{name}");
        }
        for name in ["", "a b", "*", "web?", "!web", "it's", "--x", "a,b", "a#b", "a\"b", "%h"] {
            assert!(!is_pattern_free(name), "{name}");
        }
    }

    #[test]
    fn an_entry_is_ssh_configs() {
        let host = SshHost {
            name: "web".into(),
            host: "192.168.122.2".parse().expect("an address"),
            port: 22,
            user: "u".into(),
            identity_files: Vec::new(),
            settings: vec![("User", "u".into()), ("IdentityFile", "\"/a b\"".into())],
        };
        let expected = "Host web\n    HostName 192.168.122.2\n    User u\n    IdentityFile \"/a b\"\n\n";
        assert_eq!(entry(&host), expected);
    }
}
