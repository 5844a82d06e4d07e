//! Waiting for a VM: one deadline over all conditions, progress reported meanwhile, and at its end what was
//! seen last. Nothing is started to look: the open virsh is asked, and sockets are tried.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::{AgentError, GuestAccess, GuestAgent};
use crate::agent::{Exec, Ping};
use crate::guest::{self, cloud_init};
use crate::libvirt::Domain;
use crate::manager::guest::endpoint::{SSH_PORT, ssh_socket};
use crate::manager::retry::Retry;
use crate::manager::vms::Vms;
use crate::manager::{EndpointError, Error, Event, VmError, WaitError, WaitObservation, Warning};
use crate::model::{Condition, VmState};

/// How often libvirt and the guest are asked once the wait is long: each look costs some milliseconds of a CPU,
/// here, in virsh and in the daemon. Together a wait takes half a percent of one
/// (`cargo bench --bench compare -- --waits`).
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long the first try to connect to the guest may take: user-mode networking holds one that came
/// before the guest was up until it is cancelled.
const FIRST_TRY: Duration = Duration::from_secs(1);
/// The same where the guest's own address is known, often before the guest has taken it. What it misses then Linux sends
/// again after a second; a new connection sends it at once.
const FIRST_CONNECT: Duration = Duration::from_millis(100);
/// How long each later one may take at most; a slow guest needs more than the first.
const TRY: Duration = Duration::from_secs(5);
/// How long a guest that has accepted a connection may take to send its banner.
const BANNER: Duration = Duration::from_secs(15);
/// How long the script that asks cloud-init may take by the agent.
const BY_AGENT: Duration = Duration::from_secs(30);
/// How long before the deadline the script that waits for cloud-init in the guest ends.
const TELL: Duration = Duration::from_secs(2);
/// How long after the deadline a wait may end, for each of: what is being asked, and the serial log.
const LATE: Duration = Duration::from_millis(400);
/// How much of the serial log is shown when a wait fails, in bytes.
const TAIL: u64 = 2000;

/// What to wait for.
#[derive(Debug, Clone)]
pub struct WaitFor {
    /// The conditions, all of them; none named is the best that the VM can give: cloud-init's end for one
    /// that has a seed, else ssh, else an address.
    pub conditions: Vec<Condition>,
    /// The time for all of them together.
    pub timeout: Duration,
}

impl WaitFor {
    /// What is left to wait for once a VM that went on from a state has answered ssh; `None` if nothing is. In the state
    /// cloud-init had come to its end.
    pub(in crate::manager) fn after_resume(self) -> Option<Self> {
        let is_left = |condition: &Condition| {
            !matches!(condition, Condition::Ip | Condition::Ssh | Condition::CloudInit)
        };
        let conditions: Vec<_> = self.conditions.into_iter().filter(is_left).collect();
        (!conditions.is_empty()).then_some(Self { conditions, ..self })
    }
}

struct Waiting<'a> {
    access: GuestAccess<'a>,
    domain: &'a Domain,
    condition: Condition,
    started: Instant,
    retry: Retry<'a>,
    timeout: Duration,
    seen: WaitObservation,
    /// Since when the guest's own address is known.
    addressed: Option<Instant>,
}

