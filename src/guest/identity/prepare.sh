# What is done once in a guest whose running state is kept: vmtools' helper is started in it and waits. Run as root; the
# helper is on standard input, in base64. Ends with 0 when the helper waits, and says why it can't else. With "goes-on" the
# guest goes on as it is beside its copies (release.sh), and its network is left alone.
set -eu
umask 077
folder=/run/vmtools-warm
port=/dev/virtio-ports/org.qemu.guest_agent.0
command -v python3 >/dev/null || { echo 'python3 is not installed' >&2; exit 3; }
[ -e "$port" ] || { echo 'there is no guest agent channel' >&2; exit 3; }
# The connection may have broken, and this be asked for again.
[ ! -e "$folder/waits" ] || exit 0
systemctl stop vmtools-warm 2>/dev/null || :
mkdir -p "$folder"
base64 -d >"$folder/helper.py"

# The channel is for one at a time. The agent is started again once a copy is itself.
for unit in qemu-guest-agent qemu-ga; do
    if systemctl is-active -q "$unit" 2>/dev/null; then
        systemctl stop "$unit"
        echo "$unit" >"$folder/agent"
    fi
done

# networkd looks for an interface by the address that this guest's had; a copy's has another. So that it is configured as
# soon as it is there, the same is said of any Ethernet interface, until the copy has its own file.
if [ "${1:-}" != goes-on ] && systemctl is-active -q systemd-networkd 2>/dev/null; then
    for file in /run/systemd/network/*.network /etc/systemd/network/*.network; do
        [ -e "$file" ] || continue
        if grep -qiE '^(Permanent)?MACAddress=' "$file"; then
            sed -E 's/^(Permanent)?MACAddress=.*/Type=ether/I; /^Name=/d' "$file" \
                >/run/systemd/network/05-vmtools-warm.network
            chmod 644 /run/systemd/network/05-vmtools-warm.network
            networkctl reload
            break
        fi
    done
fi

if command -v systemd-run >/dev/null 2>&1 && [ -d /run/systemd/system ]; then
    systemd-run --quiet --collect --unit=vmtools-warm python3 -I "$folder/helper.py" serve
else
    setsid python3 -I "$folder/helper.py" serve </dev/null >/dev/null 2>&1 &
    echo $! >"$folder/pid"
fi
tries=0
until [ -e "$folder/ready" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || { echo 'the helper did not start' >&2; exit 3; }
    sleep 0.1
done
rm "$folder/helper.py"
mv "$folder/ready" "$folder/waits"
hostnamectl >/dev/null 2>&1 || :
sync
