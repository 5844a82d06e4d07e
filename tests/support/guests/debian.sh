#!/usr/bin/env bash
# debian.sh [--network networkd|ifupdown|networkmanager] [OUT]: a Debian 12 guest as clouds have it, only leaner:
# cloud-init (NoCloud), sshd, sudo, networkd and the guest agent; with another network manager no agent, which few
# images have. BIOS and UEFI boot it. Needs root, for mmdebstrap's chroot.
# Copies the image to OUT, or without OUT prints where it is. See lib.sh for the cache.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
PATH=$PATH:/usr/sbin:/sbin
need apt-get mmdebstrap mkfs.vfat mcopy mmd syslinux sfdisk qemu-img flock mke2fs objcopy

network=networkd
if [ "${1:-}" = --network ]; then
    network=${2:-}
    shift 2
fi
packages=(linux-image-cloud-amd64 cloud-init openssh-server systemd-sysv dbus sudo udev kmod iproute2 zstd ca-certificates less)
case $network in
    networkd)
        name=debian
        packages+=(qemu-guest-agent systemd-resolved netplan.io)
        ;;
    ifupdown)
        name=debian-ifupdown
        packages+=(ifupdown isc-dhcp-client)
        ;;
    networkmanager)
        name=debian-networkmanager
        packages+=(network-manager)
        ;;
    *) fail "no such network manager: $network" ;;
esac
append="root=LABEL=vmtroot ro console=ttyS0 quiet mitigations=off random.trust_cpu=on no_timer_check net.ifnames=1"

build() {
    local disk=$1 work=$2
    mkdir "$work/boot.d"
    # Of a suite and a mirror that this machine's own apt uses.
    # shellcheck disable=SC2016 # expanded by the hooks' shell
    mmdebstrap --quiet --variant=minbase --include="$(IFS=,; echo "${packages[*]}")" \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --customize-hook="$here/debian-customize.sh \"\$1\" $network" \
        --customize-hook="cp \"\$1\"/boot/vmlinuz-* $work/boot.d/vmlinuz && cp \"\$1\"/boot/initrd.img-* $work/boot.d/initrd" \
        --customize-hook='rm -f "$1"/boot/* "$1"/vmlinuz* "$1"/initrd*' \
        bookworm "$work/root.tar" "$(mirror)"
    mkdir "$work/root"
    tar -C "$work/root" --numeric-owner -xf "$work/root.tar" --exclude='./dev/*'
    rm "$work/root.tar"
    truncate -s 2G "$work/root.img"
    mke2fs -q -t ext4 -L vmtroot -O '^metadata_csum_seed,^orphan_file' -d "$work/root" "$work/root.img"
    rm -rf "$work/root"
    boot_partition "$work/boot" 96 "$work/boot.d/vmlinuz" "$work/boot.d/initrd" "$append"
    uefi_loader "$work/boot" "$work/boot.d/vmlinuz" "$work/boot.d/initrd" "$append" "$work"
    bootable_disk "$disk" "$work/boot" "$work/root.img"
}

# The address that apt fetches bookworm from.
mirror() {
    local uri
    # shellcheck disable=SC2016 # the format's own names
    uri=$(apt-get indextargets --format '$(SITE) $(CODENAME)' | awk '$2 == "bookworm" { print $1; exit }')
    [ -n "$uri" ] || fail "apt's sources have no bookworm"
    echo "$uri"
}

key=$({
    cat "$0" "$here/lib.sh" "$here/debian-customize.sh"
    package_versions "$(kernel_package)" systemd-boot-efi "${packages[@]}"
} | key)
cached "$name" "$key" "${1:-}"
