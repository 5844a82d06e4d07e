//! vmtools beside virsh, interleaved, in a private libvirt: `cargo bench --bench compare`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark reports on stdout, panics when it cannot run, and starts what it measures"
)]

#[path = "../support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use support::{Cmd, Sandbox};

const VMTOOLS: &str = env!("CARGO_BIN_EXE_vmtools");

fn main() {
    if !std::env::args().any(|arg| arg == "--bench") {
        println!("skipped: run by cargo bench");
        return;
    }
    let sandbox = match Sandbox::system() {
        Ok(sandbox) => sandbox,
        Err(skip) => return println!("skipped: {skip}"),
    };
    println!("binary: {:.2} MiB", std::fs::metadata(VMTOOLS).unwrap().len() as f64 / 1_048_576.0);
    println!("{:<26} {:>28} {:>28} {:>6}", "", "vmtools ms (min..max)", "other ms (min..max)", "ratio");
    compare("--version vs /bin/true", 31, || plain(VMTOOLS, &["--version"]), || plain("/bin/true", &[]));
    let mut defined = 0;
    for count in [1, 100, 1000] {
        define(&sandbox, defined..count);
        defined = count;
        let ours = || timed(sandbox.vmtools(&["list", "--all"]));
        compare(&format!("list --all, {count}"), 9, ours, || {
            timed(sandbox.virsh_command(&["list", "--all"]))
        });
    }
    let theirs = || {
        ["domstate", "dominfo", "domblklist", "domiflist", "dumpxml", "snapshot-list"]
            .iter()
            .map(|verb| timed(sandbox.virsh_command(&[verb, "bench-0"])))
            .sum()
    };
    compare("status vs 6 virsh", 9, || timed(sandbox.vmtools(&["status", "bench-0"])), theirs);
    for args in [&["list", "--all"][..], &["status", "bench-0"], &["networks"]] {
        println!("processes of {}: {:?}", args[0], sandbox.count_processes(args).counts);
    }
}

fn define(sandbox: &Sandbox, which: std::ops::Range<usize>) {
    let mut script = String::new();
    for number in which {
        let file = sandbox.tmp().join(format!("{number}.xml"));
        let xml = format!(
            "<domain type='qemu'><name>bench-{number}</name><memory>65536</memory>\
             <os><type arch='x86_64' machine='q35'>hvm</type></os></domain>"
        );
        std::fs::write(&file, xml).unwrap();
        writeln!(script, "define {}", file.display()).unwrap();
    }
    sandbox.command("virsh", &["-q", "-c", sandbox.uri()]).stdin(script).run().success();
}

/// Entering the sandbox costs both sides the same; it is in both.
fn timed(command: Cmd) -> Duration {
    command.run().success().took
}

fn plain(program: &str, args: &[&str]) -> Duration {
    let start = Instant::now();
    assert!(Command::new(program).args(args).output().unwrap().status.success());
    start.elapsed()
}

fn compare(name: &str, rounds: usize, ours: impl Fn() -> Duration, theirs: impl Fn() -> Duration) {
    let (mut a, mut b): (Vec<Duration>, Vec<Duration>) = (0..rounds).map(|_| (ours(), theirs())).unzip();
    a.sort();
    b.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let cell = |times: &[Duration]| {
        format!("{:.1} ({:.1}..{:.1})", ms(times[rounds / 2]), ms(times[0]), ms(times[rounds - 1]))
    };
    let ratio = ms(a[rounds / 2]) / ms(b[rounds / 2]);
    println!("{name:<26} {:>28} {:>28} {ratio:>6.2}", cell(&a), cell(&b));
}
