#!/usr/bin/env bash
# suite_run.sh TEST_BINARY [ARG]..: runs a test binary as cargo's runner in the root folder VMTOOLS_TEST_SUITE_ROOT, which
# suite_root.sh made, so that the tests' libvirt and QEMU are that suite's. The checkout and the tests' cache are at the same
# paths as outside. What is written elsewhere is gone with the end, as are all processes, mounts and namespaces, whatever
# ended it.
set -euo pipefail

readonly root=$VMTOOLS_TEST_SUITE_ROOT

outside() {
    # Whatever runs in there holds it too, so that the root folder is not replaced meanwhile.
    exec 9<"$root.lock"
    flock --shared 9
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/vmtools-suite-XXXXXX")
    trap 'rm -rf --one-file-system "$scratch"' EXIT
    # Guests run as another user, who must get through.
    chmod 755 "$scratch"
    # If this process is killed, unshare gets the signal, and with unshare all in the namespaces.
    setpriv --pdeathsig KILL unshare --mount --net --pid --fork --kill-child=KILL \
        bash "$0" --inside "$scratch" "$@"
}

# Process 1 of the namespaces, which collects the orphans that daemons leave.
inside() {
    local scratch=$1 checkout=$PWD new=$1/layers/root
    shift
    ip link set lo up
    make_root
    cd "$new"
    # No chroot: nsenter, by which commands get into a sandbox, would be outside of it.
    pivot_root . .
    umount --lazy .
    cd "$checkout"
    unset TMPDIR
    export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    # A Ctrl-C is for the tests as well; process 1 has no signal that it has no trap for.
    trap 'exit 130' INT TERM HUP
    printf '%s, %s\n' "$(libvirtd --version)" "$(qemu-img --version | head -n 1)" >&2
    tests/support/leaks.sh "$@"
}

make_root() {
    local dir
    mkdir -m 1777 "$scratch/tmp"
    mkdir "$scratch/layers"
    mount -t tmpfs -o mode=755 suite "$scratch/layers"
    mkdir "$scratch"/layers/{upper,work,root}
    mount -t overlay -o "lowerdir=$root,upperdir=$scratch/layers/upper,workdir=$scratch/layers/work" suite "$new"
    mount -t proc proc "$new/proc"
    mount -t sysfs sysfs "$new/sys"
    mount --rbind /dev "$new/dev"
    mount -t tmpfs -o mode=755 run "$new/run"
    mount --bind "$scratch/tmp" "$new/tmp"
    # Each sandbox mounts its own over these.
    rm -f "$new/etc/resolv.conf"
    touch "$new"/etc/{hosts,resolv.conf}
    # The device's group is this machine's.
    [[ ! -e /dev/kvm ]] || sed -i "s/^kvm:x:[0-9]*:/kvm:x:$(stat -c %g /dev/kvm):/" "$new/etc/group"

    for dir in "$checkout" "${CARGO_TARGET_DIR:-$checkout/target}" "$VMTOOLS_TEST_CACHE"; do
        mkdir -p "$new$dir"
        mount --rbind "$dir" "$new$dir"
    done
    # What libvirt found out of QEMU is another QEMU's here.
    for dir in capabilities-system capabilities-session; do
        mkdir -p "$root.$dir" "$VMTOOLS_TEST_CACHE/$dir"
        mount --bind "$root.$dir" "$new$VMTOOLS_TEST_CACHE/$dir"
    done
    if [[ -n ${VMTOOLS_TEST_TIMINGS:-} ]]; then
        touch "$new$VMTOOLS_TEST_TIMINGS"
        mount --bind "$VMTOOLS_TEST_TIMINGS" "$new$VMTOOLS_TEST_TIMINGS"
    fi
}

if [[ $1 == --inside ]]; then
    inside "${@:2}"
else
    outside "$@"
fi
