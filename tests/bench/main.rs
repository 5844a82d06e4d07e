//! vmtools beside virsh and virt-install, in turns, in a private libvirt: `cargo bench --bench compare`.
//!
//! It prints, in this order:
//! - the size of the binary, and which processes the verbs start;
//! - `--version`, `list`, `list --json` and `set -d` at 1, 100 and 1000 defined VMs beside virsh, with the peak memory of
//!   `list`; `status`, `create`, `image pull`, `image import` and `clone` beside what others offer. Both are timed in
//!   turns; of each stand the median, the least and the most, and the ratio of the medians;
//! - snapshots of a running guest's disks, and how long it was held; a revert; a list of 50, and its processes;
//! - a create from a warm state beside one that boots;
//! - what `monitor` costs at 1 Hz, of one VM and of 100, and what of it goes beyond a bare `virsh domstats`;
//! - the stop of one guest and of 20.
//!
//! The program starts itself again inside the sandbox, where it times what it starts directly: entering
//! the sandbox for each would make both sides slower by the same and so seem more alike. With `-- --stops` it
//! measures only the stop of many guests, with `-- --monitors` only what it costs to watch, with `-- --waits` only what
//! it costs to wait, with `-- --snapshots` only snapshots, with `-- --warm` only warm starts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark reports on stdout, panics when it cannot run, and starts what it measures"
)]

mod compare;
mod images;
mod inside;
mod monitors;
mod snapshots;
mod stops;
#[path = "../support/mod.rs"]
mod support;
mod waits;
mod warm;

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use support::Sandbox;

/// All rounds together, on a slow machine.
const LIMIT: Duration = Duration::from_secs(1800);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--nothing"] => {}
        ["--inside", image] => inside::measure(image),
        ["--inside-snapshots", image] => snapshots::measure_inside(image),
        args if args.contains(&"--stops") => in_sandbox(stops::measure),
        args if args.contains(&"--monitors") => in_sandbox(monitors::measure),
        args if args.contains(&"--waits") => in_sandbox(waits::measure),
        args if args.contains(&"--snapshots") => in_sandbox(snapshots::measure),
        args if args.contains(&"--warm") => in_sandbox(warm::measure),
        // Each with nothing but its own VMs beside it.
        args if args.contains(&"--bench") => {
            [measure, snapshots::measure, warm::measure, monitors::measure, waits::measure, stops::measure]
                .into_iter()
                .for_each(in_sandbox);
        }
        _ => println!("skipped: run by cargo bench"),
    }
}

fn in_sandbox(measure: fn(&Sandbox, &Path)) {
    let sandbox = match Sandbox::system() {
        Ok(sandbox) => sandbox,
        Err(skip) => return println!("skipped: {skip}"),
    };
    let image = match sandbox.busybox_image() {
        Ok(image) => image,
        Err(skip) => return println!("skipped: {skip}"),
    };
    measure(&sandbox, &image);
}

fn measure(sandbox: &Sandbox, image: &Path) {
    println!("binary: {:.2} MB", std::fs::metadata(inside::VMTOOLS).unwrap().len() as f64 / 1e6);
    count_processes(sandbox, image);
    let myself = std::env::current_exe().unwrap();
    let words = [OsStr::new("--inside"), image.as_os_str()];
    let run = sandbox.command(myself, &words).timeout(LIMIT).run().success();
    print!("{}", run.stdout);
}

fn count_processes(sandbox: &Sandbox, image: &Path) {
    let image = image.to_str().unwrap();
    for args in [
        &["--version"][..],
        &["create", "web", "--image", image, "-m", "256", "-d", "1"],
        &["list", "--all"],
        &["list", "--all", "--json"],
        &["status", "web"],
        &["start", "web"],
        &["ip", "web"],
        &["stop", "--force", "web"],
        &["clone", "web", "low", "--linked"],
        &["delete", "--yes", "low"],
        &["delete", "--yes", "web"],
        &["networks"],
        &["config", "--show"],
    ] {
        let counted = sandbox.count_processes(args);
        println!("processes of {}: {:?}", args.join(" "), counted.counts);
    }
}
