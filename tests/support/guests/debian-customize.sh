#!/usr/bin/env bash
# debian-customize.sh ROOT NETWORK: what debian.sh sets up in the guest's root after the packages are there.
set -euo pipefail
root=$1
network=$2

cat >"$root/etc/fstab" <<'END'
LABEL=vmtroot / ext4 defaults,noatime 0 0
END

# The default user is the image's own: debian, with sudo and without a password.
cat >"$root/etc/cloud/cloud.cfg.d/90_vmtools.cfg" <<'END'
datasource_list: [NoCloud, None]
package_update: false
package_upgrade: false
manage_etc_hosts: true
# Only C.UTF-8 is installed.
locale: false
apt:
  preserve_sources_list: true
cloud_config_modules: [ssh-import-id, set-passwords, timezone, runcmd]
cloud_final_modules: [package-update-upgrade-install, write-files-deferred, scripts-vendor, scripts-per-once,
  scripts-per-boot, scripts-per-instance, scripts-user, phone-home, final-message, power-state-change]
END

# Nothing that takes time in emulation and that no test asks for.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
    e2scrub_reap.service systemd-networkd-wait-online.service systemd-timesyncd.service \
    systemd-pstore.service getty@tty1.service systemd-binfmt.service \
    cloud-init-hotplugd.socket systemd-rfkill.socket apt-daily.service apt-daily-upgrade.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
if [ "$network" = networkd ]; then
    # The host's name server, as the lease gives it.
    ln -sf ../run/systemd/resolve/resolv.conf "$root/etc/resolv.conf"
    chroot "$root" systemctl enable systemd-networkd >/dev/null 2>&1
fi
mkdir -p "$root/etc/systemd/system.conf.d"
printf '[Manager]\nDefaultTimeoutStopSec=10s\n' >"$root/etc/systemd/system.conf.d/vmtools.conf"
chroot "$root" systemctl enable serial-getty@ttyS0 >/dev/null 2>&1

# What must be a guest's own is not in the image.
rm -f "$root"/etc/ssh/ssh_host_*
: >"$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id" "$root/etc/hostname"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/usr/share/{doc,man,locale,info}/*

# The smallest initrd that finds the root.
printf 'virtio_pci\nvirtio_blk\next4\n' >>"$root/etc/initramfs-tools/modules"
printf 'MODULES=list\nCOMPRESS=zstd\nFSTYPE=ext4\n' >"$root/etc/initramfs-tools/conf.d/vmtools"
chroot "$root" update-initramfs -u >/dev/null