impl GuestAccess<'_> {
    /// Waits for a VM, which has to run unless its end is waited for.
    ///
    /// # Errors
    /// [`VmError::NotRunning`], [`WaitError::TimedOut`], [`WaitError::Stopped`], [`WaitError::CloudInit`].
    pub async fn wait(&self, name: &str, wait: &WaitFor) -> Result<crate::manager::VmStatus, Error> {
        let id = self.op.client().domains().resolve(name).await?;
        let domain = self.op.client().definitions().current(id.uuid).await?;
        let for_its_end = wait.conditions.contains(&Condition::Stopped);
        if !for_its_end && !self.op.client().domains().state(id.uuid).await?.is_active() {
            return Err(VmError::NotRunning { name: id.name }.into());
        }
        self.wait_for(&domain, wait).await?;
        Vms::of(self.op).status_of(id.uuid).await
    }

    pub(in crate::manager) async fn wait_for(&self, domain: &Domain, wait: &WaitFor) -> Result<(), Error> {
        let started = Instant::now();
        let best = best_condition(domain);
        let (conditions, lenient) = match wait.conditions.as_slice() {
            [] => (std::slice::from_ref(&best), true),
            named => (named, false),
        };
        for condition in conditions {
            let waiting = Waiting {
                access: *self,
                domain,
                condition: *condition,
                started,
                retry: Retry::until(started + wait.timeout, self.op.interrupt())
                    .at_most(LONGEST_PAUSE)
                    .since(started),
                timeout: wait.timeout,
                seen: WaitObservation::Nothing,
                addressed: None,
            };
            match self.op.race(waiting.run()).await {
                // Nobody asked for cloud-init by name, and ssh is there.
                Err(Error::Wait(WaitError::NoCloudInit { vm })) if lenient => {
                    self.op.report(Event::Warning(Warning::NoCloudInit { vm }));
                }
                other => other?,
            }
        }
        Ok(())
    }

    /// The end of the serial log, if there is one that can be read.
    pub(in crate::manager) async fn serial_tail(&self, domain: &Domain) -> Option<String> {
        let path = domain.serial_log.as_deref()?;
        let text = match domain.metadata.as_ref()?.owned.iter().find(|owned| owned.path == path) {
            Some(owned) => {
                // libvirt learns the file's present size by looking.
                let _ = self.op.client().pools().refresh(&owned.pool).await;
                self.op.client().volumes().tail(&owned.pool, &owned.volume, TAIL).await.ok()?
            }
            None => return None,
        };
        let printable: String =
            text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        let lines: Vec<&str> = printable.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        let tail = lines[lines.len().saturating_sub(15)..].join("\n");
        (!tail.is_empty()).then_some(tail)
    }
}

