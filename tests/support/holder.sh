# Process 1 of a sandbox, in namespaces of its own: sets up what sandbox.rs promises, says "ready",
# and lives as long as its stdin is open. With its end the kernel ends everything in here.
# usage: unshare .. bash holder.sh ROOT KIND NETWORK CACHE HIDDEN..
# shellcheck shell=bash
set -eu
# This process's id as seen from outside: /proc is still the machine's own.
read -r outer _ </proc/self/stat
echo "pid $outer"

root=$1 kind=$2 network=$3 cache=$4
shift 4
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

mount -t proc proc /proc
# A fresh sysfs shows this network namespace's cards. Without cgroups libvirt does without; the
# machine's own would get folders that nobody removes, of names that clash between sandboxes.
! mountpoint -q /sys/fs/cgroup || umount --recursive --lazy /sys/fs/cgroup
mount -t sysfs sysfs /sys
mount --bind "$root/run" /run
mkdir -p /run/lock /run/user
hostname vmtest

# passt and the search for a free range want a card with an address and a default route.
ip link set lo up
ip link add out0 type veth peer name out1
ip link set out1 up
ip link set out0 up
ip addr add 198.51.100.2/24 dev out0
ip route add default via 198.51.100.1

cp /etc/passwd "$root/etc/passwd"
cp /etc/group "$root/etc/group"
echo "vmtester:x:4242:4242:vmtools test:$root/home:/bin/bash" >>"$root/etc/passwd"
echo 'vmtester:x:4242:' >>"$root/etc/group"
mount --bind "$root/etc/passwd" /etc/passwd
mount --bind "$root/etc/group" /etc/group
# Names are answered or refused at once: without this, libvirt waits for a name server for seconds.
printf '127.0.0.1 localhost vmtest\n::1 localhost\n' >"$root/etc/hosts"
echo 'nameserver 127.0.0.1' >"$root/etc/resolv.conf"
mount --bind "$root/etc/hosts" /etc/hosts
mount --bind "$root/etc/resolv.conf" /etc/resolv.conf

: >"$root/etc/hidden"
for tool in "$@"; do
    for dir in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /usr/libexec /usr/lib /usr/lib/qemu; do
        [ ! -e "$dir/$tool" ] || mount --bind "$root/etc/hidden" "$dir/$tool"
    done
done

system_daemons() {
    local dir
    for dir in lib log cache; do
        mkdir -p "$root/$dir"
        [ ! -d "/var/$dir/libvirt" ] || mount --bind "$root/$dir" "/var/$dir/libvirt"
    done
    # Where swtpm's setup keeps the key that it signs with, and its log.
    for dir in /var/lib/swtpm-localca /var/log/swtpm; do
        [ -d "$dir" ] || continue
        mkdir "$root/${dir##*/}"
        chown --reference="$dir" "$root/${dir##*/}"
        chmod --reference="$dir" "$root/${dir##*/}"
        mount --bind "$root/${dir##*/}" "$dir"
    done
    mkdir -p "$root/lib/images" "$root/etc/libvirt"
    chmod 711 "$root/lib/images"
    [ ! -e /etc/libvirt/network.conf ] || cp /etc/libvirt/network.conf "$root/etc/libvirt/"
    mount --bind "$root/etc/libvirt" /etc/libvirt
    cat >/etc/libvirt/libvirtd.conf <<CONF
host_uuid = "$(cat /proc/sys/kernel/random/uuid)"
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_ro_perms = "0777"
unix_sock_rw_perms = "0770"
$(! grep -q '^libvirt:' /etc/group || echo 'unix_sock_group = "libvirt"')
CONF
    # Labels of AppArmor or SELinux would be written into the machine's own policy.
    echo 'security_driver = "none"' >/etc/libvirt/qemu.conf
    default_network

    # As install-qemu-kvm.sh makes it.
    mkdir -p /run/libvirt/qemu/vmtools
    if id libvirt-qemu >/dev/null 2>&1; then
        chown libvirt-qemu:libvirt /run/libvirt/qemu/vmtools
    fi
    chmod 2770 /run/libvirt/qemu/vmtools

    virtlogd -d
    # Returns when its sockets are there.
    libvirtd -d
}

default_network() {
    [ "$network" != none ] || return 0
    mkdir -p /etc/libvirt/qemu/networks/autostart
    cat >/etc/libvirt/qemu/networks/default.xml <<'XML'
<network xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'>
  <name>default</name>
  <uuid>5e3a6f04-6a0a-4a7b-9d5e-2f1d0c3b4a59</uuid>
  <forward mode='nat'/>
  <bridge name='virbr0' stp='off' delay='0'/>
  <ip address='192.168.122.1' netmask='255.255.255.0'>
    <dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp>
  </ip>
  <!-- Else each first lease waits three seconds for a ping that nobody answers, and four for STP to let packets pass. -->
  <dnsmasq:options><dnsmasq:option value='no-ping'/></dnsmasq:options>
</network>
XML
    [ "$network" != started ] || ln -s ../default.xml /etc/libvirt/qemu/networks/autostart/default.xml
}

# Where KVM cannot work, its device is no device either. One that root can open and QEMU's user cannot
# makes libvirt take its knowledge of QEMU for outdated at each look: a define then takes 14 s.
if [ -e /dev/kvm ] && ! grep -qwE 'vmx|svm' /proc/cpuinfo; then
    # Not a mount over the device alone: libvirt cannot take such a one into a guest's own /dev.
    mkdir "$root/dev"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    find /dev -mindepth 1 -maxdepth 1 ! -name pts ! -name shm ! -name mqueue ! -name kvm ! -name hugepages \
        -exec cp -a {} "$root/dev" \;
    mkdir -m 755 "$root/dev/pts"
    mkdir -m 1777 "$root/dev/shm"
    mount --bind /dev/pts "$root/dev/pts"
    # What lies below the old one still counts as mounted, unless it is taken off first.
    awk '$2 ~ "^/dev/" { print $2 }' /proc/mounts | while read -r below; do umount -l "$below"; done
    mount --move "$root/dev" /dev
fi

# What libvirt found out of QEMU takes it a second; it checks itself whether that still holds.
capabilities=$root/cache/qemu/capabilities
[ "$kind" = system ] || capabilities=$root/home/.cache/libvirt/qemu/cache/capabilities
if [ -d "$cache" ]; then
    mkdir -p "$capabilities"
    find "$cache" -name '*.xml' -exec cp {} "$capabilities" \;
fi

case $kind in
    system)
        system_daemons >"$root/daemons.log" 2>&1 || {
            cat "$root/daemons.log" >&2
            exit 1
        }
        ;;
    session)
        mkdir -p /run/user/4242
        chmod 700 /run/user/4242
        chown -R 4242:4242 /run/user/4242 "$root/home" "$root/tmp"
        ;;
esac
echo ready
# As process 1, bash collects the orphans that daemons leave. Waits for the end of the file,
# then keeps what spares the next sandbox time.
while read -r _; do :; done
mkdir -p "$cache"
for file in "$capabilities"/*.xml; do
    # Whole, and by rename: others read meanwhile.
    [ ! -s "$file" ] || cmp -s "$file" "$cache/${file##*/}" ||
        { cp "$file" "$cache/${file##*/}.$outer" && mv "$cache/${file##*/}.$outer" "$cache/${file##*/}"; }
done
