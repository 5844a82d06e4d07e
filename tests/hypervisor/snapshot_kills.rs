//! vmtools, libvirt's daemon and QEMU, each killed in the midst of a revert, a deletion and a create: what is said of the VM
//! next is true, it is the one or the other in whole, and nothing that is of today is lost.

use super::support::{
    Background, HeldCalls, HoldableDaemon, Network, Passing, Run, Sandbox, is_thorough, sandbox_or_skip,
};
use super::{MINUTE, create, own_volumes, unbootable_image};

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Killed {
    Vmtools,
    Libvirtd,
    Qemu,
    /// As when the host loses its power.
    All,
}

/// When.
#[derive(Clone, Copy, Debug)]
enum At {
    /// vmtools is about to ask virsh for that.
    Before(&'static str),
    /// virsh has been asked for it, and what comes next is not yet.
    After(&'static str),
    /// libvirt's daemon is at that step.
    Within(&'static str),
}

use At::{After, Before, Within};
use Killed::{All, Libvirtd, Qemu, Vmtools};

/// A VM with two disks, whose snapshot `s1` has the byte 1 in both.
struct Vm<'a> {
    sandbox: &'a Sandbox,
    daemon: &'a HoldableDaemon<'a>,
    disks: [String; 2],
    /// With what the snapshot of a VM that runs is made; `None` where it is shut off.
    live: Option<&'a str>,
}

impl<'a> Vm<'a> {
    fn new(daemon: &'a HoldableDaemon<'a>, live: Option<&'a str>) -> Self {
        let sandbox = daemon.sandbox();
        let image = unbootable_image(sandbox);
        create(sandbox, "web", &image, &["-n", "none", "-l", "which=then"]).run().success();
        sandbox.vmtools(&["disk", "add", "web", "64M"]).run().success();
        let status = sandbox.vmtools(&["status", "web", "--json"]).run().success().json();
        let own = status["disks"].as_array().unwrap().iter().filter(|disk| disk["format"] == "qcow2");
        let mut own = own.map(|disk| disk["path"].as_str().unwrap().to_owned());
        let disks = [own.next().unwrap(), own.next().unwrap()];
        daemon.hold_qemu_of("web");
        let vm = Self { sandbox, daemon, disks, live };
        vm.runs_or_not();
        vm.write(1);
        vm.vmtools(&["set", "web", "--label", "which=now"]).success();
        vm.vmtools(&["protect", "web"]).success();
        vm
    }

    fn vmtools(&self, args: &[&str]) -> Run {
        self.sandbox.vmtools(args).run()
    }

    /// Makes the snapshot, in its form.
    fn snapshot(&self, name: &str) {
        let form = self.live.into_iter();
        let args: Vec<&str> = ["snapshot", "create", "web", "--name", name].into_iter().chain(form).collect();
        self.vmtools(&args).success();
    }

    fn runs_or_not(&self) {
        match self.live {
            Some(_) => self.vmtools(&["start", "web"]).success(),
            None => self.vmtools(&["stop", "--force", "web"]).success(),
        };
    }

    /// Writes that byte to both disks, by QEMU where it runs.
    fn write(&self, byte: u8) {
        let write = format!("write -q -P {byte} 32M 1M");
        for (path, alias) in self.disks.iter().zip(["virtio-disk0", "virtio-disk2"]) {
            if self.live.is_some() {
                let hmp = format!("qemu-io -d /machine/peripheral/{alias}/virtio-backend \"{write}\"");
                let run = self.sandbox.virsh(&["qemu-monitor-command", "web", "--hmp", &hmp]);
                assert_eq!(run.stdout.trim(), "", "{run}");
            } else {
                self.sandbox.exec(&["qemu-io", "-f", "qcow2", "-c", &write, path]);
                // What a revert does in the same second could be that.
                self.sandbox.as_root("touch", &["-d", "-1 hour", path]).run().success();
            }
        }
    }

    /// The byte in each disk of a VM that is shut off.
    fn bytes(&self) -> [u8; 2] {
        [0, 1].map(|number| {
            let holds = |byte: &u8| {
                let read = format!("read -P {byte} 32M 1M");
                let args = ["-r", "-f", "qcow2", "-c", &read, &self.disks[number]];
                let run = self.sandbox.command("qemu-io", &args).run();
                run.stdout.contains("read 1048576/") && !run.stdout.contains("verification failed")
            };
            [1, 2].into_iter().find(holds).unwrap_or_default()
        })
    }

    /// The names of the snapshots in each of its disks.
    fn in_files(&self) -> [Vec<String>; 2] {
        [0, 1].map(|number| {
            let info = ["qemu-img", "info", "-U", "--output=json", &self.disks[number]];
            let info = self.sandbox.exec(&info).json();
            let snapshots = info["snapshots"].as_array().cloned().unwrap_or_default();
            snapshots.iter().map(|snapshot| snapshot["name"].as_str().unwrap().to_owned()).collect()
        })
    }

    fn kill(&self, killed: Killed, running: &mut Background) {
        if matches!(killed, Vmtools | All) {
            running.signal("KILL");
        }
        if matches!(killed, Libvirtd | All) {
            self.sandbox.libvirtd_kill();
        }
        if matches!(killed, Qemu | All) {
            let script =
                "pid=$(cat /run/libvirt/qemu/web.pid) && kill -KILL $pid && until [ ! -e /proc/$pid ] ||
                grep -q '^State:.Z' /proc/$pid/status; do sleep 0.02; done";
            let run = self.sandbox.as_root("sh", &["-c", script]).run();
            assert!(run.status.success() || killed == All, "{run}");
        }
    }

    /// Has it killed at that step, and starts libvirt's daemon anew. Gives how the command ended.
    #[track_caller]
    fn killed(&self, args: &[&str], killed: Killed, at: At) -> Run {
        let revive = || {
            if matches!(killed, Libvirtd | All) {
                self.sandbox.libvirtd_start();
            }
        };
        let start = || self.sandbox.vmtools(args).spawn();
        match at {
            Within(step) => {
                let held = self.daemon.hold(step);
                let mut running = start();
                held.await_step(&mut running);
                self.kill(killed, &mut running);
                held.go_on();
                revive();
                running.wait(MINUTE * 2)
            }
            Before(call) | After(call) => {
                let passing = if matches!(at, Before(_)) { Passing::Kept } else { Passing::Passed };
                let held = HeldCalls::hold(self.sandbox, call, passing);
                let mut running = start();
                held.await_call(&mut running);
                self.kill(killed, &mut running);
                revive();
                held.go_on();
                running.wait(MINUTE * 2)
            }
        }
    }

    fn stored(&self) -> String {
        self.sandbox.virsh(&["dumpxml", "--inactive", "web"]).stdout
    }

    /// What is of today is there, and nothing of a revert or a deletion is left.
    #[track_caller]
    fn is_whole(&self, snapshots: &[&str], files: &[String], shown: &str) {
        let xml = self.stored();
        assert!(!xml.contains("urn:vmtools:reverting"), "{shown}");
        assert!(xml.contains("urn:vmtools:protected") && xml.contains("value=\"now\""), "{shown}: {xml}");
        let listed = self.vmtools(&["snapshot", "list", "web", "--json"]).success().json();
        let listed = listed.as_array().unwrap();
        let names: Vec<&str> = listed.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, snapshots, "{shown}");
        for one in listed {
            let is_whole = one["recorded"] == true && one["unfinished"] == false;
            assert!(is_whole && one["missing_in"] == serde_json::json!([]), "{shown}: {one}");
            let document = self.sandbox.virsh(&["snapshot-dumpxml", "web", one["name"].as_str().unwrap()]);
            assert!(!document.stdout.contains("urn:vmtools:reverting"), "{shown}");
        }
        assert_eq!(self.in_files(), [names.clone(), names], "{shown}");
        assert_eq!(own_volumes(self.sandbox), files, "{shown}");
        let journals = self.sandbox.home().join(".local/state/vmtools/reverts");
        assert_eq!(self.sandbox.files_under(journals), Vec::<String>::new(), "{shown}");
    }
}

/// Of all cases those that CI has time for.
fn chosen<T>(quick: usize, cases: &[T]) -> &[T] {
    if is_thorough() { cases } else { &cases[..quick] }
}

/// A revert, killed: whether the VM is as it was then, or as it was before.
fn reverts(live: Option<&str>, cases: &[(Killed, At, bool)]) {
    let sandbox = sandbox_or_skip!(Sandbox::builder().network(Network::None).system());
    let daemon = HoldableDaemon::start(&sandbox);
    let vm = Vm::new(&daemon, live);
    vm.snapshot("s1");
    let files = own_volumes(&sandbox);
    for (number, (killed, at, is_reverted)) in cases.iter().enumerate() {
        vm.runs_or_not();
        vm.write(2);
        vm.vmtools(&["set", "web", "-m", "300"]).success();
        let run = vm.killed(&["snapshot", "revert", "web", "s1", "--yes"], *killed, *at);
        let next = match number % 2 {
            0 => vm.vmtools(&["gc"]).success(),
            _ => vm.vmtools(&["set", "web", "--label", "which=now"]).success(),
        };
        let state = sandbox.state("web");
        let shown = format!("{live:?}, {killed:?} killed {at:?}: {run}\nthen {next}\nand is {state}");
        if state != "shut off" {
            sandbox.virsh(&["destroy", "web"]);
        }
        let expected = if *is_reverted { (262_144, [1, 1]) } else { (307_200, [2, 2]) };
        let xml = vm.stored();
        let kib = xml.split("<memory unit='KiB'>").nth(1).unwrap().split('<').next().unwrap();
        assert_eq!((kib.parse().unwrap(), vm.bytes()), expected, "{shown}");
        vm.is_whole(&["s1"], &files, &shown);

        let said = format!("{}{}", run.stderr, next.stderr);
        let is_done = run.status.success() || said.contains("it has been completed");
        assert_eq!(is_done, *is_reverted, "{shown}");
        assert!(!is_done || !said.contains("web is unchanged"), "{shown}");
        // What ran runs, but for one whose QEMU was killed when all was done.
        let is_over = match killed {
            Qemu => run.stdout.contains("shut off"),
            All => state == "shut off",
            Vmtools | Libvirtd => false,
        };
        let runs = live.is_some() && !is_over;
        assert_eq!(state, if runs { "running" } else { "shut off" }, "{shown}");
    }
}

#[test]
fn a_revert_of_a_vm_that_is_off_is_done_in_whole_or_not_at_all() {
    let cases = [
        (Libvirtd, Within("qemu-img snapshot*-a*vdc"), true),
        (Vmtools, Within("qemu-img snapshot*-a"), true),
        (Libvirtd, Within("qemu-img snapshot*-a"), false),
        (All, Within("qemu-img snapshot*-a"), false),
        (All, Within("qemu-img snapshot*-a*vdc"), true),
        (Libvirtd, Before("snapshot-create --redefine"), false),
        (Libvirtd, Before("metadata --config"), false),
        (Libvirtd, Before("metadata --remove"), true),
    ];
    reverts(None, chosen(1, &cases));
}

#[test]
fn a_revert_of_a_vm_that_runs_to_its_memory_is_done_in_whole_or_not_at_all() {
    let cases = [
        (Libvirtd, Within("started begin"), true),
        (Qemu, Within("qemu-system"), true),
        (Vmtools, Before("metadata --live"), false),
        (Vmtools, Before("snapshot-revert"), false),
        (Vmtools, Within("stopped end"), true),
        (Vmtools, Within("started begin"), true),
        (Vmtools, Before("metadata --remove"), true),
        (Libvirtd, Before("snapshot-create --redefine"), false),
        (Libvirtd, Before("metadata --live"), false),
        (Libvirtd, Within("stopped end"), true),
        (Libvirtd, Within("prepare begin"), true),
        (Libvirtd, Within("start begin"), true),
        (Libvirtd, Within("qemu-system"), true),
        (Libvirtd, Before("metadata --remove"), true),
        (Qemu, Before("snapshot-revert"), true),
        (Qemu, Within("started begin"), true),
        (Qemu, Before("metadata --remove"), true),
        (All, Within("stopped end"), true),
        (All, Within("started begin"), true),
    ];
    reverts(Some("--memory"), chosen(2, &cases));
}

#[test]
fn a_revert_of_a_vm_that_runs_to_its_disks_is_done_in_whole_or_not_at_all() {
    let cases = [
        (Libvirtd, Within("started begin"), true),
        (Vmtools, Within("stopped end"), true),
        (Vmtools, Within("qemu-img snapshot*-a"), true),
        (Vmtools, Before("snapshot-revert"), false),
        (Libvirtd, Within("stopped end"), true),
        (Libvirtd, Within("qemu-img snapshot*-a"), true),
        (Libvirtd, Within("qemu-img snapshot*-a*vdc"), true),
        (Libvirtd, Within("prepare begin"), true),
        (Libvirtd, Within("qemu-system"), true),
        (Qemu, Before("snapshot-revert"), true),
        (Qemu, Within("qemu-system"), true),
        (Qemu, Within("started begin"), true),
        (All, Within("qemu-img snapshot*-a*vdc"), true),
        (All, Within("started begin"), true),
    ];
    reverts(Some("--no-memory"), chosen(1, &cases));
}

/// A deletion, killed: whether the snapshot stays. `gc`, or the next create, ends it, and of what is there and what is gone
/// nothing is half there.
fn deletions(live: Option<&str>, cases: &[(Killed, At, bool)]) {
    let sandbox = sandbox_or_skip!(Sandbox::builder().network(Network::None).system());
    let daemon = HoldableDaemon::start(&sandbox);
    let vm = Vm::new(&daemon, live);
    vm.snapshot("kept");
    let files = own_volumes(&sandbox);
    for (number, (killed, at, stays)) in cases.iter().enumerate() {
        vm.runs_or_not();
        vm.snapshot("s1");
        let run = vm.killed(&["snapshot", "delete", "web", "s1", "--yes"], *killed, *at);
        let mut left = vec!["kept"];
        let next = match number % 2 {
            0 => vm.vmtools(&["gc"]).success(),
            _ => {
                vm.runs_or_not();
                left.push("next");
                vm.vmtools(&["snapshot", "create", "web", "--name", "next"]).success()
            }
        };
        let shown = format!("{live:?}, {killed:?} killed {at:?}: {run}\nthen {next}");
        if *stays {
            left.insert(1, "s1");
        }
        vm.is_whole(&left, &files, &shown);
        assert_eq!(run.status.success(), !stays && matches!(killed, Libvirtd | Qemu), "{shown}");
        for name in left.iter().skip(1) {
            vm.vmtools(&["snapshot", "delete", "web", name, "--yes"]).success();
        }
        vm.is_whole(&["kept"], &files, &shown);
    }
}

#[test]
fn a_deletion_of_a_vm_that_is_off_is_done_in_whole_or_not_at_all() {
    let cases = [
        (All, Within("qemu-img snapshot*-d*vdc"), false),
        (Vmtools, Before("snapshot-create --redefine"), true),
        (Vmtools, Before("snapshot-delete"), false),
        (Vmtools, Within("qemu-img snapshot*-d"), false),
        (Libvirtd, Within("qemu-img snapshot*-d"), false),
        (Libvirtd, Within("qemu-img snapshot*-d*vdc"), false),
        (All, Within("qemu-img snapshot*-d"), false),
    ];
    deletions(None, chosen(1, &cases));
}

#[test]
fn a_deletion_of_a_vm_that_runs_is_done_in_whole_or_not_at_all() {
    let cases = [
        (Libvirtd, After("snapshot-delete"), false),
        (Vmtools, Before("snapshot-delete"), false),
        (Vmtools, After("snapshot-delete"), false),
        (Libvirtd, Before("snapshot-delete"), false),
        (Qemu, Before("snapshot-delete"), false),
        (Qemu, After("snapshot-delete"), false),
        (All, Before("snapshot-delete"), false),
        (All, After("snapshot-delete"), false),
    ];
    deletions(Some("--memory"), chosen(1, &cases));
}

/// A create of a VM that is off, which libvirt does disk by disk, killed between the two.
#[test]
fn a_create_that_libvirt_has_done_a_part_of_leaves_nothing_half_there() {
    let sandbox = sandbox_or_skip!(Sandbox::builder().network(Network::None).system());
    let daemon = HoldableDaemon::start(&sandbox);
    let vm = Vm::new(&daemon, None);
    let files = own_volumes(&sandbox);
    for (killed, left) in [(Libvirtd, &[][..]), (Vmtools, &["s1"])] {
        let create = ["snapshot", "create", "web", "--name", "s1"];
        let run = vm.killed(&create, killed, Within("qemu-img snapshot*-c*vdc"));
        let next = vm.vmtools(&["gc"]).success();
        let shown = format!("{killed:?}: {run}\nthen {next}");
        vm.is_whole(left, &files, &shown);
        assert!(!run.status.success(), "{shown}");
        if !left.is_empty() {
            vm.vmtools(&["snapshot", "delete", "web", "s1", "--yes"]).success();
        }
    }
}
