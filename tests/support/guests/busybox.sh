#!/usr/bin/env bash
# busybox.sh [OUT]: a guest that is up in seconds even without KVM: Debian's cloud kernel and an
# initramfs with busybox, dropbear, qemu-guest-agent and a miniature cloud-init (busybox/).
# Its disk is one FAT partition, mounted on /data in the guest: what a test writes there stays.
# Copies the image to OUT, or without OUT prints where it is. See lib.sh for the cache.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
PATH=$PATH:/usr/sbin:/sbin
need apt-get dpkg-deb cpio zstd mkfs.vfat mcopy syslinux sfdisk qemu-img flock

packages=(busybox-static dropbear-bin openssh-sftp-server qemu-guest-agent libc6 libcrypt1
    libtomcrypt1 libtommath1 libgmp10 zlib1g libglib2.0-0 libnuma1 libudev1 liburing2 libcap2 libpcre2-8-0)
modules=(virtio_pci virtio_blk virtio_net virtio_console virtio_balloon virtio-rng
    vfat nls_cp437 nls_ascii nls_utf8 isofs button evdev qemu_fw_cfg)
append="console=ttyS0 quiet mitigations=off random.trust_cpu=on nokaslr no_timer_check tsc=reliable cryptomgr.notests"

build() {
    local disk=$1 work=$2 debs=$2/debs root=$2/root
    unpack_packages "$debs" "$kernel" "${packages[@]}"
    root_tree "$debs" "$root"
    add_modules "$debs" "$root"
    (cd "$root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 | zstd -q -19) >"$work/initrd"
    boot_partition "$work/boot" 56 "$debs"/boot/vmlinuz-* "$work/initrd" "$append"
    bootable_disk "$disk" "$work/boot"
}

root_tree() {
    local debs=$1 root=$2 applet program
    mkdir -p "$root"/{bin,sbin,etc/acpi/PWRF,proc,sys,dev,run,tmp,data,seed,root,home,var/log,usr/bin,usr/sbin,usr/lib,lib64}
    ln -s /run "$root/var/run"
    ln -s bin/busybox "$root/init"
    cp "$debs/bin/busybox" "$root/bin/busybox"
    # Set-uid so that su works; busybox drops the right again for every other applet.
    chmod 4755 "$root/bin/busybox"
    for applet in $("$debs/bin/busybox" --list); do
        [ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
    done
    for program in usr/sbin/dropbear usr/bin/dropbearconvert usr/bin/dropbearkey usr/sbin/qemu-ga; do
        cp "$debs/$program" "$root/$program"
    done
    cp "$debs/usr/lib/openssh/sftp-server" "$root/usr/lib/sftp-server"
    add_libraries "$debs" "$root"
    install -m 755 "$here"/busybox/{rc,nocloud,udhcpc} "$root/sbin/"
    install -m 755 "$here"/busybox/{sudo,cloud-init} "$root/usr/bin/"
    install -m 644 "$here"/busybox/{json,mime}.awk "$root/etc/"
    install -m 644 "$here"/busybox/inittab "$root/etc/"
    printf '#!/bin/sh\nexec poweroff\n' >"$root/etc/acpi/PWRF/00000080"
    # What qemu-ga calls for guest-shutdown: shutdown -h -P +0, -H or -r.
    # shellcheck disable=SC2016
    printf '#!/bin/sh\ncase " $* " in *" -r "*) exec reboot ;; esac\nexec poweroff\n' >"$root/sbin/shutdown"
    chmod 755 "$root/etc/acpi/PWRF/00000080" "$root/sbin/shutdown"
    # An empty password field here would make busybox forget the user's name.
    echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
    echo 'root::19000:0:99999:7:::' >"$root/etc/shadow"
    echo 'root:x:0:' >"$root/etc/group"
    chmod 600 "$root/etc/shadow"
    chmod 1777 "$root/tmp"
    printf '/bin/sh\n' >"$root/etc/shells"
}

# The libraries that the programs need, from the same packages: nothing of this machine's own.
add_libraries() {
    local debs=$1 root=$2 loader lib search
    loader=$(find "$debs" -name 'ld-linux-x86-64.so.2' ! -type l | head -n 1)
    [ -n "$loader" ] || fail "libc6 has no loader"
    search=$debs/lib/x86_64-linux-gnu:$debs/usr/lib/x86_64-linux-gnu
    cp "$loader" "$root/lib64/ld-linux-x86-64.so.2"
    for program in usr/sbin/dropbear usr/bin/dropbearconvert usr/bin/dropbearkey usr/sbin/qemu-ga usr/lib/sftp-server; do
        "$loader" --inhibit-cache --library-path "$search" --list "$root/$program"
    done | awk '$2 == "=>" { print $3 }' | sort -u | while read -r lib; do
        case $lib in
            "$debs"/*) cp -L "$lib" "$root/lib64/" ;;
            *) fail "a library came from elsewhere: $lib" ;;
        esac
    done
    # The loader looks in /lib64 and /usr/lib64 without any cache file.
    ln -s lib64 "$root/lib"
}

# The wanted modules with what they depend on, and the order to load them in.
add_modules() {
    local debs=$1 root=$2 base module line
    base=$(echo "$debs"/lib/modules/*)
    "$root/bin/busybox" depmod -b "$debs" -n "${base##*/}" 2>/dev/null >"$base/modules.dep"
    mkdir -p "$root/modules"
    for module in "${modules[@]}"; do
        line=$(grep -E "(^|/)$module\.ko:" "$base/modules.dep") || fail "the kernel has no module $module"
        # "a.ko: b.ko c.ko" needs c, then b, then a.
        echo "${line/:/}" | tr ' ' '\n' | sed '/^$/d' | tac
    done | awk '!seen[$0]++' | while read -r module; do
        cp "$base/${module#/lib/modules/"${base##*/}"/}" "$root/modules/"
        echo "${module##*/}"
    done >"$root/etc/modules"
}

kernel=$(kernel_package)
[ -n "$kernel" ] || fail "apt knows no linux-image-cloud-amd64 (run 'apt-get update')"
key=$({
    cat "$0" "$here/lib.sh" "$here"/busybox/*
    package_versions "$kernel" "${packages[@]}"
} | key)
cached busybox "$key" "${1:-}"
