use std::time::Duration;

use clap::Args;

use super::start::wait_for;
use crate::cli::context::Context;
use crate::manager::WaitFor;
use crate::model::{Condition, VmName, parse_duration};
use crate::problem::Problem;

/// How many VMs a verb makes, and what it does with them then.
#[derive(Debug, Args)]
pub struct NewVms {
    /// Create N VMs, NAME-1 to NAME-N
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub count: Option<u32>,
    /// Start the VM
    #[arg(long)]
    pub start: bool,
    /// Wait for ip, ssh, agent, cloud-init or port=N [default: the best the VM supports]
    #[arg(long, value_name = "COND", num_args = 0..=1, require_equals = true, requires = "start")]
    wait: Option<Option<Condition>>,
    /// Time to wait [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    timeout: Option<Duration>,
}

impl NewVms {
    /// What is waited for, if anything is.
    ///
    /// # Errors
    /// When the configuration, which has the usual limit, can't be read.
    pub fn wait_for(&self, context: &Context) -> Result<Option<WaitFor>, Problem> {
        wait_for(self.wait, self.timeout, context)
    }

    /// The name, or with a count NAME-1 to NAME-N.
    ///
    /// # Errors
    /// When one with its number is too long.
    pub fn names(&self, name: &VmName) -> Result<Vec<VmName>, Problem> {
        match self.count {
            None => Ok(vec![name.clone()]),
            Some(count) => {
                Ok((1..=count).map(|number| name.with_suffix(number)).collect::<Result<_, _>>()?)
            }
        }
    }
}
