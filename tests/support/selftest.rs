//! The support's own tests: guests boot in a sandbox and answer, and nothing outlives it. They use
//! virsh and hand-written XML, never the program under test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

#[path = "mod.rs"]
mod support;

mod suite_selftest;

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use support::{Cmd, Fault, HttpServer, Kind, Network, Sandbox, TestEnv, poll, sandbox_or_skip, wait_for};

const MINUTE: Duration = Duration::from_secs(60);
const BOOT: Duration = Duration::from_secs(180);
const NAT: &str = "<interface type='network'><source network='default'/><model type='virtio'/></interface>";

#[test]
fn a_system_guest_boots_and_answers() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let guest = Guest::define(&sandbox, &image, NAT);
    sandbox.virsh(&["start", "web"]);
    let address = guest.lease();
    guest.answers(&address, "22");
    // The agent answers too, which the busybox guest has for the sake of speed.
    guest.agent_answers();
    guest.serial_has("vmtools-guest: ready");
    guest.shuts_down();
}

#[test]
fn a_session_guest_answers_by_passt() {
    let sandbox = sandbox_or_skip!(Sandbox::session());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let guest = Guest::define(
        &sandbox,
        &image,
        "<interface type='user'><backend type='passt'/><model type='virtio'/>
         <portForward proto='tcp' address='127.0.0.1'><range start='2222' to='22'/></portForward></interface>",
    );
    sandbox.virsh(&["start", "web"]);
    guest.answers("127.0.0.1", "2222");
    guest.serial_has("vmtools-guest: ready");
    guest.shuts_down();
}

#[test]
fn a_session_guest_answers_by_slirp() {
    let sandbox = sandbox_or_skip!(Sandbox::builder().without_passt().session());
    assert!(!sandbox.command("passt", &["--version"]).run().status.success(), "passt is hidden");
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let guest = Guest::define(&sandbox, &image, "<interface type='user'><model type='virtio'/></interface>");
    sandbox.virsh(&["start", "web"]);
    let added =
        sandbox.virsh(&["qemu-monitor-command", "web", "--hmp", "hostfwd_add tcp:127.0.0.1:2223-:22"]);
    assert_eq!(added.stdout.trim(), "", "{added}");
    guest.answers("127.0.0.1", "2223");
    guest.serial_has("vmtools-guest: ready");
    guest.shuts_down();
}

#[test]
fn nothing_outlives_a_sandbox() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let _guest = Guest::define(&sandbox, &image, "");
    sandbox.virsh(&["start", "web"]);
    let mut running = sandbox.command("sleep", &["1000"]).spawn();
    let pid = running.pid();
    assert!(sandbox.processes().iter().any(|line| line.contains("guest=web")), "{:?}", sandbox.processes());
    let root = sandbox.root().to_path_buf();
    let name = root.file_name().unwrap().to_str().unwrap().to_string();
    drop(sandbox);
    assert!(!root.exists());
    assert!(!Path::new(&format!("/proc/{pid}/root")).exists() || !running.is_running());
    let left = poll(Duration::from_secs(5), || processes_with(&name).is_empty().then_some(()));
    assert!(left.is_some(), "{:?}", processes_with(&name));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&name), "{mounts}");
}

