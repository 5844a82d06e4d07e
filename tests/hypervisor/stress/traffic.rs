//! The commands, those who type them, and their troubles.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::super::public_cases::brief;
use super::super::support::{Run, Sandbox};
use super::random::Random;

/// How a command may end. 1, 2 and 9 would say that something is not known, or wrong with the command.
const CODES: [i32; 9] = [0, 3, 4, 5, 6, 8, 10, 11, 12];
/// What no command may take, whatever is in its way.
const LIMIT: Duration = Duration::from_secs(240);
/// So many VMs run at a time: each burns a processor.
const RUNNING: usize = 2;
const NETWORKS: [&str; 4] = ["net0", "net1", "net2", "default"];
const ADDRESSES: [&str; 3] = ["192.168.122.50", "192.168.122.51", "192.168.122.52"];
const IMAGES: [&str; 3] = ["own0", "own1", "own2"];

/// What happens to commands, beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// Some are killed.
    Kills,
    /// libvirt's daemon is killed and started again.
    Restarts,
}

/// What came of a command.
pub struct Outcome {
    pub args: Vec<String>,
    pub run: Run,
    /// It was to be killed, and may have been.
    pub killed: bool,
    hung: bool,
}

impl Outcome {
    pub fn code(&self) -> Option<i32> {
        self.run.status.code()
    }

    /// What is wrong with its end alone.
    pub fn fault(&self) -> Option<String> {
        let is_told = self.code().is_some_and(|code| CODES.contains(&code));
        match (self.hung, self.killed && self.code().is_none(), is_told) {
            (true, ..) => Some(format!("no end within {LIMIT:?}: {}", brief(&self.run))),
            (_, false, false) => Some(brief(&self.run)),
            _ => None,
        }
    }
}

/// How often each code came, and how much was removed as left over.
pub fn summary(outcomes: &[Outcome]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for outcome in outcomes {
        let end = outcome.code().map_or_else(|| "killed".to_owned(), |code| code.to_string());
        *counts.entry(end).or_default() += 1;
    }
    let ends = counts.iter().map(|(end, count)| format!("{end}: {count}")).collect::<Vec<_>>().join(", ");
    let of_gc = outcomes.iter().filter(|outcome| outcome.args[0] == "gc");
    let parsed = of_gc.filter_map(|gc| serde_json::from_str::<Vec<serde_json::Value>>(&gc.run.stdout).ok());
    format!("{ends}; {} remnants removed by gc", parsed.map(|items| items.len()).sum::<usize>())
}

/// What the disks of VMs grow to.
const LARGE: &str = "96M";

/// Many who type commands at the same time.
pub struct Traffic<'a> {
    pub sandbox: &'a Sandbox,
    pub image: &'a str,
    pub names: usize,
    pub trouble: Trouble,
    pub lasts: Duration,
}