impl Waiting<'_> {
    /// Whatever is being asked when the time is over is cancelled.
    async fn run(mut self) -> Result<(), Error> {
        let end = tokio::time::Instant::from_std(self.started + self.timeout + LATE);
        match tokio::time::timeout_at(end, self.met()).await {
            Ok(ended) => ended,
            Err(_) => Err(self.timed_out().await),
        }
    }

    async fn met(&mut self) -> Result<(), Error> {
        match self.condition {
            Condition::Stopped => self.stopped().await,
            Condition::Agent => self.agent().await,
            Condition::Ip => self.address().await.map(drop),
            Condition::Ssh => self.banner().await.map(drop),
            Condition::Port(port) => self.port(port).await,
            Condition::CloudInit => self.cloud_init().await,
        }
    }

    async fn stopped(&mut self) -> Result<(), Error> {
        loop {
            let state = self.state().await?;
            if !state.is_active() {
                return Ok(());
            }
            self.not_yet(WaitObservation::State(state)).await?;
        }
    }

    async fn agent(&mut self) -> Result<(), Error> {
        loop {
            self.still_running().await?;
            let agent = GuestAgent::of(self.access.op).client(self.domain.uuid);
            match agent.ask_within(&Ping, self.time_for(TRY)).await {
                Ok(_) => return Ok(()),
                Err(AgentError::Transport(error)) if error.is_connection() => return Err(error.into()),
                Err(error) => self.not_yet(WaitObservation::error(error)).await?,
            }
        }
    }

    async fn address(&mut self) -> Result<IpAddr, Error> {
        if self.domain.interfaces.is_empty() {
            return Err(EndpointError::NoNetwork { name: self.domain.name.clone() }.into());
        }
        loop {
            self.still_running().await?;
            if let Some(address) = self.access.addresses_of(self.domain).await?.first() {
                return Ok(*address);
            }
            self.not_yet(WaitObservation::NoAddress).await?;
        }
    }

    /// The banner is read: user-mode networking accepts connections before the guest does.
    async fn banner(&mut self) -> Result<SocketAddr, Error> {
        let mut patience = FIRST_TRY;
        loop {
            let (socket, to_connect, for_banner) = match ssh_socket(self.domain, &[]) {
                Some(forwarded) => {
                    self.still_running().await?;
                    (forwarded, patience, patience)
                }
                // What accepts a connection here is the guest itself, whose server starts a process for each: one that
                // gives up soon and comes again would keep it from ever answering.
                None => {
                    let socket = SocketAddr::new(self.address().await?, SSH_PORT);
                    let since = *self.addressed.get_or_insert_with(|| self.retry.restart());
                    (socket, to_connect(since.elapsed()), BANNER)
                }
            };
            let tried = Instant::now();
            let spans = (self.time_for(to_connect), self.time_for(for_banner));
            match guest::read_banner(socket, spans.0, spans.1).await {
                Ok(_) => return Ok(socket),
                Err(error) => self.not_yet(WaitObservation::error(error)).await?,
            }
            if tried.elapsed() >= patience {
                patience = TRY.min(patience * 2);
            }
        }
    }

    async fn port(&mut self, port: u16) -> Result<(), Error> {
        let published = self.domain.metadata.as_ref().and_then(|record| {
            record.published.iter().find(|published| published.guest == port).map(|published| published.host)
        });
        loop {
            let socket = match published {
                Some(host) => {
                    self.still_running().await?;
                    SocketAddr::from((Ipv4Addr::LOCALHOST, host))
                }
                None => SocketAddr::new(self.address().await?, port),
            };
            // That port of this host is not the guest's.
            if published.is_none() && socket.ip().is_loopback() {
                return Err(EndpointError::NotPublished { name: self.domain.name.clone(), port }.into());
            }
            if guest::port_open(socket, self.time_for(TRY)).await {
                return Ok(());
            }
            self.not_yet(WaitObservation::NoAnswer(socket)).await?;
        }
    }

    async fn cloud_init(&mut self) -> Result<(), Error> {
        loop {
            let socket = self.banner().await?;
            let (state, text) = match self.ask_cloud_init(socket).await? {
                Ok(report) => (report.state, report),
                Err(seen) => {
                    self.not_yet(seen).await?;
                    continue;
                }
            };
            let vm = self.domain.name.clone();
            match state {
                cloud_init::State::Done => return Ok(()),
                cloud_init::State::Error => {
                    let errors = if text.errors.is_empty() { vec![text.detail] } else { text.errors };
                    return Err(WaitError::CloudInit { vm, errors }.into());
                }
                cloud_init::State::Disabled => return Err(WaitError::NoCloudInit { vm }.into()),
                cloud_init::State::NotRun | cloud_init::State::Running => {
                    self.not_yet(WaitObservation::CloudInit { detail: text.detail }).await?;
                }
            }
        }
    }

    /// By ssh; where that isn't let in, by the guest agent. What may pass is only seen.
    async fn ask_cloud_init(
        &self,
        socket: SocketAddr,
    ) -> Result<Result<cloud_init::Report, WaitObservation>, guest::Error> {
        // One process in the guest that waits a while, not one that is started every moment. It ends early enough to
        // tell before the deadline what it saw.
        let wait = self.time_for(Duration::from_secs(60)).saturating_sub(TELL);
        let script = format!(
            "timeout {} cloud-init status --wait >/dev/null 2>&1\n{}",
            wait.as_secs().max(1),
            cloud_init::SCRIPT
        );
        let target = match self.access.target(self.domain, socket) {
            Ok(target) => target,
            Err(error) => return Ok(Err(WaitObservation::error(error))),
        };
        let said = match guest::run(&target, &script, self.time_for(wait + TRY * 2)).await {
            Ok(output) => output.stdout,
            Err(guest::Error::Denied { .. }) => match self.ask_cloud_init_by_agent().await {
                Ok(said) => said,
                Err(seen) => return Ok(Err(seen)),
            },
            // It does not come by waiting.
            Err(error) if error.is_tool_missing() => return Err(error),
            Err(error) => return Ok(Err(WaitObservation::error(error))),
        };
        Ok(cloud_init::parse_status(&said).map_err(WaitObservation::error))
    }

    async fn ask_cloud_init_by_agent(&self) -> Result<String, WaitObservation> {
        let agent = GuestAgent::of(self.access.op).client(self.domain.uuid);
        let script = Exec::new("sh").args(["-c", cloud_init::SCRIPT]);
        let no_access = |error: AgentError| WaitObservation::NoAccess { agent: error.to_string() };
        let run = agent
            .run(&script, Some(self.time_for(BY_AGENT)), std::future::pending())
            .await
            .map_err(no_access)?;
        // One that does not end by itself prints nothing that could be read.
        let printed = run.exit.map_or_else(Vec::new, |exit| exit.stdout);
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }

    async fn state(&self) -> Result<VmState, Error> {
        Ok(self.access.op.client().domains().state(self.domain.uuid).await?)
    }

    async fn still_running(&self) -> Result<(), Error> {
        let state = self.state().await?;
        if state.is_active() {
            return Ok(());
        }
        let stats = self.access.op.client().statistics().of(self.domain.uuid).await?;
        Err(WaitError::Stopped {
            vm: self.domain.name.clone(),
            condition: self.condition,
            reason: stats.why_off(),
            state,
            serial_log: self.access.serial_tail(self.domain).await,
        }
        .into())
    }

    /// Notes what is seen, and pauses; past the deadline it is over.
    async fn not_yet(&mut self, seen: WaitObservation) -> Result<(), Error> {
        if self.seen != seen {
            let (vm, elapsed) = (self.domain.name.as_str(), self.started.elapsed());
            self.access.op.report(Event::Waiting { vm, condition: self.condition, seen: &seen, elapsed });
            self.seen = seen;
        }
        if !self.retry.again().await? {
            return Err(self.timed_out().await);
        }
        Ok(())
    }

    async fn timed_out(&self) -> Error {
        // A libvirt that hangs holds the log back.
        let tail = tokio::time::timeout(LATE, self.access.serial_tail(self.domain)).await;
        WaitError::TimedOut {
            vm: self.domain.name.clone(),
            condition: self.condition,
            timeout: self.timeout,
            seen: self.seen.clone(),
            serial_log: tail.unwrap_or_default(),
        }
        .into()
    }

    fn time_for(&self, most: Duration) -> Duration {
        most.min(self.retry.left()).max(Duration::from_millis(100))
    }
}