/// By `leaks.sh`, cargo's runner in `./build.sh test`.
#[test]
#[expect(clippy::disallowed_methods, reason = "the runner is started as cargo starts it, in no sandbox")]
fn a_test_run_that_leaves_something_fails() {
    let leaks = |script: &str| {
        let runner = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/leaks.sh");
        let mut command = std::process::Command::new(runner);
        // What this test's own run is known by is not the inner one's.
        command.env_remove("VMTOOLS_TEST_RUN").env("VMTOOLS_TEST_LEAK_SECONDS", "1");
        let output =
            command.args(["bash", "-c", script]).stdin(std::process::Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(leaks("exit 0"), (Some(0), String::new()));
    assert_eq!(leaks("exit 3"), (Some(3), String::new()));
    // A test's folder, a process that has it for its home, and one of the run's own environment. They end themselves.
    let folder =
        leaks("mkdir ${TMPDIR:-/tmp}/vmt-$$-0; (sleep 4; rmdir ${TMPDIR:-/tmp}/vmt-$$-0) >/dev/null 2>&1 &");
    let process = leaks("HOME=/tmp/vmt-env-$$-0 setsid -f sleep 4 >/dev/null 2>&1");
    let marked = leaks("setsid -f sleep 5 >/dev/null 2>&1; exit 4");
    let mount = leaks(
        "unshare --mount bash -c 'mount -t tmpfs tmpfs /mnt; mkdir /mnt/vmt-'$$'-0; \
        mount --bind /mnt/vmt-'$$'-0 /mnt; exec env -i setsid -f sleep 6 >/dev/null 2>&1'",
    );
    for ((code, said), expected, left) in [
        (folder, 1, "file: "),
        (process, 1, ": sleep 4 (network namespace net:"),
        (marked, 4, ": sleep 5 "),
        (mount, 1, ": sleep 6 "),
    ] {
        assert_eq!(code, Some(expected), "{said}");
        assert!(said.contains("left behind:") && said.contains(left), "{left}: {said}");
    }
}

#[test]
fn a_panicking_test_leaves_nothing() {
    let sandbox = sandbox_or_skip!(Sandbox::session());
    let root = sandbox.root().to_path_buf();
    let outcome = std::thread::spawn(move || {
        assert!(sandbox.domains().is_empty());
        panic!("on purpose");
    })
    .join();
    assert!(outcome.is_err());
    assert!(!root.exists());
}

#[test]
fn a_frozen_daemon_hangs_and_a_stopped_one_refuses() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    sandbox.libvirtd_freeze();
    let mut asked = sandbox.virsh_command(&["list"]).spawn();
    assert!(poll(Duration::from_secs(1), || (!asked.is_running()).then_some(())).is_none());
    sandbox.libvirtd_thaw();
    asked.wait(MINUTE).success();
    sandbox.libvirtd_stop();
    sandbox.virsh_command(&["list"]).run().code(1).stderr_has("failed to connect");
    sandbox.libvirtd_start();
    sandbox.virsh(&["list"]);
    sandbox.libvirtd_kill();
    wait_for("the refusal", MINUTE, || {
        (!sandbox.virsh_command(&["list"]).run().status.success()).then_some(())
    });
    sandbox.libvirtd_start();
    assert_eq!(sandbox.virsh(&["net-list", "--name"]).lines(), ["default"]);
}

#[test]
fn commands_are_signalled_timed_and_judged() {
    let sandbox = sandbox_or_skip!(Sandbox::session());
    let mut trap = sandbox
        .command("bash", &["-c", "trap 'echo caught; exit 130' INT; echo up; while :; do sleep 0.1; done"])
        .spawn();
    wait_for("its start", MINUTE, || trap.stdout().contains("up").then_some(()));
    trap.signal("INT");
    trap.wait(MINUTE).code(130).stdout_has("caught");
    let echo = sandbox.command("cat", &["-"]).stdin(r#"{"a": 1}"#).run().success();
    assert_eq!(echo.json()["a"], 1);
    let who = sandbox.exec(&["sh", "-c", "id -un; echo $HOME; pwd; hostname"]);
    assert!(who.stdout.starts_with("vmtester\n"), "{who}");
    sandbox.tmpfs_at(sandbox.tmp().join("full"), "64k");
    let full =
        sandbox.command("dd", &["if=/dev/zero", "of=full/x", "bs=128k", "count=1"]).cwd(sandbox.tmp()).run();
    full.code(1).stderr_has("No space left");
    sandbox.fake_tool("virsh", "echo fake; exit 3");
    sandbox.virsh_command(&["list"]).run().code(3).stdout_has("fake");
    sandbox.real_tool("virsh");
    assert_eq!(sandbox.count_processes(&["--version"]).of("virsh"), 0);
}

#[test]
fn files_are_served_counted_and_spoilt_on_either_side() {
    let env = TestEnv::new();
    let file = env.write("www/a.img", &"0123456789".repeat(1000));
    let dir = file.parent().unwrap();
    check_server(HttpServer::start(dir), |url| {
        // The outside has no fetching tool that is sure to be there: the sandbox's test has busybox's.
        let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let mut stream = std::net::TcpStream::connect(host).unwrap();
        write!(stream, "GET /{path} HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.contains("200 OK"), body.to_string())
    });
    let sandbox = sandbox_or_skip!(Sandbox::builder().network(Network::None).session());
    check_server(sandbox.serve(dir), |url| {
        let run = sandbox.command("busybox", &["wget", "-q", "-O", "-", url]).run();
        (run.status.success() || run.stderr.is_empty(), run.stdout)
    });
}

fn check_server(mut server: HttpServer, fetch: impl Fn(&str) -> (bool, String)) {
    let url = server.url("a.img");
    let (ok, body) = fetch(&url);
    assert!(ok && body.len() == 10_000, "{body}");
    server.fault("a.img", Some(Fault::Truncate(100)));
    assert_eq!(fetch(&url).1.len(), 100);
    server.fault("a.img", Some(Fault::Html));
    assert!(fetch(&url).1.contains("log in"));
    server.fault("a.img", Some(Fault::NotFound));
    assert!(!fetch(&url).0);
    server.fault("a.img", None);
    assert!(fetch(&url).0);
    assert!(!fetch(&server.url("../../etc/passwd")).0);
    assert_eq!(server.count("a.img"), 5, "{:?}", server.requests());
}

#[test]
fn the_hermetic_environment_runs_the_program() {
    let env = TestEnv::new();
    let run = env.vmtools(&["--version"]).run();
    assert!(run.status.code().is_some(), "{run}");
}

/// The command lines of the machine's processes that hold this.
fn processes_with(text: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(text))
        .collect()
}

/// A guest named `web`, made by hand, with keys of its own.
struct Guest<'a> {
    sandbox: &'a Sandbox,
    dir: PathBuf,
}

impl<'a> Guest<'a> {
    fn define(sandbox: &'a Sandbox, image: &Path, interface: &str) -> Self {
        let dir = sandbox.tmp().join("guest");
        sandbox.exec(&["mkdir", "-p", "-m", "755", dir.to_str().unwrap()]);
        let guest = Self { sandbox, dir };
        guest.write_seed();
        let xml = format!(
            "<domain type='qemu'><name>web</name><memory unit='MiB'>{memory}</memory><vcpu>1</vcpu>
             <os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features><cpu mode='maximum'/>
             <devices>
             <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{image}'/><target dev='vda' bus='virtio'/></disk>
             <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{dir}/seed'/><target dev='vdb' bus='virtio'/><readonly/></disk>
             {interface}
             <serial type='file'><source path='{dir}/serial.log'/></serial>
             <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
             </devices></domain>",
            memory = if image.ends_with("debian.qcow2") { 1024 } else { 256 },
            image = image.display(),
            dir = guest.dir.display(),
        );
        guest.shell("cat >web.xml", &xml);
        sandbox.virsh(&["define", "--validate", guest.dir.join("web.xml").to_str().unwrap()]);
        guest
    }

    fn write_seed(&self) {
        self.shell(
            r#"set -e
            ssh-keygen -q -t ed25519 -N '' -f host
            ssh-keygen -q -t ed25519 -N '' -f user
            private=$(awk '{ printf "%s\\n", $0 }' host)
            cat >user-data <<END
#cloud-config
{"users": [{"name": "tester", "ssh_authorized_keys": ["$(cat user.pub)"]}],
 "ssh_keys": {"ed25519_private": "$private", "ed25519_public": "$(cat host.pub)"}}
END
            echo '{"instance-id": "i-1", "local-hostname": "web"}' >meta-data
            truncate -s 2M seed
            mkfs.vfat -n CIDATA seed
            mcopy -i seed user-data meta-data ::
            chmod 644 seed"#,
            "",
        );
    }

    /// Ssh admits the user's key, and the host's key is the pinned one.
    fn answers(&self, address: &str, port: &str) {
        let known = "echo \"[$1]:$2 $(cat host.pub)\" >known; [ \"$2\" != 22 ] || echo \"$1 $(cat host.pub)\" >>known";
        self.command(&["sh", "-c", known, "sh", address, port]).run().success();
        let options = [
            "-i",
            "user",
            "-o",
            "UserKnownHostsFile=known",
            "-o",
            "StrictHostKeyChecking=yes",
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=3",
            "-p",
            port,
        ];
        let mut ssh = vec!["ssh"];
        ssh.extend(options);
        let login = format!("tester@{address}");
        ssh.extend([login.as_str(), "hostname; id -un; cloud-init status --format json --wait"]);
        let mut last = None;
        poll(BOOT, || {
            let run = last.insert(self.command(&ssh).run());
            run.status.success().then_some(())
        });
        let run = last.unwrap();
        assert!(run.status.success(), "{run}\n{}", self.serial());
        assert!(run.stdout.starts_with("web\ntester\n"), "{run}");
        assert!(run.stdout.contains(r#""status": "done""#), "{run}");
        eprintln!("ssh answered {:.1?} after define", self.age());
    }

    fn lease(&self) -> String {
        wait_for("a lease", BOOT, || {
            let leases = self.sandbox.virsh(&["domifaddr", "web", "--full", "--source", "lease"]).stdout;
            leases.split_whitespace().find_map(|word| word.strip_suffix("/24").map(str::to_string))
        })
    }

    fn agent_answers(&self) {
        let ping = self.sandbox.virsh_command(&["qemu-agent-command", "web", r#"{"execute":"guest-ping"}"#]);
        wait_for("the agent", MINUTE, || ping.clone().run().status.success().then_some(()));
    }

    fn serial_has(&self, text: &str) {
        wait_for(text, MINUTE, || self.serial().contains(text).then_some(()));
    }

    fn shuts_down(&self) {
        self.sandbox.virsh(&["shutdown", "web", "--mode", "acpi"]);
        wait_for("off", MINUTE, || (self.sandbox.state("web") == "shut off").then_some(()));
        let kind = self.sandbox.kind();
        assert_eq!(self.sandbox.domains(), ["web"], "{kind:?}");
        assert!(matches!(kind, Kind::System | Kind::Session));
    }

    fn age(&self) -> Duration {
        fs::metadata(self.dir.join("web.xml")).unwrap().modified().unwrap().elapsed().unwrap_or_default()
    }

    fn serial(&self) -> String {
        let log = self.sandbox.as_root("cat", &[self.dir.join("serial.log")]).run();
        log.stdout
    }

    fn command(&self, argv: &[&str]) -> Cmd {
        self.sandbox.command(argv[0], &argv[1..]).cwd(&self.dir)
    }

    fn shell(&self, script: &str, stdin: &str) {
        self.command(&["sh", "-c", script]).stdin(stdin).run().success();
    }
}
