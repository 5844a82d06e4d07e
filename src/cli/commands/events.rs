use std::collections::VecDeque;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use unicode_width::UnicodeWidthStr;

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render::visible;
use crate::cli::session::Session;
use crate::cli::signals;
use crate::cli::ui::Ui;
use crate::manager::{Error, EventCommand, EventStream, VmEvent};
use crate::problem::Problem;

/// How often to check whether anybody still reads.
const LOOK: Duration = Duration::from_millis(250);
/// How many events may wait for a slow command; beyond, virsh is not read.
const WAITING: usize = 4096;

/// Stream VM events.
#[derive(Debug, Args)]
#[command(
    after_help = "Each line is TIME NAME EVENT DETAIL, with the time in UTC. With --json it is an object with time, \
                  name, uuid, event, detail, state (after the event) and missed. Lifecycle events are defined, \
                  started, suspended (paused), resumed, shutdown, stopped, crashed, rebooted, pmsuspended and \
                  undefined; others include block_job and device_added.\
                  \n\nIf the connection to libvirt is lost, vmtools waits for it to return. Events that it then infers \
                  from the states of the VMs are marked as missed.\
                  \n\nWith --exec, only the output of CMD is printed. CMD is run by sh once per event, one after another, \
                  without input and with VMTOOLS_EVENT, VMTOOLS_EVENT_DETAIL, VMTOOLS_EVENT_TIME, \
                  VMTOOLS_EVENT_MISSED, VMTOOLS_VM_NAME, VMTOOLS_VM_UUID, VMTOOLS_VM_STATE and VMTOOLS_CONNECT in its \
                  environment. If CMD fails, vmtools prints a warning. Ctrl-C also ends CMD.\
                  \n\nExamples:\
                  \n  vmtools events web --json | jq -r 'select(.event == \"stopped\").name'\
                  \n  vmtools events --exec 'logger \"$VMTOOLS_VM_NAME: $VMTOOLS_EVENT\"'"
)]
pub struct EventsArgs {
    /// VM names or UUIDs [default: all VMs]
    #[arg(value_name = "NAME", add = complete::vms())]
    pub names: Vec<String>,
    /// Run CMD for each event instead of printing the event
    #[arg(long, value_name = "CMD")]
    pub exec: Option<String>,
    /// Exit after N events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
}

/// # Errors
/// When libvirt isn't there at the beginning, or there is no such VM.
pub async fn run(args: EventsArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.reader().await?;
    let result = tokio::select! {
        result = tell(&args, context, &session) => result.map(|()| ExitCode::SUCCESS),
        // Ctrl-C is how one ends it; nothing is to be taken back.
        signal = signals::next() => Ok(ExitCode::from(signal.status())),
    };
    result.map_err(|error| match args.names.as_slice() {
        [name] => Problem::from(error).about(name),
        _ => error.into(),
    })
}

async fn tell(args: &EventsArgs, context: &Context, session: &Session) -> Result<(), Error> {
    let mut events = session.monitoring().events(&args.names).await?;
    context.ui.note(&format!("listening to {}; press Ctrl-C to stop", session.uri()));
    let mut sink = EventSink::of(args, context, session, &events);
    let mut left = args.count;
    while left != Some(0) {
        let Some(event) = sink.next(&mut events).await? else { return Ok(()) };
        left = left.map(|left| left - 1);
        if !sink.take(event)? {
            return Ok(());
        }
    }
    sink.finish().await
}

/// What becomes of events: lines, or runs of a command.
struct EventSink<'a> {
    ui: &'a Ui,
    session: &'a Session,
    command: Option<&'a str>,
    running: Option<(String, EventCommand)>,
    waiting: VecDeque<VmEvent>,
    /// The width of names.
    width: usize,
}

impl<'a> EventSink<'a> {
    fn of(
        args: &'a EventsArgs,
        context: &'a Context,
        session: &'a Session,
        events: &EventStream<'_>,
    ) -> Self {
        let named = |name: &str| args.names.is_empty() || args.names.iter().any(|wanted| wanted == name);
        let states = events.states();
        let names = states.iter().map(|(name, _)| name).filter(|name| named(name));
        let width = names.map(|name| visible(name).width()).max().unwrap_or(0);
        Self {
            ui: &context.ui,
            session,
            command: args.exec.as_deref(),
            running: None,
            waiting: VecDeque::new(),
            width,
        }
    }

    /// The next event, while commands run for those before; `None` when nobody reads any more.
    async fn next(&mut self, events: &mut EventStream<'_>) -> Result<Option<VmEvent>, Error> {
        // Kept over the looks: given up, it would begin anew.
        let mut next = std::pin::pin!(events.next());
        let mut look = tokio::time::interval(LOOK);
        loop {
            let full = self.waiting.len() >= WAITING;
            tokio::select! {
                event = &mut next, if !full => return event.map(Some),
                end = ended(&mut self.running) => self.go_on(end?)?,
                _ = look.tick() => {
                    if !self.ui.data_bytes(b"") {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Prints the event, or runs the command for it when those before are done; false when nobody reads any more.
    fn take(&mut self, event: VmEvent) -> Result<bool, Error> {
        if self.command.is_none() {
            return Ok(self.print(&event));
        }
        self.waiting.push_back(event);
        if self.running.is_none() {
            self.start()?;
        }
        Ok(true)
    }

    /// Waits for the commands of all events so far.
    async fn finish(&mut self) -> Result<(), Error> {
        while self.running.is_some() {
            let end = ended(&mut self.running).await?;
            self.go_on(end)?;
        }
        Ok(())
    }

    /// A command has ended; the next one's turn.
    fn go_on(&mut self, failure: Option<String>) -> Result<(), Error> {
        if let (Some((what, _)), Some(failure)) = (self.running.take(), failure) {
            self.ui.warn(&format!("the command for {what} {failure}"));
        }
        self.start()
    }

    fn start(&mut self) -> Result<(), Error> {
        if let (Some(command), Some(event)) = (self.command, self.waiting.pop_front()) {
            let what = format!("{} of {} at {}", event.event, event.name, event.time.to_millis());
            self.running = Some((what, self.session.monitoring().run_for_event(command, &event)?));
        }
        Ok(())
    }

    /// False when nobody reads any more.
    fn print(&self, event: &VmEvent) -> bool {
        if self.ui.json() {
            return self.ui.data_json_line(event);
        }
        let VmEvent { time, name, event, detail, .. } = event;
        let (time, event) = (time.to_millis(), event.to_string());
        let (name, detail) = (visible(name), visible(detail));
        let pad = " ".repeat(self.width.saturating_sub(name.width()));
        let line = format!("{time}  {name}{pad}  {event:<11}  {detail}");
        self.ui.data_bytes(format!("{}\n", line.trim_end()).as_bytes())
    }
}

/// How the running command failed, if it did; never, when none runs.
async fn ended(running: &mut Option<(String, EventCommand)>) -> Result<Option<String>, Error> {
    match running {
        Some((_, command)) => command.wait().await,
        None => std::future::pending().await,
    }
}