/// How long a try to connect may take, so long after the address has been seen.
fn to_connect(since_address: Duration) -> Duration {
    (since_address / 4).clamp(FIRST_CONNECT, TRY)
}

fn best_condition(domain: &Domain) -> Condition {
    let seeded = domain.metadata.as_ref().is_some_and(|record| record.ssh.is_some());
    if domain.interfaces.is_empty() {
        Condition::Agent
    } else if seeded && domain.has_ignition() {
        Condition::Ssh
    } else if seeded {
        Condition::CloudInit
    } else {
        Condition::Ip
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_try_to_connect_takes_longer_the_later_it_is() {
        let seconds = Duration::from_secs;
        assert_eq!([0, 4, 60].map(|since| to_connect(seconds(since))), [FIRST_CONNECT, seconds(1), TRY]);
    }

    #[test]
    fn a_resumed_vm_is_not_asked_again_for_what_its_start_has_waited_for() {
        let left = |conditions: &[Condition]| {
            let wait = WaitFor { conditions: conditions.to_vec(), timeout: TRY };
            wait.after_resume().map(|left| left.conditions)
        };
        assert_eq!(left(&[]), None);
        assert_eq!(left(&[Condition::Ip, Condition::Ssh, Condition::CloudInit]), None);
        let others = [Condition::Agent, Condition::Stopped, Condition::Port(80)];
        assert_eq!(left(&[Condition::Ssh, others[0], others[1], others[2]]), Some(others.to_vec()));
    }
}