impl Traffic<'_> {
    /// All that they did, in the order in which it ended.
    pub fn run(&self, workers: usize, seed: u64) -> Vec<Outcome> {
        let end = Instant::now() + self.lasts;
        let outcomes = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for worker in 0..workers {
                let outcomes = &outcomes;
                let random = Random::new(seed, worker);
                scope.spawn(move || self.work(worker, random, end, outcomes));
            }
            if self.trouble == Trouble::Restarts {
                self.restart_daemon(Random::new(seed, workers), end);
            }
        });
        outcomes.into_inner().unwrap()
    }

    fn work(&self, worker: usize, mut random: Random, end: Instant, outcomes: &Mutex<Vec<Outcome>>) {
        // Only these start VMs, and stop them again.
        let may_start = worker < RUNNING;
        while Instant::now() < end {
            let args = self.command(&mut random, may_start, end);
            let starts = args.iter().any(|word| word == "start" || word == "--start");
            let stop = ["stop", "--force", &args[1]].map(str::to_owned).to_vec();
            let kill = self.trouble == Trouble::Kills && random.percent(25);
            let outcome = self.type_in(args, kill.then(|| random.time(Duration::from_secs(8))));
            // Nothing is learned from many that find no daemon.
            if outcome.code() == Some(8) {
                std::thread::sleep(random.time(Duration::from_secs(4)));
            }
            outcomes.lock().unwrap().push(outcome);
            if starts {
                std::thread::sleep(random.time(Duration::from_secs(2)));
                let outcome = self.type_in(stop, None);
                outcomes.lock().unwrap().push(outcome);
            }
        }
    }

    fn type_in(&self, args: Vec<String>, kill_after: Option<Duration>) -> Outcome {
        let mut running = self.sandbox.vmtools(&args).spawn();
        let started = Instant::now();
        let (mut killed, mut hung) = (false, false);
        while running.is_running() {
            if !killed && kill_after.is_some_and(|delay| started.elapsed() >= delay) {
                killed = running.kill_if_it_runs();
            }
            if !hung && started.elapsed() >= LIMIT {
                hung = running.kill_if_it_runs();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Outcome { args, run: running.wait(LIMIT), killed, hung }
    }

    fn restart_daemon(&self, mut random: Random, end: Instant) {
        let short = Duration::from_secs(3);
        while Instant::now() + short < end {
            std::thread::sleep(short.min(self.lasts / 4) + random.time(short));
            self.sandbox.libvirtd_kill();
            std::thread::sleep(random.time(short));
            self.sandbox.libvirtd_start();
        }
    }

    fn command(&self, random: &mut Random, may_start: bool, end: Instant) -> Vec<String> {
        // The last third of what is killed is for the `gc` that comes then.
        let is_late = self.trouble == Trouble::Kills && Instant::now() + self.lasts / 3 > end;
        let mut name = || format!("n{}", random.below(self.names));
        let (vm, other) = (name(), name());
        let (network, image) = (*random.pick(&NETWORKS), *random.pick(&IMAGES));
        let lab = if network == "default" { "net0" } else { network };
        let words: Vec<&str> = match random.below(100) {
            0..22 => return self.create(random, &vm, may_start),
            22..28 => vec!["clone", &vm, &other],
            28..38 => vec!["clone", "--linked", &vm, &other],
            38..40 => vec!["clone", "--linked", "--count", "2", &vm, &other],
            40..47 => vec!["delete", "--yes", &vm],
            47..53 => vec!["delete", "--force", &vm],
            53..54 => vec!["delete", "--force", &vm, &other],
            54..57 => vec!["rename", &vm, &other],
            57..59 => vec!["set", &vm, "-m", "96"],
            59..61 => vec!["set", &vm, "-d", LARGE],
            61..63 => vec!["set", &vm, "--label", "a=b"],
            63..69 => vec!["disk", "add", &vm, "16M"],
            69..73 => vec!["disk", "remove", "--yes", &vm, *random.pick(&["vdc", "vdd"])],
            73..76 => vec!["image", "import", "--replace", self.image, image],
            76..78 => vec!["image", "rm", "--yes", image],
            78..81 => vec!["image", "prune", "--yes"],
            81..82 => vec!["image", "prune", "--own", "--yes"],
            82..84 => vec!["image", "commit", "--replace", &vm, image],
            84..86 => vec!["network", "create", lab],
            86..88 => vec!["network", "delete", "--yes", lab],
            88..91 => vec!["network", "attach", network, &vm],
            91..92 => vec!["network", "detach", network, &vm],
            92..93 => vec!["network", "reserve", "default", &vm, *random.pick(&ADDRESSES)],
            93..96 if !is_late => vec!["gc"],
            96..97 => vec!["list", "--all"],
            _ if may_start => vec!["start", &vm],
            _ => vec!["status", &vm],
        };
        words.into_iter().chain(["--json"]).map(str::to_owned).collect()
    }

    fn create(&self, random: &mut Random, vm: &str, may_start: bool) -> Vec<String> {
        let image = if random.percent(70) { self.image } else { random.pick(&IMAGES) };
        // An image of their own may be of a VM whose disk has grown.
        let size = if image == self.image { "32M" } else { LARGE };
        let mut words = vec!["create", vm, "--image", image, "-m", "64", "-c", "1", "-d", size, "--json"];
        match random.below(10) {
            0 => words.extend(["--replace", "--yes"]),
            1 => words.push("--if-not-exists"),
            2 => words.extend(["-n", *random.pick(&NETWORKS)]),
            3 | 4 if may_start => words.push("--start"),
            _ => {}
        }
        words.into_iter().map(str::to_owned).collect()
    }
}
