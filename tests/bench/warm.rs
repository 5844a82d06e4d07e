//! A create that goes on from a warm state beside one that boots, to ssh: time, QEMU's processor time, disk. Nothing else
//! that creates VMs on libvirt has the like, so there is nothing else to compare with.

use std::path::Path;
use std::time::{Duration, Instant};

use super::support::{Background, Cmd, Sandbox};

const LIMIT: Duration = Duration::from_secs(600);

/// What a create took.
struct Took {
    seconds: f64,
    qemu_seconds: f64,
    disk_mib: f64,
}

/// With the Debian guest: the busybox one has no Python.
pub fn measure(sandbox: &Sandbox, _busybox: &Path) {
    let image = match sandbox.debian_image() {
        Ok(image) => image,
        Err(skip) => return println!("skipped: {skip}"),
    };
    println!(
        "{:<34} {:>9} {:>9} {:>9}",
        "create --start --wait=ssh, 512 MiB", "seconds", "QEMU s", "disk MiB"
    );
    let cold = timed(sandbox, &image, "cold", &["--no-warm"]);
    show("boots", &cold);
    let began = Instant::now();
    let make = ["image", "warm", image.to_str().unwrap(), "-m", "512", "-c", "1", "-d", "4"];
    sandbox.vmtools(&make).timeout(LIMIT).run().success();
    println!("{:<34} {:>9.1}", "image warm, once", began.elapsed().as_secs_f64());
    let mut rounds: Vec<Took> = (0..5).map(|_| timed(sandbox, &image, "warm", &["--warm"])).collect();
    rounds.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let warm = &rounds[rounds.len() / 2];
    show("from a warm state, median of 5", warm);
    println!(
        "{:<34} {:>9.3} {:>9.3}",
        "ratio",
        warm.seconds / cold.seconds,
        warm.qemu_seconds / cold.qemu_seconds
    );
    let began = Instant::now();
    let three: Vec<Background> =
        ["a", "b", "c"].iter().map(|name| create(sandbox, &image, name, &["--warm"]).spawn()).collect();
    three.into_iter().for_each(|one| drop(one.wait(LIMIT).success()));
    let seconds = began.elapsed().as_secs_f64();
    println!("{:<34} {seconds:>9.2}   {:.2} times one", "three at once", seconds / warm.seconds);
}

fn create(sandbox: &Sandbox, image: &Path, name: &str, more: &[&str]) -> Cmd {
    let image = image.to_str().unwrap();
    let mut args = vec!["create", name, "--image", image, "-m", "512", "-c", "1", "-d", "4"];
    args.extend(["--start", "--wait=ssh", "--timeout", "10m"]);
    args.extend(more);
    sandbox.vmtools(&args).timeout(LIMIT)
}

fn timed(sandbox: &Sandbox, image: &Path, name: &str, more: &[&str]) -> Took {
    let began = Instant::now();
    create(sandbox, image, name, more).run().success();
    let seconds = began.elapsed().as_secs_f64();
    let status = sandbox.vmtools(&["status", name, "--json"]).run().success().json();
    let took = Took {
        seconds,
        qemu_seconds: status["cpu_time_seconds"].as_f64().unwrap(),
        disk_mib: status["disks"][0]["allocation_bytes"].as_f64().unwrap() / f64::from(1 << 20),
    };
    sandbox.vmtools(&["delete", "--force", name]).run().success();
    took
}

fn show(name: &str, took: &Took) {
    println!("{name:<34} {:>9.2} {:>9.2} {:>9.2}", took.seconds, took.qemu_seconds, took.disk_mib);
}
