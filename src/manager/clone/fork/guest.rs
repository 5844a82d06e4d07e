//! The guest's part in a fork: a helper gives it its identity, which its agent starts in the fork, or which waits in it
//! before its memory is copied.

use std::time::Duration;

use super::{ForkError, ForkObstacle, Forking};
use crate::agent::{Exec, Exit, ExitStatus, GetHostName};
use crate::guest::identity::{self, Identity};
use crate::guest::{self, Target};
use crate::libvirt::Domain;
use crate::manager::clone::plan::ClonePlan;
use crate::manager::guest::identity::{Helper, IdentityFault};
use crate::manager::guest::{GuestAccess, GuestAgent};
use crate::manager::undo::UndoStack;
use crate::manager::{Error, Left};

/// How long a question to the guest may take: emulated ones take seconds to start Python.
const QUESTION: Duration = Duration::from_secs(60);
/// How long the helper may take to start in the guest.
const PREPARE: Duration = Duration::from_secs(180);
/// How long the guest may take to put its identity in place.
const IDENTITY: Duration = Duration::from_secs(120);
/// How long its agent may take to answer once it runs.
const ANSWER: Duration = Duration::from_secs(30);

/// Prints the host name where Python can be run as root.
const LOOK: &str =
    "command -v python3 >/dev/null && { [ \"$(id -u)\" = 0 ] || sudo -n true; } 2>/dev/null && hostname";

/// How a guest is reached, and what it is called.
pub(super) struct ForkedGuest {
    hostname: String,
    way: Way,
}

enum Way {
    Agent,
    /// As the warm states' guests are prepared.
    Ssh(Target),
}

impl<'a> Forking<'a> {
    /// The way to the guest of a running VM: its agent if that may run programs, else ssh.
    ///
    /// # Errors
    /// [`ForkError::NotPossible`]; those of ssh.
    pub(super) async fn reach_guest(&self, running: &Domain) -> Result<ForkedGuest, Error> {
        let not = |reason| Error::from(ForkError::NotPossible { name: running.name.clone(), reason });
        if let Some(found) = self.reach_by_agent(running).await? {
            let hostname = found.map_err(not)?;
            return Ok(ForkedGuest { hostname, way: Way::Agent });
        }
        let has_ssh = running.metadata.as_ref().is_some_and(|record| record.ssh.is_some());
        if !has_ssh || !running.has_agent_channel {
            return Err(not(ForkObstacle::NoAccess));
        }
        let target = GuestAccess::of(self.op).ssh_target(&running.name, None).await?;
        let look = async { Ok(guest::run(&target, LOOK, QUESTION).await?) };
        let output = self.op.race(look).await?;
        if output.status != 0 {
            return Err(not(ForkObstacle::NoPython));
        }
        Ok(ForkedGuest { hostname: output.stdout.trim().to_owned(), way: Way::Ssh(target) })
    }

    /// The host name, by an agent that may run programs; `None` where there is none.
    async fn reach_by_agent(&self, running: &Domain) -> Result<Option<Result<String, ForkObstacle>>, Error> {
        if !running.agent_connected {
            return Ok(None);
        }
        let agent = GuestAgent::of(self.op).client(running.uuid);
        let allows = agent.info().await.is_ok_and(|info| info.allows("guest-exec"));
        let Ok(name) = agent.ask(&GetHostName).await else { return Ok(None) };
        if !allows {
            return Ok(None);
        }
        let python = Exec::new("python3").args(["-I", "-c", "import fcntl, json"]);
        let run = agent.run(&python, Some(QUESTION), self.op.interrupt().asked()).await;
        self.op.check()?;
        let is_there =
            run.is_ok_and(|run| matches!(run.exit, Some(Exit { status: Some(ExitStatus::Code(0)), .. })));
        Ok(Some(if is_there { Ok(name.host_name) } else { Err(ForkObstacle::NoPython) }))
    }

