//! What it costs to watch VMs at 1 Hz: processor time and memory of vmtools and its children, beside virt-top and a
//! loop of virsh.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::support::{Cmd, Run, Sandbox};

/// How long each is watched.
const SPAN: Duration = Duration::from_secs(30);
/// All that are started under emulation come up first.
const UP: Duration = Duration::from_secs(600);
const MANY: usize = 100;
const TURNS: usize = 3;
/// What `monitor` asks.
const ASKED: &str = "domstats --raw --state --cpu-total --balloon --vcpu --interface --block --nowait";

pub fn measure(sandbox: &Sandbox, image: &Path) {
    let image = image.to_str().unwrap();
    let vmtools = |args: &[&str]| sandbox.vmtools(args).timeout(UP).run().success();
    println!("{:<34} {:>8} {:>10} {:>10}", "watching at 1 Hz", "CPU %", "RSS KiB", "PSS KiB");
    vmtools(&["create", "web", "--image", image, "-m", "256", "-c", "1", "-d", "1", "--start", "--wait=ssh"]);
    watch("vmtools monitor web", sandbox.vmtools(&["monitor", "web", "--json"]));
    others(sandbox, "web");
    sample_time(sandbox);
    vmtools(&["delete", "--force", "web"]);
    start_many(sandbox);
    many(sandbox);
    others(sandbox, "");
}

/// Beside the least that can tell the same: one virsh that is kept open, and asks for nothing but that. In turns, for
/// what an answer costs it depends on what else the machine does.
fn many(sandbox: &Sandbox) {
    // Each turn waits at a pipe that nobody writes to: a process that sleeps would be a cost of its own.
    let turns = format!("while ! read -r -t 1 -u 3; do echo '{ASKED}'; done");
    let bare = format!("exec 3<> <(:); {turns} | TERM=dumb exec virsh -c {} >/dev/null", sandbox.uri());
    let mut beyond: Vec<f64> = (0..TURNS)
        .map(|_| {
            let ours =
                watch(&format!("vmtools monitor, {MANY} VMs"), sandbox.vmtools(&["monitor", "--json"]));
            ours - watch("virsh domstats in an open virsh", sandbox.command("bash", &["-c", &bare]))
        })
        .collect();
    beyond.sort_by(f64::total_cmp);
    println!("vmtools monitor beyond virsh domstats: {:.3} % of a processor", beyond[TURNS / 2]);
}

fn others(sandbox: &Sandbox, vm: &str) {
    let each = format!("while sleep 1; do virsh -c {} domstats --raw {vm} >/dev/null; done", sandbox.uri());
    watch(&format!("virsh domstats {vm} each second"), sandbox.command("sh", &["-c", &each]));
    let there = sandbox.command("sh", &["-c", "command -v virt-top || true"]).run().success();
    if there.stdout.is_empty() {
        return println!("virt-top: skipped: it is not there");
    }
    let words = ["--connect", sandbox.uri(), "--script", "--csv", "/dev/null", "-d", "1"];
    watch("virt-top", sandbox.command("virt-top", &words).env("TERM", "dumb"));
}

/// VMs with nothing in them: their firmware finds nothing to boot and halts.
fn start_many(sandbox: &Sandbox) {
    let mut script = String::new();
    for number in 0..MANY {
        let xml = format!(
            "<domain type='qemu'><name>idle-{number}</name><memory unit='MiB'>32</memory>\
             <os><type arch='x86_64' machine='pc'>hvm</type></os><devices>\
             <interface type='network'><source network='default'/></interface></devices></domain>"
        );
        let file = sandbox.home().join(format!("idle-{number}.xml"));
        fs::write(&file, xml).unwrap();
        script.push_str(&format!("define {}\nstart idle-{number}\n", file.display()));
    }
    sandbox.command("virsh", &["-c", sandbox.uri()]).stdin(script).timeout(UP).run().success();
}

/// Ten samples a second for a while: the processor time of one, by QMP.
fn sample_time(sandbox: &Sandbox) {
    let mut watching = sandbox.vmtools(&["monitor", "web", "--json", "--interval", "100ms"]).spawn();
    settle();
    let (before, from) = (cpu(watching.pid()).0, watching.stdout().lines().count());
    sleep_for(SPAN / 3);
    let (used, samples) = (cpu(watching.pid()).0 - before, watching.stdout().lines().count() - from);
    println!("a sample by QMP: {:.2} ms of processor time", used.as_secs_f64() * 1000.0 / samples as f64);
}

/// Prints what the command costs once it is under way, and gives the percents of a processor.
fn watch(name: &str, command: Cmd) -> f64 {
    let mut watching = command.spawn();
    settle();
    let (before, began) = (cpu(watching.pid()).0, Instant::now());
    sleep_for(SPAN);
    let percent = (cpu(watching.pid()).0 - before).as_secs_f64() / began.elapsed().as_secs_f64() * 100.0;
    let (rss, pss) = memory(watching.pid());
    println!("{name:<34} {percent:>8.3} {rss:>10} {pss:>10}");
    watching.signal_group("TERM");
    let _: Run = watching.wait(Duration::from_secs(30));
    percent
}

/// Until it has begun, and what is done once is done.
fn settle() {
    sleep_for(Duration::from_secs(3));
}

/// A span of time is what is measured here, not a condition that is waited for.
pub fn sleep_for(span: Duration) {
    std::thread::sleep(span);
}

/// The process and all below it.
fn family(pid: u32) -> Vec<u32> {
    let mut family = vec![pid];
    let mut at = 0;
    while let Some(pid) = family.get(at) {
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        family.extend(children.split_ascii_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        at += 1;
    }
    family
}

/// The processor time of the process and all below it, with what those that ended have used, and the process' own.
pub fn cpu(pid: u32) -> (Duration, Duration) {
    let of = |pid: &u32| {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let own: u64 = threads
            .filter_map(|thread| {
                let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
                text.split_ascii_whitespace().next()?.parse::<u64>().ok()
            })
            .sum();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_ascii_whitespace();
        // Hundredths of a second, of children that were waited for.
        let ended: u64 = fields.skip(13).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        Duration::from_nanos(own) + Duration::from_millis(ended * 10)
    };
    (family(pid).iter().map(of).sum(), of(&pid))
}

/// The resident memory of the process and all below it, and their share of it.
fn memory(pid: u32) -> (u64, u64) {
    let of = |pid: u32, key: &str| {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    let sum = |key: &str| family(pid).into_iter().map(|pid| of(pid, key)).sum();
    (sum("Rss:"), sum("Pss:"))
}
