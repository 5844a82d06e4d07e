//! Two commands at once. One is held before each of its changes in turn while the other runs: whatever both find,
//! nothing is lost or left, and what could not be done is said.

mod clones;
mod disks;
mod images;
mod networks;
mod vms;

use super::MINUTE;
use super::public_cases::{brief, output};
use super::support::{Held, Hold, Run, Sandbox, announce, is_thorough, wait_for};
use super::whole::misfits;

/// How a command may end that another one got in the way of.
const CODES: [i32; 6] = [0, 3, 4, 5, 10, 11];

/// What is wrong after two commands, if anything.
type Rule<'a> = &'a dyn Fn(&Sandbox, &Run, &Run) -> Option<String>;

/// Two commands, each with what has to be there before.
struct Race<'a> {
    sandbox: &'a Sandbox,
    prepare: &'a [&'a [&'a str]],
    one: &'a [&'a str],
    other: &'a [&'a str],
    rule: Rule<'a>,
    /// What is prepared is garbage, once its time is over.
    expires: bool,
}

impl Race<'_> {
    /// Runs it so often, each time otherwise interleaved, and fails with all that was wrong.
    #[track_caller]
    fn run(&self) {
        let tries = if is_thorough() { 50 } else { 3 };
        let mut faults = Vec::new();
        // How many commands and changes each has, known from the first try.
        let mut known = [(12, 3), (12, 3)];
        for attempt in 0..tries {
            let holds = holds(attempt, tries, known);
            let (runs, counts) = self.attempt(holds);
            for (side, count) in counts.into_iter().enumerate() {
                known[side] = (known[side].0.max(count.0), known[side].1.max(count.1));
            }
            let wrong = self.wrong(&runs);
            if !wrong.is_empty() {
                let runs = runs.map(|run| format!("  {}", brief(&run))).join("\n");
                faults.push(format!("try {attempt}, {holds:?}:\n{runs}\n    {}", wrong.join("\n    ")));
            }
            self.reset();
        }
        let (one, other) = (self.one.join(" "), self.other.join(" "));
        if is_thorough() {
            announce(&format!("{} of {tries} tries were wrong: `{one}` beside `{other}`", faults.len()));
        }
        assert!(faults.is_empty(), "{} of {tries} tries:\n{}", faults.len(), faults.join("\n"));
    }

    fn attempt(&self, holds: [Hold; 2]) -> ([Run; 2], [(usize, usize); 2]) {
        for args in self.prepare {
            self.sandbox.vmtools(args).run().success();
        }
        if self.expires {
            wait_for("its end", MINUTE, || (self.garbage().trim() != "[]").then_some(()));
        }
        let start = |side: usize| {
            let args = [self.one, self.other][side];
            Held::start(self.sandbox, &side.to_string(), args, holds[side])
        };
        let (one, other) = match holds {
            [Hold::Never, Hold::Never] => (start(0), start(1)),
            [Hold::Never, _] => {
                let mut other = start(1);
                other.await_hold();
                let mut one = start(0);
                one.await_end_or_claim();
                (one, other)
            }
            _ => {
                let mut one = start(0);
                one.await_hold();
                let mut other = start(1);
                other.await_end_or_claim();
                (one, other)
            }
        };
        // Both may go on before either is waited for.
        one.go_on();
        other.go_on();
        let (one, other) = (one.finish(MINUTE * 2), other.finish(MINUTE * 2));
        ([one.run, other.run], [(one.commands, one.changes), (other.commands, other.changes)])
    }

    fn wrong(&self, runs: &[Run; 2]) -> Vec<String> {
        let mut wrong = misfits(self.sandbox);
        let unclear = |run: &&Run| !run.status.code().is_some_and(|code| CODES.contains(&code));
        wrong.extend(runs.iter().filter(unclear).map(|_| "its exit code does not say why".to_owned()));
        wrong.extend((self.rule)(self.sandbox, &runs[0], &runs[1]));
        let garbage = self.garbage();
        if !self.expires && garbage.trim() != "[]" {
            wrong.push(format!("gc finds {garbage}"));
        }
        wrong
    }

    fn garbage(&self) -> String {
        output(&self.sandbox.vmtools(&["gc", "--dry-run", "--json", "-q"]).run())
    }

    /// Removes all but the bases, behind vmtools' back.
    fn reset(&self) {
        let script = r#"
            for uuid in $(virsh -q list --all --uuid); do
                virsh -q destroy "$uuid" >/dev/null 2>&1 || true
                virsh -q undefine "$uuid" --managed-save --snapshots-metadata --nvram
            done
            for net in $(virsh -q net-list --all --name); do
                [ "$net" != default ] || continue
                virsh -q net-destroy "$net" >/dev/null 2>&1 || true
                virsh -q net-undefine "$net"
            done
            for mac in $(virsh -q net-dumpxml default | sed -n "s/.*<host mac='\\([^']*\\)'.*/\\1/p"); do
                virsh -q net-update default delete ip-dhcp-host "<host mac='$mac'/>" --live --config
            done
            find /var/lib/libvirt/images/vmtools -type f ! -name 'vmtools-base-*' -delete
            rm -f /run/libvirt/qemu/vmtools/*
            virsh -q pool-refresh vmtools"#;
        self.sandbox.as_root("bash", &["-c", script]).run();
    }
}

/// At first both run freely. Then each in turn is held before its changes, and with more tries at all its commands.
fn holds(attempt: usize, tries: usize, known: [(usize, usize); 2]) -> [Hold; 2] {
    let (side, at) = (attempt % 2, attempt.div_ceil(2));
    let (commands, changes) = known[side];
    // Of three tries, as CI has them, each side is held once, at its first change.
    let hold = match at {
        0 => return [Hold::Never; 2],
        1 => Hold::AtChange(1),
        2 => Hold::AtChange(changes),
        at if at <= changes => Hold::AtChange(at - 1),
        at => Hold::AtCommand(1 + (at - changes) * commands / (tries / 2)),
    };
    if side == 0 { [hold, Hold::Never] } else { [Hold::Never, hold] }
}

fn ok(run: &Run) -> bool {
    run.status.success()
}

fn has(sandbox: &Sandbox, vm: &str) -> bool {
    sandbox.domains().iter().any(|name| name == vm)
}

/// What is said of two commands of which only one can have been in time.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a rule")]
fn not_both() -> Option<String> {
    Some("both say that it is done".to_owned())
}

/// A sandbox with an image that needs no guest, as the arguments of a create.
macro_rules! racing {
    ($sandbox:ident, $image:ident) => {
        let $sandbox = sandbox_or_skip!(Sandbox::system());
        let $image = tiny_image(&$sandbox);
        // Its base is there already, so that it can be pruned, and needs no upload.
        let args = ["create", "first", "--image", &$image, "-m", "64", "-c", "1"];
        $sandbox.vmtools(&args).run().success();
        $sandbox.vmtools(&["delete", "--yes", "first"]).run().success();
    };
}

use racing;
