# vmtools' helper in a guest whose running state is kept, or copied. It waits in that state for one command, which tells
# the copy who it is: over the guest agent's channel ("serve"; no agent may have it open), or as a line on standard input.
# It needs Python 3.4 and nothing else. The order matters: nothing random is made before the new seed is in, and no
# daemon of the guest is told of a name that is not on the disk yet.
import base64, fcntl, functools, glob, json, os, pwd, re, select, signal, socket, subprocess, sys, time

PORT = "/dev/virtio-ports/org.qemu.guest_agent.0"
FOLDER = "/run/vmtools-warm"
EARLY = "/run/systemd/network/05-vmtools-warm.network"
RNDRESEEDCRNG = 0x5207
IFF_UP = 1


def write(path, data, mode=0o644, owner=None):
    """Beside its place, then into it: a guest that dies meanwhile has the old file or the new one."""
    if isinstance(data, str):
        data = data.encode()
    path = os.path.realpath(path)
    new = path + ".vmtools-new"
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    try:
        os.fchmod(handle, mode)
        if owner:
            os.fchown(handle, *owner)
        while data:
            data = data[os.write(handle, data):]
    finally:
        os.close(handle)
    os.rename(new, path)


def read(path):
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def replace(path, changes):
    """Changes words in a file and keeps its mode and owner. True if it had one of them. A pattern's first group stays."""
    try:
        with open(path, "rb") as file:
            old = file.read()
        stat = os.stat(path)
    except OSError:
        return False
    new = old
    for before, after in changes:
        if hasattr(before, "sub"):
            new = before.sub(lambda found, after=after: found.group(1) + after.encode(), new)
        elif before:
            new = new.replace(before.encode(), after.encode())
    if new == old:
        return False
    write(path, new, stat.st_mode & 0o7777, (stat.st_uid, stat.st_gid))
    return True


def run(*argv, given=None, seconds=30):
    try:
        done = subprocess.run(
            argv, input=given, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=seconds)
        return done.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def pids(name):
    """The processes of that name that init has started."""
    for stat in glob.glob("/proc/[0-9]*/stat"):
        found = re.match(r"(\d+) \((.*)\) \S (\d+)", read(stat), re.S)
        if found and found[2] == name and found[3] == "1":
            yield int(found[1])


