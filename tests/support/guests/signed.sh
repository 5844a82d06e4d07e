#!/usr/bin/env bash
# signed.sh [OUT]: the busybox guest for UEFI with Secure Boot: it is loaded by what Microsoft and Debian have signed, shim
# and GRUB. Copies the image to OUT, or without OUT prints where it is. See lib.sh for the cache.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
PATH=$PATH:/usr/sbin:/sbin
need apt-get dpkg-deb mcopy mmd mtype qemu-img flock

packages=(shim-signed grub-efi-amd64-signed)

build() {
    local disk=$1 work=$2 part=$1@@1M append
    unpack_packages "$work/efi" "${packages[@]}"
    qemu-img convert -O raw "$base" "$disk"
    append=$(mtype -i "$part" ::syslinux.cfg | sed -n 's/^ *APPEND //p' | tr -d '\r')
    printf '%s\n' 'search --no-floppy --set=root --label VMTBOOT' "linux /vmlinuz $append" 'initrd /initrd' boot \
        >"$work/grub.cfg"
    # Debian's GRUB looks for its configuration in a directory of that name.
    mmd -i "$part" ::EFI ::EFI/BOOT ::EFI/debian
    mcopy -i "$part" "$work/efi/usr/lib/shim/shimx64.efi.signed" ::EFI/BOOT/BOOTX64.EFI
    mcopy -i "$part" "$work/efi/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" ::EFI/BOOT/grubx64.efi
    mcopy -i "$part" "$work/grub.cfg" ::EFI/debian/grub.cfg
}

base=$("$here/busybox.sh")
key=$({
    cat "$0" "$here/lib.sh"
    echo "$base"
    package_versions "${packages[@]}"
} | key)
cached signed "$key" "${1:-}"
