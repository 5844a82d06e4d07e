mod export;

use std::io::IsTerminal;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::time::{Interval, MissedTickBehavior};

use crate::cli::commands::batch::Batch;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::exporter::ListenAddress;
use crate::cli::render::{self, SampleColumn};
use crate::cli::screen;
use crate::cli::signals;
use crate::manager::{Monitor, MonitorRequest, Reading};
use crate::model::{Label, parse_duration};
use crate::problem::{Problem, vmtools};

/// Monitor the CPU, memory, disk and network usage of VMs.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct MonitorArgs {
    /// VM names or UUIDs [default: all running VMs]; required with --enable
    #[arg(value_name = "NAME", add = complete::vms())]
    pub names: Vec<String>,
    /// Monitor only VMs with this label (repeatable)
    #[arg(short, long, value_name = "KEY=VALUE", conflicts_with = "names", add = complete::labels())]
    pub label: Vec<Label>,
    /// Include VMs that are shut off
    #[arg(short, long, conflicts_with = "names")]
    pub all: bool,
    /// Take one sample and exit
    #[arg(long, conflicts_with = "count")]
    pub once: bool,
    /// Take N samples and exit
    #[arg(long, value_name = "N")]
    pub count: Option<NonZeroU64>,
    /// Time between samples, at least 100ms [default: 1s; with --textfile 15s]
    #[arg(long, value_name = "DURATION", value_parser = parse_interval)]
    pub interval: Option<Duration>,
    /// Column to sort by: names ascending, numbers descending
    #[arg(long, value_name = "COLUMN", default_value = "cpu")]
    pub sort: SampleColumn,
    /// Print samples as comma-separated values
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// Serve Prometheus metrics at ADDRESS:PORT/metrics; a PORT alone listens on 127.0.0.1
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["json", "csv", "once", "count", "interval"])]
    pub prometheus: Option<ListenAddress>,
    /// Write Prometheus metrics to a file, for node_exporter's textfile collector
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "csv", "prometheus"])]
    pub textfile: Option<PathBuf>,
    /// Give VMs that vmtools did not create a QMP socket from their next start, and exit
    #[arg(long, requires = "names", conflicts_with_all = ["csv", "once", "count", "interval", "prometheus", "textfile"])]
    pub enable: bool,
}

const HELP: &str = "\
On a terminal, unless a flag selects another format, monitor is a live screen: the page of the VM if one is named, else \
an overview, in which Enter opens a VM's page and Esc returns. A page shows charts of the last minutes and recent events; \
p pauses the VM, r resumes it, s stops it (after asking) and c opens its console. In the overview, < and > or a column's \
letter select the column to sort by, R reverses the order, / filters by name and a includes VMs that are shut off. \
? shows all keys, q quits.

cpu_percent is the CPU time used by the VM's QEMU process, as a percentage of one host CPU: 200 is two full CPUs. \
vcpu_percent is the same for each vCPU, and cpu_percent_of_vcpus for all vCPUs together, where 100 is full use of them all. \
Memory usage is reported by the guest's balloon driver, without the file cache; monitor enables these reports if needed. \
With --json, each line is one sample as an object; values that the host can't know, as of a shut-off VM, are null.

--prometheus and --textfile export counters, including those of VMs that are shut off. \
A single VM is sampled through its QMP socket, without libvirt, if it has one; VMs created by vmtools do.

Examples:
  vmtools monitor web
  vmtools monitor --once --sort memory
  vmtools monitor web --json --interval 5s | jq .cpu_percent
  vmtools monitor --prometheus 9177
  vmtools monitor --textfile /var/lib/prometheus/node-exporter/vmtools.prom --once";

const INTERVAL: Duration = Duration::from_secs(1);
const TEXTFILE_INTERVAL: Duration = Duration::from_secs(15);

/// # Errors
/// When a VM that was named is not there, or goes; when libvirt can't be asked the first time.
pub async fn run(args: MonitorArgs, context: &Context) -> Result<ExitCode, Problem> {
    if args.enable {
        return enable(&args, context).await;
    }
    let session = context.reader().await?;
    let exports = args.prometheus.is_some() || args.textfile.is_some();
    let request = MonitorRequest {
        names: args.names.clone(),
        labels: args.label.clone(),
        off: args.all || exports,
        in_full: false,
    };
    let about = |error: crate::manager::Error| match args.names.as_slice() {
        [name] => Problem::from(error).about(name),
        _ => error.into(),
    };
    let work = async {
        let mut monitor = session.monitoring().monitor(&request).await.map_err(about)?;
        if args.wants_screen(context) {
            let interval = args.interval.unwrap_or(INTERVAL);
            let start = screen::Start { request: request.clone(), sort: args.sort, interval };
            return screen::run(start, monitor, &session, context).await;
        }
        let done = |()| ExitCode::SUCCESS;
        if let Some(address) = args.prometheus {
            return export::serve(address, &mut monitor, context).await.map(done);
        }
        if let Some(file) = &args.textfile {
            return export::write(file, &args, &mut monitor).await.map(done);
        }
        let mut form = Form::of(&args, context);
        stream(&mut monitor, &args, |readings| form.show(readings, context)).await.map(done).map_err(about)
    };
    tokio::select! {
        result = work => result,
        // Ctrl-C is how one ends to watch; nothing is to be taken back.
        signal = signals::next() => Ok(ExitCode::from(signal.status())),
    }
}