@functools.lru_cache()
def keeps_host_keys(pid):
    """Whether that ssh server has to be told of new keys, upon which it starts itself anew. OpenSSH before 9.8 does not:
    there the process of each connection reads them from their files."""
    server = "/proc/%d/" % pid
    try:
        version = subprocess.run(
            [os.readlink(server + "exe"), "-V"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return True
    version = re.search(rb"OpenSSH_(\d+)\.(\d+)", version)
    # With "-r" it runs no program for a connection, but goes on as a copy of itself.
    return not version or tuple(map(int, version.groups())) >= (9, 8) or " -r" in read(server + "cmdline")


def reseed(seed):
    """Bytes of the host's, then the kernel's generator seeded anew from its pool: written bytes alone reach only that."""
    with open("/dev/urandom", "wb", 0) as random:
        random.write(seed)
        fcntl.ioctl(random, RNDRESEEDCRNG)


def host_keys(identity):
    if not os.path.isdir("/etc/ssh"):
        return
    for path in glob.glob("/etc/ssh/ssh_host_*_key") + glob.glob("/etc/ssh/ssh_host_*_key.pub"):
        os.unlink(path)
    key = "/etc/ssh/ssh_host_ed25519_key"
    write(key, identity["host_key"], 0o600)
    write(key + ".pub", identity["host_key_public"])
    for pid in pids("sshd"):
        if keeps_host_keys(pid):
            os.kill(pid, signal.SIGHUP)


def authorized_keys(identity):
    if not identity["authorized_keys"]:
        return
    try:
        user = pwd.getpwnam(identity["user"])
    except KeyError:
        return
    folder = os.path.join(user.pw_dir, ".ssh")
    if not os.path.isdir(folder) or os.path.islink(folder):
        return
    path = os.path.join(folder, "authorized_keys")
    # What is there is of the user-data, and vmtools' own.
    lines = read(path).splitlines()
    lines += [key for key in identity["authorized_keys"] if key not in lines]
    write(path, "".join(line + "\n" for line in lines), 0o600, (user.pw_uid, user.pw_gid))


def cloud_init(identity):
    """cloud-init takes the copy for the instance that it has set up: it does nothing anew at the next boot."""
    old, new = identity["old_instance_id"], identity["instance_id"]
    base = "/var/lib/cloud/"
    if os.path.isdir(base + "instances/" + old):
        os.rename(base + "instances/" + old, base + "instances/" + new)
        if os.path.islink(base + "instance"):
            os.unlink(base + "instance")
        os.symlink(base + "instances/" + new, base + "instance")
        for name in "instance-id", "previous-instance-id":
            write(base + "data/" + name, new + "\n")
    words = [(old, new)] + names(identity) + macs(identity)
    for name in ".instance-id", "instance-data.json", "instance-data-sensitive.json", "network-config.json":
        replace("/run/cloud-init/" + name, words)
    # What it remembers of the seed. Without the one in its own form it reads the seed again at the next boot, which is
    # the copy's own by then, and finds the instance that it knows.
    instance = base + "instance/"
    for name in "user-data.txt", "user-data.txt.i", "cloud-config.txt":
        replace(instance + name, words)
    if os.path.exists(instance + "obj.pkl"):
        os.unlink(instance + "obj.pkl")
    # It sets the name again at each boot, unless it is another than the one that it has set before.
    replace(base + "data/set-hostname", names(identity))
    replace(base + "data/previous-hostname", names(identity, is_text=True))


def names(identity, is_text=False):
    """The host name, where it is one: a fork's parent may be called as its user or its distribution is, or "p"."""
    old, new = identity["old_hostname"], identity["hostname"]
    if old.startswith("vmtools-warm-"):
        # As /etc/hosts has them: the full name, then the short one.
        return [(old + " " + old, identity["fqdn"] + " " + new), (old, new)]
    if not old:
        return []
    old = re.escape(old.encode())
    if is_text:
        return [(re.compile(rb"(^|[\s,])" + old + rb"(?![\w-])", re.M), new)]
    before = [rb"((?:hostname|fqdn)[\"']?\s*:\s*[\"']?)", rb'("uname"\s*:\s*\[\s*"Linux"\s*,\s*")']
    return [(re.compile(key + old + rb"(?![\w-])"), new) for key in before]


def has_name_of_its_own(identity):
    """Whether the user-data gave the guest a name, which all VMs have then, as if they had booted."""
    return socket.gethostname().split(".")[0] != identity["old_hostname"].split(".")[0]


def macs(identity):
    pairs = []
    for old, new in zip(identity["old_macs"], identity["macs"]):
        pairs += [(old, new), (old.upper(), new.upper())]
    return pairs


NETWORK_FILES = (
    "/etc/netplan/*.yaml", "/run/systemd/network/*", "/etc/systemd/network/*", "/etc/network/interfaces",
    "/etc/network/interfaces.d/*", "/etc/NetworkManager/system-connections/*",
    "/run/NetworkManager/system-connections/*", "/etc/sysconfig/network-scripts/ifcfg-*",
    "/etc/udev/rules.d/70-persistent-net.rules", "/etc/cloud/cloud.cfg.d/*")

# What a DHCP client is known by, and the leases that it would ask for again.
CLIENT_FILES = (
    "/var/lib/dhcp/*.lease*", "/var/lib/dhclient/*.lease*", "/var/lib/dhcpcd/*.lease*", "/var/lib/dhcpcd/duid",
    "/var/lib/dhcpcd/secret", "/var/lib/NetworkManager/*.lease", "/var/lib/NetworkManager/secret_key")


def network(identity):
    """The files that name an interface by its address, before the new interface comes."""
    changed = [path for pattern in NETWORK_FILES for path in glob.glob(pattern) if replace(path, macs(identity))]
    if any("/udev/" in path for path in changed):
        run("udevadm", "control", "--reload")
    release_interfaces()
    for pattern in CLIENT_FILES:
        for path in glob.glob(pattern):
            os.unlink(path)
    if os.path.exists("/run/NetworkManager"):
        # It makes IPv6 addresses and its DHCPv6 client id of the machine-id and the key that it has read at its start: a
        # reload would have all copies ask for the same.
        run("systemctl", "--no-block", "try-restart", "NetworkManager") or run("nmcli", "connection", "reload")
    # It read its files when the guest started, and its machine-id, which is its name for servers.
    if os.path.isdir("/run/systemd/netif/links") and not os.path.exists(EARLY):
        run("systemctl", "try-restart", "systemd-networkd")


def release_interfaces():
    """Has ifupdown end what it runs for interfaces that are gone. It takes them for up, and the DHCP client of one, which
    goes on, keeps that of the next one of its name from starting. True while one is there still."""
    names = [line.partition("=")[0] for line in read("/run/network/ifstate").splitlines()]
    # "eth0:1" is another address of eth0.
    gone = [name for name in names if not os.path.exists("/sys/class/net/" + name.partition(":")[0])]
    for name in gone:
        run("ifdown", "--force", name)
    return any(name != "lo" for name in names if name not in gone)


def apply(identity):
    reseed(base64.b64decode(identity["seed"]))
    time.clock_settime(time.CLOCK_REALTIME, identity["time"])
    if not has_name_of_its_own(identity):
        socket.sethostname(identity["hostname"])
        if os.path.exists("/etc/hostname"):
            write("/etc/hostname", identity["hostname"] + "\n")
        replace("/etc/hosts", names(identity, is_text=True))
    old = read("/etc/machine-id").strip()
    if old:
        for path in "/etc/machine-id", "/run/machine-id", "/var/lib/dbus/machine-id":
            if os.path.isfile(path) and not os.path.islink(path):
                write(path, identity["machine_id"] + "\n", 0o444)
    host_keys(identity)
    authorized_keys(identity)
    if identity.get("password"):
        run("chpasswd", "-e", given=(identity["user"] + ":" + identity["password"]).encode())
    cloud_init(identity)
    network(identity)
    return {"applied": True, "old_machine_id": old}


def afterwards(identity, old_machine_id):
    """What may take its time: the copy is itself by now."""
    if is_ifupdown():
        bring_up(identity)
    await_visitor()
    if os.path.isdir("/var/lib/systemd"):
        write("/var/lib/systemd/random-seed", os.urandom(512), 0o600)
    os.sync()
    # systemd's own daemons learn names from each other, not from the kernel.
    if os.path.exists("/run/systemd/system") and socket.gethostname() == identity["hostname"]:
        run("hostnamectl", "hostname", identity["hostname"]) or run("hostnamectl", "set-hostname", identity["hostname"])
    journal = "/var/log/journal/"
    if old_machine_id and os.path.isdir(journal + old_machine_id):
        # Else journalctl finds no files: it looks for those of the machine's own id.
        os.rename(journal + old_machine_id, journal + identity["machine_id"])
        run("systemctl", "restart", "systemd-journald")
    if os.path.exists(EARLY):
        # The address has come by it; from the next boot on, and after any reload, the guest's own file counts.
        os.unlink(EARLY)
    if os.path.exists(FOLDER + "/agent"):
        run("systemctl", "start", read(FOLDER + "/agent").strip())
    for name in os.listdir(FOLDER):
        os.unlink(os.path.join(FOLDER, name))
    os.rmdir(FOLDER)


def await_visitor():
    """Until somebody is at the ssh server, for two seconds: what is done here would keep the guest's one processor from
    getting its address and letting them in."""
    deadline = time.monotonic() + 2
    visitor = re.compile(r"^ *\d+: [0-9A-F]+:0016 [0-9A-F]+:[0-9A-F]+ 01 ", re.M)
    while time.monotonic() < deadline and not visitor.search(read("/proc/net/tcp") + read("/proc/net/tcp6")):
        time.sleep(0.1)


def is_ifupdown():
    return os.path.exists("/etc/network/interfaces") and not has_networkd()


def has_networkd():
    links = "/run/systemd/netif/links"
    return os.path.isdir(links) and bool(os.listdir(links))


def bring_up(identity):
    """ifupdown's interfaces that are "auto" come up at boot only, and this one was not there."""
    # Its DHCP client is to go on when the helper's own unit ends, and with it what is left there.
    scope = ("systemd-run", "--quiet", "--collect", "--scope") if os.path.exists("/run/systemd/system") else ()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for path in glob.glob("/sys/class/net/*/address"):
            name = path.split("/")[4]
            # It has another name at first, which ifupdown does not know.
            if read(path).strip().lower() in identity["macs"] and run("ifquery", name):
                return run(*scope, "ifup", name)
        time.sleep(0.1)
    return False


def await_interfaces(identity):
    """Until the copy's interfaces are up, for a second. True if they are. ifupdown brings one up when it has a link."""
    if is_ifupdown():
        return False
    rtmgrp_link = 1
    deadline = time.monotonic() + 1
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as changes:
            changes.bind((0, rtmgrp_link))
            while not are_up(identity["macs"]):
                if not select.select([changes], [], [], max(0, deadline - time.monotonic()))[0]:
                    return False
                changes.recv(65536)
            return True
    except OSError:
        # Such as more changes than the socket holds. The host connects the links now: at worst they are told of late.
        return False


def are_up(macs):
    folders = [path for path in glob.glob("/sys/class/net/*/") if read(path + "address").strip() in macs]
    return sum(int(read(path + "flags") or "0", 16) & IFF_UP for path in folders) == len(macs)


def answer(port, value):
    port.write(json.dumps(value).encode() + b"\n")


def serve():
    """Answers on the agent's channel as the agent does, to a few commands. Gives the identity that the copy has got."""
    port = open(PORT, "r+b", 0)
    # What would be done for the first time by the copy is done once before: pages and caches are in the state then.
    json.loads(json.dumps({"a": base64.b64decode(b"aGk=").decode()})), glob.glob("/etc/netplan/*")
    for pid in pids("sshd"):
        keeps_host_keys(pid)
    with open(FOLDER + "/ready", "w"):
        pass
    identity, is_plugged, quiet, command = None, True, 0, None
    for line in lines(port):
        if line is None:
            # In the state, rather than in each copy.
            is_plugged = is_plugged and release_interfaces()
            quiet += 1
        else:
            command, identity = reply(port, line, identity)
            quiet = 0
        if identity and (command == "vmtools-interfaces" or quiet == 4):
            port.close()
            return identity


def lines(port):
    """The lines that come from the host, and None after each half a second without any."""
    poll = select.poll()
    poll.register(port, select.POLLIN)
    rest = b""
    while True:
        if not poll.poll(500):
            yield None
            continue
        more = port.read(65536)
        if not more:
            # No one is at the host's end.
            time.sleep(0.02)
            continue
        *whole, rest = (rest + more.replace(b"\xff", b"")).split(b"\n")
        for line in whole:
            if line.strip():
                yield line


def reply(port, line, identity):
    """Answers a command. Gives its name, and the identity that the copy has then."""
    try:
        request = json.loads(line.decode())
        command, given = request.get("execute"), request.get("arguments") or {}
    except (ValueError, AttributeError):
        answer(port, {"error": {"class": "GenericError", "desc": "this is no command"}})
        return None, identity
    if command in ("guest-sync", "guest-sync-delimited"):
        if command == "guest-sync-delimited":
            port.write(b"\xff")
        answer(port, {"return": given.get("id")})
    elif command == "guest-ping":
        answer(port, {"return": {}})
    elif command == "vmtools-identity":
        try:
            identity = dict(given, result=apply(given))
            answer(port, {"return": identity["result"]})
        except Exception as error:
            answer(port, {"error": {"class": "GenericError", "desc": "%s: %s" % (type(error).__name__, error)}})
    elif command == "vmtools-interfaces" and identity:
        answer(port, {"return": {"up": await_interfaces(identity)}})
    else:
        answer(port, {"error": {"class": "CommandNotFound", "desc": "The command %s has not been found" % command}})
    return command, identity


def main():
    if sys.argv[1:] == ["serve"]:
        identity = serve()
        result = identity["result"]
    else:
        identity = json.loads(sys.stdin.readline())
        result = apply(identity)
        print(json.dumps(result), flush=True)
        if os.fork():
            os._exit(0)
        os.setsid()
        for descriptor in 0, 1, 2:
            os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
    os.makedirs(FOLDER, 0o700, exist_ok=True)
    afterwards(identity, result["old_machine_id"])


main()
