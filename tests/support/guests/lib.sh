# What busybox.sh and debian.sh share: the cache, Debian's packages, and a bootable disk made
# without loop devices, mounts or root. Sourced, not run.
# shellcheck shell=bash

fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

need() {
    local tool missing=()
    for tool in "$@"; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
    [ ${#missing[@]} -eq 0 ] || fail "missing: ${missing[*]} (packages: syslinux syslinux-common mtools zstd" \
        "dosfstools cpio fdisk qemu-utils, for the Debian guest also mmdebstrap e2fsprogs)"
}

# The candidate versions of packages, one "name version" a line: part of a cache key.
package_versions() {
    local versions
    versions=$(apt-cache show --no-all-versions "$@" |
        awk '/^Package:/ { name = $2 } /^Version:/ { print name, $2 }')
    [ -n "$versions" ] || fail "apt knows none of: $* (run 'apt-get update')"
    echo "$versions"
}

# The package that holds the kernel itself, for the metapackage that follows it.
kernel_package() {
    apt-cache show --no-all-versions linux-image-cloud-amd64 |
        sed -n 's/^Depends: \(linux-image-[^ ,]*\).*/\1/p' | head -n 1
}

# unpack_packages DIR PACKAGE..: downloads each and unpacks it below DIR; installs nothing.
unpack_packages() {
    local root=$1 deb
    shift
    mkdir -p "$root" "$root.debs"
    # As root, apt would drop to a user who may not write here, and say so at length.
    (cd "$root.debs" && apt-get -qq -o APT::Sandbox::User=root download "$@") ||
        fail "apt could not download $* (stale lists? run 'apt-get update')"
    for deb in "$root.debs"/*.deb; do
        dpkg-deb -x "$deb" "$root"
    done
    rm -rf "$root.debs"
}

# boot_partition FILE MIB KERNEL INITRD APPEND: a FAT file system that syslinux boots from.
boot_partition() {
    local part=$1 mib=$2 kernel=$3 initrd=$4 append=$5
    truncate -s "${mib}M" "$part"
    mkfs.vfat -n VMTBOOT "$part" >/dev/null
    printf 'DEFAULT linux\nPROMPT 0\nTIMEOUT 0\nLABEL linux\n  KERNEL vmlinuz\n  INITRD initrd\n  APPEND %s\n' \
        "$append" >"$part.cfg"
    mcopy -i "$part" "$kernel" ::vmlinuz
    mcopy -i "$part" "$initrd" ::initrd
    mcopy -i "$part" "$part.cfg" ::syslinux.cfg
}

# uefi_loader FILE KERNEL INITRD APPEND WORK: lets UEFI firmware boot from that file system, too: the kernel, its initrd
# and its command line are one program at the place where firmware looks on any disk (a unified kernel image).
uefi_loader() {
    local part=$1 kernel=$2 initrd=$3 append=$4 work=$5 stub
    unpack_packages "$work/efi" systemd-boot-efi
    stub=$work/efi/usr/lib/systemd/boot/efi/linuxx64.efi.stub
    printf '%s' "$append" >"$work/cmdline"
    # Where the stub's own sections leave off, each with space for the one before it.
    objcopy --add-section .cmdline="$work/cmdline" --change-section-vma .cmdline=0x30000 \
        --add-section .linux="$kernel" --change-section-vma .linux=0x2000000 \
        --add-section .initrd="$initrd" --change-section-vma .initrd=0x4000000 "$stub" "$work/bootx64.efi"
    mmd -i "$part" ::EFI ::EFI/BOOT
    mcopy -i "$part" "$work/bootx64.efi" ::EFI/BOOT/BOOTX64.EFI
    rm -rf "$work/efi" "$work/bootx64.efi"
}

# bootable_disk DISK BOOT [ROOT]: joins partition images into a raw disk that a BIOS boots.
bootable_disk() {
    local disk=$1 boot=$2 root=${3:-} start=2048 boot_sectors root_sectors=0 root_start
    boot_sectors=$(($(stat -c %s "$boot") / 512))
    root_start=$((start + boot_sectors))
    [ -z "$root" ] || root_sectors=$(($(stat -c %s "$root") / 512))
    truncate -s $(((root_start + root_sectors) * 512)) "$disk"
    {
        echo "label: dos"
        echo "start=$start, size=$boot_sectors, type=e, bootable"
        [ -z "$root" ] || echo "start=$root_start, size=$root_sectors, type=83"
    } | sfdisk --quiet "$disk"
    dd if=/usr/lib/syslinux/mbr/mbr.bin of="$disk" conv=notrunc status=none
    dd if="$boot" of="$disk" bs=1M seek=1 conv=notrunc,sparse status=none
    [ -z "$root" ] || dd if="$root" of="$disk" bs=1M seek=$((root_start / 2048)) conv=notrunc,sparse status=none
    syslinux --install --offset $((start * 512)) "$disk"
}

# cached NAME KEY OUT: builds NAME-KEY.qcow2 once, however many callers there are, by calling
# `build RAW WORKDIR`; then copies it to OUT, or prints where it is.
cached() {
    local name=$1 key=$2 out=$3 cache image
    cache=${VMTOOLS_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmtools-tests}
    mkdir -p "$cache"
    image=$cache/$name-$key.qcow2
    if [ ! -e "$image" ]; then
        exec 9>"$cache/$name.lock"
        flock 9
        [ -e "$image" ] || build_into "$image"
        exec 9>&-
    fi
    if [ -z "$out" ]; then
        echo "$image"
    else
        # A copy, never a hard link: libvirt changes the owner of images that it runs from.
        cp --reflink=auto -- "$image" "$out.part.$$"
        mv -- "$out.part.$$" "$out"
    fi
}

build_into() {
    local image=$1
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    build "$work/disk.raw" "$work" >&2 9>&-
    qemu-img convert -f raw -O qcow2 -c -o compression_type=zstd "$work/disk.raw" "$image.part.$$" >&2
    mv -- "$image.part.$$" "$image"
    rm -rf "$work"
    trap - EXIT
}

# A cache key: the hash of stdin.
key() {
    sha256sum | cut -c 1-16
}