async fn enable(args: &MonitorArgs, context: &Context) -> Result<ExitCode, Problem> {
    let session = context.session().await?;
    let mut batch = Batch::new();
    for name in &args.names {
        if !batch.take(name, session.monitoring().enable_qmp(name).await) {
            break;
        }
    }
    batch.finish(context, args.names.len() == 1, |vm| match vm.on_next_start {
        true => {
            let restart = vmtools("restart").arg(&vm.name);
            format!("{} will be monitored through QMP from its next start ({restart})\n", vm.name)
        }
        false => context.ui.outcome(&vm.name, format!("{} is monitored through QMP\n", vm.name)),
    })
}

impl MonitorArgs {
    /// Somebody sits there, and asked for no other form.
    fn wants_screen(&self, context: &Context) -> bool {
        let other = context.ui.json() || self.csv || self.prometheus.is_some() || self.textfile.is_some();
        let terminal = || std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        !other && self.samples().is_none() && terminal()
    }

    /// How many samples are wanted, if that is said.
    fn samples(&self) -> Option<u64> {
        if self.once { Some(1) } else { self.count.map(NonZeroU64::get) }
    }
}

/// The first comes at once.
fn ticks(args: &MonitorArgs, usual: Duration) -> Interval {
    let mut ticks = tokio::time::interval(args.interval.unwrap_or(usual));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Polls the VMs at each interval, until enough samples were shown or the output is closed.
async fn stream(
    monitor: &mut Monitor<'_>,
    args: &MonitorArgs,
    mut show: impl FnMut(Vec<Reading>) -> bool,
) -> Result<(), crate::manager::Error> {
    let mut left = args.samples();
    let mut ticks = ticks(args, INTERVAL);
    ticks.tick().await;
    // Rates are computed between two polls.
    monitor.poll().await?;
    while left != Some(0) {
        ticks.tick().await;
        let began = tokio::time::Instant::now();
        let readings = monitor.poll().await?;
        // One that took long is not followed by another at once: rates of a moment are noise.
        if began.elapsed() > ticks.period() / 2 {
            ticks.reset();
        }
        if monitor.is_away() {
            continue;
        }
        if !show(readings) {
            break;
        }
        left = left.map(|left| left - 1);
    }
    Ok(())
}

/// In which form samples go to stdout.
enum Form {
    Json,
    Csv { headed: bool },
    Table { sort: SampleColumn, shown: bool },
}

impl Form {
    fn of(args: &MonitorArgs, context: &Context) -> Self {
        match (context.ui.json(), args.csv) {
            (true, _) => Self::Json,
            (_, true) => Self::Csv { headed: false },
            _ => Self::Table { sort: args.sort, shown: false },
        }
    }

    /// Shows the samples; false when nobody takes any more.
    fn show(&mut self, readings: Vec<Reading>, context: &Context) -> bool {
        let text = match self {
            Self::Json => {
                let line =
                    |reading: &Reading| serde_json::to_string(&reading.sample).unwrap_or_default() + "\n";
                render::visible_json(readings.iter().map(line).collect())
            }
            Self::Csv { headed } => {
                let text = render::samples_as_csv(&readings, !std::mem::replace(headed, true));
                // It has no way to write a name otherwise, so that is for who reads it as a file.
                if std::io::stdout().is_terminal() { render::visible_lines(&text).into_owned() } else { text }
            }
            Self::Table { sort, shown } => {
                let gap = if std::mem::replace(shown, true) { "\n" } else { "" };
                format!("{gap}{}", render::samples(readings, *sort))
            }
        };
        context.ui.data_bytes(text.as_bytes())
    }
}

fn parse_interval(text: &str) -> Result<Duration, String> {
    let span = parse_duration(text).map_err(|error| error.to_string())?;
    if span < Duration::from_millis(100) { Err("the minimum is 100ms".to_owned()) } else { Ok(span) }
}
