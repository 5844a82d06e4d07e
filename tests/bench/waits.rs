//! What it costs to wait for a VM that has no address yet: processor time of vmtools, its virsh and the daemon.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::monitors::{cpu, sleep_for};
use super::support::{Cmd, Run, Sandbox};

/// How long each wait is watched, from its start on.
const SPAN: Duration = Duration::from_secs(40);
const MINUTE: Duration = Duration::from_secs(60);

pub fn measure(sandbox: &Sandbox, image: &Path) {
    println!("{:<38} {:>9} {:>9} {:>9} {:>9}", "CPU %", "vmtools", "virsh", "libvirtd", "together");
    watch(sandbox, "nobody waits", None);
    idle(sandbox, "idle", "");
    let agent = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>";
    idle(sandbox, "idle-agent", agent);
    for (vm, what) in [("idle", "ip"), ("idle-agent", "ip"), ("idle-agent", "agent"), ("idle", "ssh")] {
        let wait = sandbox.vmtools(&["wait", vm, "--for", what, "--timeout", "5m"]);
        watch(sandbox, &format!("wait {vm} --for {what}"), Some(wait));
    }
    let wait = sandbox.vmtools(&["wait", "idle", "--for", "stopped", "--timeout", "5m"]);
    watch(sandbox, "wait idle --for stopped", Some(wait));
    unplugged(sandbox, image);
}

/// A guest that is up, agent and all, and has no address since its network's cable is out.
fn unplugged(sandbox: &Sandbox, image: &Path) {
    let image = image.to_str().unwrap();
    let vmtools = |args: &[&str]| sandbox.vmtools(args).timeout(MINUTE * 5).run().success();
    vmtools(&["create", "web", "--image", image, "-m", "256", "-c", "1", "-d", "1"]);
    let mac = sandbox.virsh(&["domiflist", "web"]).stdout;
    let mac = mac.split_whitespace().find(|word| word.starts_with("52:54:")).unwrap();
    sandbox.virsh(&["domif-setlink", "web", mac, "down", "--config"]);
    vmtools(&["start", "web", "--wait=agent"]);
    for what in ["ip", "cloud-init"] {
        let wait = sandbox.vmtools(&["wait", "web", "--for", what, "--timeout", "5m"]);
        watch(sandbox, &format!("wait web (agent up) --for {what}"), Some(wait));
    }
}

/// A VM with nothing in it: its firmware finds nothing to boot and halts.
fn idle(sandbox: &Sandbox, name: &str, device: &str) {
    let xml = format!(
        "<domain type='qemu'><name>{name}</name><memory unit='MiB'>32</memory>\
         <os><type arch='x86_64' machine='pc'>hvm</type></os><devices>{device}\
         <interface type='network'><source network='default'/><link state='down'/></interface></devices></domain>"
    );
    let file = sandbox.home().join(format!("{name}.xml"));
    fs::write(&file, xml).unwrap();
    sandbox.virsh(&["define", file.to_str().unwrap()]);
    sandbox.vmtools(&["start", name]).run().success();
}

fn watch(sandbox: &Sandbox, name: &str, wait: Option<Cmd>) {
    let (daemon, began) = (daemon_cpu(sandbox), Instant::now());
    let mut waiting = wait.map(Cmd::spawn);
    sleep_for(SPAN);
    let (all, own) = waiting.as_mut().map_or_else(Default::default, |waiting| cpu(waiting.pid()));
    let daemon = daemon_cpu(sandbox) - daemon;
    let percent = |used: Duration| used.as_secs_f64() / began.elapsed().as_secs_f64() * 100.0;
    println!(
        "{name:<38} {:>9.3} {:>9.3} {:>9.3} {:>9.3}",
        percent(own),
        percent(all - own),
        percent(daemon),
        percent(all + daemon)
    );
    if let Some(mut waiting) = waiting {
        waiting.signal("INT");
        let _: Run = waiting.wait(MINUTE).code(130);
    }
}

/// The daemon's processor time, that of threads that ended too, in hundredths of a second.
fn daemon_cpu(sandbox: &Sandbox) -> Duration {
    let stat = sandbox.as_root("sh", &["-c", "cat /proc/$(cat /run/libvirtd.pid)/stat"]).run().success();
    let fields = stat.stdout.rsplit_once(')').unwrap().1.split_ascii_whitespace();
    let ticks: u64 = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}