    /// Starts the helper in the guest, where its agent can't do that in the fork.
    pub(super) async fn prepare_guest(
        &self,
        source: &Domain,
        guest: &ForkedGuest,
        undo: &mut UndoStack<'a>,
    ) -> Result<(), Error> {
        let Way::Ssh(target) = &guest.way else { return Ok(()) };
        let left =
            Left::GuestFile { name: "/run/vmtools-warm".to_owned(), beside: Some(source.name.clone()) };
        let (back, name) = (target.clone(), source.name.clone());
        undo.will(vec![left], async move { release(&back, &name).await });
        let script = identity::prepare_to_fork_script();
        let work = async { Ok(guest::run(target, &script, PREPARE).await?) };
        let output = self.op.race(work).await?;
        accepted(&source.name, &output)
    }

    /// Ends the helper in the guest that goes on.
    pub(super) async fn release_guest(&self, source: &Domain, guest: &ForkedGuest) -> Result<(), Error> {
        match &guest.way {
            Way::Agent => Ok(()),
            Way::Ssh(target) => release(target, &source.name).await,
        }
    }

    /// Tells the fork's guest who it is.
    ///
    /// # Errors
    /// [`ForkError::Identity`] when it does not confirm that.
    pub(super) async fn give_identity(
        &self,
        source: &Domain,
        plan: &ClonePlan,
        guest: &ForkedGuest,
    ) -> Result<(), Error> {
        let failed = |said: String| Error::from(ForkError::Identity { name: source.name.clone(), said });
        let identity = new_identity(source, plan, &guest.hostname);
        let identity = identity.ok_or_else(|| failed("there is none for it".to_owned()))?;
        let uuid = plan.copy.uuid;
        let agent = GuestAgent::of(self.op);
        let mut retry = self.op.retry(ANSWER);
        while !agent.client(uuid).answers(QUESTION).await {
            if !retry.again().await? {
                return Err(failed("its guest agent does not answer".to_owned()));
            }
        }
        let helper = match guest.way {
            Way::Agent => Helper::ByAgent,
            Way::Ssh(_) => Helper::Waits,
        };
        match agent.give_identity(uuid, &identity, helper, IDENTITY).await {
            Ok(()) => Ok(()),
            Err(IdentityFault::Manager(Error::Interrupted)) => Err(Error::Interrupted),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

async fn release(target: &Target, name: &str) -> Result<(), Error> {
    accepted(name, &guest::run(target, &identity::release_script(), QUESTION).await?)
}

fn accepted(name: &str, output: &guest::Output) -> Result<(), Error> {
    if output.status == 0 {
        return Ok(());
    }
    let said = output.stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given");
    Err(ForkError::NotPrepared { name: name.to_owned(), said: said.trim().to_owned() }.into())
}

/// A host name without its domain.
fn short(name: &str) -> String {
    name.split('.').next().unwrap_or_default().to_owned()
}

/// Who the guest becomes, but for what is made anew at that moment.
fn new_identity(source: &Domain, plan: &ClonePlan, old_hostname: &str) -> Option<Identity> {
    let new = plan.identity.as_ref()?;
    let key = new.host_key.as_ref()?;
    // Of a guest that another's seed has set up the instance stays.
    let old = if new.user.is_empty() { plan.copy.uuid } else { source.uuid };
    Some(Identity {
        seed: String::new(),
        time: 0.0,
        hostname: short(&new.hostname),
        fqdn: new.hostname.clone(),
        old_hostname: short(old_hostname),
        machine_id: plan.copy.uuid.simple().to_string(),
        host_key: key.private.clone(),
        host_key_public: format!("{}\n", key.public),
        user: new.user.clone(),
        // Whoever could log in still can.
        authorized_keys: Vec::new(),
        password: None,
        macs: plan.copy.macs.iter().map(|mac| mac.to_ascii_lowercase()).collect(),
        old_macs: source.interfaces.iter().map(|interface| interface.mac.clone()).collect(),
        instance_id: new.instance_id.clone(),
        old_instance_id: format!("vmtools-{old}"),
    })
}
