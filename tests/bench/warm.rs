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
pub fn measure(sandbox: &Sandbox, busybox: &Path) {
    networks(sandbox, busybox);
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

/// What a network as libvirt ships its `default` costs a guest that asks for its address two seconds after its start:
/// STP and dnsmasq's ping. The sandbox' own has neither, as those of vmtools.
fn networks(sandbox: &Sandbox, busybox: &Path) {
    let slow = "<network><name>slow</name><forward mode='nat'/><bridge name='slow0' stp='on' delay='0'/>\
         <ip address='192.168.77.1' netmask='255.255.255.0'><dhcp><range start='192.168.77.2' end='192.168.77.99'/>\
         </dhcp></ip></network>";
    let file = sandbox.home().join("slow.xml");
    std::fs::write(&file, slow).unwrap();
    sandbox.virsh(&["net-define", file.to_str().unwrap()]);
    println!("{:<34} {:>9}", "a small guest, cold, to ssh", "seconds");
    for (network, name) in [("slow", "with STP and ping"), ("default", "without")] {
        let mut rounds: Vec<f64> = (0..3)
            .map(|_| {
                let image = busybox.to_str().unwrap();
                let args = ["create", "web", "--image", image, "-m", "256", "-c", "1", "-d", "1"];
                let more = ["--network", network, "--start", "--wait=ssh"];
                let began = Instant::now();
                sandbox.vmtools(&[&args[..], &more].concat()).timeout(LIMIT).run().success();
                let seconds = began.elapsed().as_secs_f64();
                sandbox.vmtools(&["delete", "--force", "web"]).run().success();
                seconds
            })
            .collect();
        rounds.sort_by(f64::total_cmp);
        println!("{name:<34} {:>9.2}", rounds[1]);
    }
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
