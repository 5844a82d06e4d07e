#!/usr/bin/env bash
# suite_root.sh SUITE PACKAGE..: a root folder of a Debian suite, with the suite's own libvirt and QEMU and the packages
# named. From the mirror of this machine's own apt; kept in the cache, and made anew when it is older than a week or is to
# have other packages. Prints where it is.
set -euo pipefail

readonly MAX_AGE_DAYS=7

fail() {
    printf 'suite_root.sh: %s\n' "$*" >&2
    exit 1
}

# What install-qemu-kvm.sh installs. A pattern is no error where nothing matches: Debian 12 has no virtiofsd.
hypervisor=(libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils ovmf dnsmasq-base iproute2 nftables
    openssh-client passt swtpm swtpm-tools '?exact-name(virtiofsd)')

# Fails if the suite cannot be installed; an older one is still there then.
build() {
    local mirror packages=("${hypervisor[@]}" "$@")
    # shellcheck disable=SC2016 # the format's own name
    mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)
    [[ -n $mirror ]] || fail "apt's sources have no mirror of Debian"
    printf 'Installing Debian %s in %s (some minutes)\n' "$suite" "$root" >&2
    remove "$root.part"
    # In namespaces of its own, for mmdebstrap mounts /proc and more. The mirror may lag behind its suite, whose signature
    # is good for a week.
    unshare --mount --pid --fork --kill-child=KILL --mount-proc \
        mmdebstrap --quiet --mode=root --variant=minbase --include="$(IFS=,; echo "${packages[*]}")" \
        --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Apt::Install-Recommends "false"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        "$suite" "$root.part" "$mirror" >&2 &&
        printf '%s\n' "$key" >"$root.part/etc/vmtools-suite" && remove "$root" && mv -T "$root.part" "$root"
}

remove() { rm -rf --one-file-system "$@"; }

has_the_packages() { [[ $(cat "$root/etc/vmtools-suite" 2>/dev/null) == "$key" ]]; }

is_current() {
    has_the_packages && [[ -z $(find "$root/etc/vmtools-suite" -mtime "+$((MAX_AGE_DAYS - 1))") ]]
}

suite=$1
shift
cache=${VMTOOLS_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmtools-tests}
root=$cache/suite-$suite
key=$({
    cat "$0"
    printf '%s\n' "$@"
} | sha256sum | cut -c 1-16)
mkdir -p "$cache"
# Tests that run in there hold it too.
exec 9>"$root.lock"
flock --shared 9
if ! is_current; then
    flock 9
    if ! is_current && ! build "$@" 9>&-; then
        remove "$root.part"
        has_the_packages || fail "Debian $suite cannot be installed"
        printf 'Debian %s cannot be updated; using the one of %s\n' "$suite" "$(date -r "$root/etc/vmtools-suite" +%F)" >&2
    fi
fi
printf '%s\n' "$root"
