#!/usr/bin/env bash
# Sets up a machine for vmtools: packages, permissions, libvirt daemons, the default network.
# It is a list of items. Each has a todo_ITEM, which prints what is missing (nothing: all there),
# and a fix_ITEM, which puts that right. `--check` calls only the first kind.
set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C.UTF-8 PATH=$PATH:/usr/sbin:/sbin

readonly LIBVIRT_URI=qemu:///system
readonly QMP_DIR=/run/libvirt/qemu/vmtools
readonly TMPFILES=/etc/tmpfiles.d/vmtools.conf
readonly APPARMOR_DIR=/etc/apparmor.d/abstractions
readonly APPARMOR=$APPARMOR_DIR/libvirt-qemu.d/vmtools
readonly POLICY=/usr/sbin/policy-rc.d

check=no yes=no start=yes backports=yes user=''
family='' required=() optional=()
new_groups=no

main() {
    parse_arguments "$@"
    detect_distribution
    local item pending=() items=(packages groups qmp_directory apparmor)
    [[ $start == no ]] || items+=(daemons network)

    for item in "${items[@]}"; do
        report "$item" || pending+=("$item")
    done
    if [[ $check == yes ]]; then
        [[ ${#pending[@]} -eq 0 ]]
        exit
    fi
    if [[ ${#pending[@]} -eq 0 ]]; then
        say 'Everything is installed and set up.'
    else
        need_root
        confirm
        for item in "${items[@]}"; do
            # Asked again: the packages may have brought a later item along, or a new need for it.
            [[ -z $("todo_$item") ]] || "fix_$item"
        done
    fi
    summary
}

usage() {
    cat <<'EOF'
Usage: install-qemu-kvm.sh [OPTION]..
Installs QEMU/KVM and libvirt and sets them up for vmtools. A second run changes nothing.
For Debian, Ubuntu, Fedora, Arch, openSUSE and their derivatives.

  --check         change nothing; report what is missing (exit status 1 if anything is)
  -y, --yes       do not ask for confirmation (the default without a terminal)
  --user NAME     user to add to the groups libvirt and kvm (default: you)
  --no-start      do not start the daemons and the default network
  --no-backports  on Debian 12, use the release's own QEMU 7.2 and libvirt 9.0
  -h, --help      print this help

Examples:
  ./install-qemu-kvm.sh --check
  sudo ./install-qemu-kvm.sh
  sudo ./install-qemu-kvm.sh --yes --user alice
  ./install-qemu-kvm.sh --yes --no-start      # as root, in a container build
EOF
}

parse_arguments() {
    while [[ $# -gt 0 ]]; do
        case $1 in
        --check) check=yes ;;
        -y | --yes) yes=yes ;;
        --user)
            [[ $# -gt 1 ]] || die '--user requires a name'
            user=$2
            shift
            ;;
        --no-start) start=no ;;
        --no-backports) backports=no ;;
        -h | --help)
            usage
            exit 0
            ;;
        *) die "unknown option $1 (see --help)" ;;
        esac
        shift
    done
    [[ -t 0 && -t 1 ]] || yes=yes
    user=${user:-${SUDO_USER:-$(id -un)}}
    id "$user" >/dev/null 2>&1 || die "there is no user $user"
}

# ---- talking -----------------------------------------------------------------------------------

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# step WHAT CMD..: one line for each change. A failure shows the end of the output and names the step.
step() {
    local what=$1 out
    shift
    say "+ $what"
    out=$("$@" 2>&1 </dev/null) || {
        tail -n 20 <<<"$out" >&2
        die "failed: $what"
    }
}

# write_file PATH TEXT: unless it is so already.
write_file() {
    [[ $(cat "$1" 2>/dev/null) != "$2" ]] || return 0
    step "write $1" install -D -m 644 /dev/null "$1"
    say "$2" >"$1"
}

# report ITEM: one line; fails if there is something to do.
report() {
    local todo
    todo=$("todo_$1")
    if [[ -n $todo ]]; then
        say "missing  ${1//_/ }: would ${todo//$'\n'/, }"
        return 1
    fi
    say "ok       ${1//_/ }"
}

need_root() {
    [[ $EUID -eq 0 ]] || die "this requires root: sudo $0 (to only check: $0 --check)"
}

confirm() {
    local answer
    [[ $yes == no ]] || return 0
    read -r -p 'Continue? [Y/n] ' answer || answer=n
    [[ -z $answer || $answer == [yY]* ]] || die 'nothing was changed'
}

# ---- packages ----------------------------------------------------------------------------------

# The optional ones are not in every release; vmtools does without them.
detect_distribution() {
    local id ID='' ID_LIKE=''
    # shellcheck source=/dev/null
    . /etc/os-release
    for id in $ID $ID_LIKE; do
        case $id in
        debian | ubuntu)
            family=debian
            required=(libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils ovmf
                dnsmasq-base iproute2 nftables openssh-client)
            optional=(passt swtpm swtpm-tools virtiofsd)
            ;;
        fedora | rhel | centos)
            family=fedora
            required=(libvirt-daemon-kvm libvirt-daemon-config-network libvirt-client qemu-kvm
                qemu-img edk2-ovmf dnsmasq iproute nftables openssh-clients)
            optional=(passt swtpm swtpm-tools virtiofsd)
            ;;
        arch)
            family=arch
            required=(libvirt qemu-system-x86 qemu-img edk2-ovmf dnsmasq iproute2 nftables openssh)
            optional=(passt swtpm virtiofsd)
            ;;
        opensuse* | suse | sles)
            family=suse
            # By its path, since qemu-img moved from one package to another.
            required=(libvirt-daemon-qemu libvirt-daemon-config-network libvirt-client qemu-x86
                /usr/bin/qemu-img qemu-ovmf-x86_64 dnsmasq iproute2 nftables openssh-clients)
            optional=(passt swtpm virtiofsd)
            ;;
        *) continue ;;
        esac
        return
    done
    die "this distribution is not supported (ID=$ID)"
}

# missing_of PACKAGE..: those that are not installed, one a line.
missing_of() {
    local package installed
    case $family in
    debian)
        # shellcheck disable=SC2016  # dpkg-query's own variables
        installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null) || true
        for package; do
            grep -qx "installed $package" <<<"$installed" || say "$package"
        done
        ;;
    fedora | suse)
        for package; do
            rpm -q --whatprovides "$package" >/dev/null 2>&1 || say "$package"
        done
        ;;
    arch) pacman -T "$@" || true ;;
    esac
}

# on_offer PACKAGE: does this release have it?
on_offer() {
    local found
    case $family in
    # Where apt's sources are broken, yes: then the installation says so.
    debian) ! found=$(apt-cache madison "$1") || [[ -n $found ]] ;;
    fedora) [[ -n $(dnf -q repoquery "$1") ]] ;;
    arch) pacman -Si "$1" ;;
    suse) zypper -q search --match-exact "$1" ;;
    esac >/dev/null 2>&1
}

# All that is missing and can be had.
wanted_packages() {
    local package
    missing_of "${required[@]}"
    for package in $(missing_of "${optional[@]}"); do
        if on_offer "$package"; then say "$package"; fi
    done
}

todo_packages() {
    local packages
    packages=$(wanted_packages | xargs)
    [[ -z $packages ]] || say "install $packages"
}

fix_packages() {
    local packages what from=()
    if [[ $family == debian ]]; then
        # One broken source of some third party is no reason to stop.
        apt_update || warn 'some package lists could not be read; continuing with the others'
        if [[ $backports == yes ]] && is_bookworm && enable_backports; then
            from=(-t bookworm-backports)
        fi
        [[ $start == yes ]] || forbid_service_starts
    fi
    mapfile -t packages < <(wanted_packages)
    what="install ${packages[*]} (a minute or more)"
    case $family in
    debian) step "$what" apt_install "${from[@]}" "${packages[@]}" ;;
    fedora) step "$what" dnf -y install "${packages[@]}" ;;
    arch) step "$what" pacman_install "${packages[@]}" ;;
    suse) step "$what" zypper --non-interactive install "${packages[@]}" ;;
    esac
}

pacman_install() {
    pacman -S --needed --noconfirm "$@" || {
        # Not done here: it upgrades everything, and Arch does not support less.
        say 'If packages are not found, upgrade the system first: pacman -Syu'
        return 1
    }
}

apt_get() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

# The timeout above is for dpkg's lock only; another apt that reads its lists is waited for here.
apt_update() {
    local out deadline=$((SECONDS + 300))
    say '+ update the package lists'
    until out=$(apt_get update 2>&1); do
        if [[ $out != *'Could not get lock'* || $SECONDS -ge $deadline ]]; then
            tail -n 5 <<<"$out" >&2
            return 1
        fi
        sleep 1
    done
}

apt_install() {
    # Recommended, for qemu-system-x86, is a desktop's worth of libraries. And rather than fail over a
    # qemu-utils from backports, apt would remove it.
    apt_get install --no-install-recommends --no-remove "$@" || {
        say 'If apt wants to remove a package, one from backports is installed: run without --no-backports.'
        return 1
    }
}

is_bookworm() {
    # shellcheck source=/dev/null
    (. /etc/os-release && [[ $ID == debian && ${VERSION_CODENAME:-} == bookworm ]])
}

# Makes sure that apt has bookworm-backports, from the mirror that bookworm itself comes from. That is
# not for newer versions alone: where a backports qemu-utils is installed, the release's own
# qemu-system-x86 cannot be.
enable_backports() {
    local entry file number new
    [[ -z $(suite_entry bookworm-backports) ]] || return 0
    entry=$(suite_entry bookworm 'Origin: Debian')
    if [[ -z $entry ]]; then
        warn 'no apt source of Debian 12 is enabled, so backports cannot be used'
        return 1
    fi
    file=${entry%:*} number=${entry##*:}
    new=/etc/apt/sources.list.d/vmtools-backports.${file##*.}
    case $file in
    *.sources) write_file "$new" "$(backports_stanza "$file" "$number")" ;;
    *.list) write_file "$new" "$(sed -nE "${number}s/[[:space:]]bookworm[[:space:]]/ bookworm-backports /p" "$file")" ;;
    esac
    if ! apt_update || [[ -z $(suite_entry bookworm-backports) ]]; then
        rm -f "$new"
        warn "this mirror has no bookworm-backports; removed $new"
        return 1
    fi
}

# suite_entry CODENAME [FILTER]: where that suite stands in the sources, as apt read them: FILE:NUMBER.
suite_entry() {
    # shellcheck disable=SC2016  # apt's own variable
    apt-get indextargets --format '$(SOURCESENTRY)' \
        'Created-By: Packages' 'Component: main' "Codename: $1" "${@:2}" | sed -n 1p
}

# backports_stanza FILE NUMBER: that stanza of a deb822 file, with the suite replaced.
backports_stanza() {
    sed '/^#/d' "$1" | awk -v number="$2" '
        BEGIN { RS = ""; FS = "\n" }
        NR == number {
            for (i = 1; i <= NF; i++) {
                if ($i !~ /^[ \t]/) in_suites = ($i ~ /^Suites:/)
                if ($i ~ /^Suites:/) print "Suites: bookworm-backports"
                else if (!in_suites) print $i
            }
        }'
}

# Debian's packages start their daemons when they are installed, unless a policy forbids it.
forbid_service_starts() {
    [[ ! -e $POLICY ]] || return 0
    trap 'rm -f "$POLICY"' EXIT
    install -m 755 /dev/null "$POLICY"
    printf '#!/bin/sh\nexit 101\n' >"$POLICY"
}

# ---- rights ------------------------------------------------------------------------------------

# The groups that the user is not in; root needs none.
missing_groups() {
    local group
    [[ $user != root ]] || return 0
    for group in libvirt kvm; do
        [[ " $(id -nG "$user") " == *" $group "* ]] || say "$group"
    done
}

todo_groups() {
    local groups
    groups=$(missing_groups | paste -sd ,)
    [[ -z $groups ]] || say "add $user to $groups"
}

fix_groups() {
    local groups
    groups=$(missing_groups | paste -sd ,)
    step "add $user to $groups" usermod -aG "$groups" "$user"
    new_groups=yes
}

# The user that libvirt runs QEMU as; libvirt's package makes it.
qemu_user() {
    local name
    for name in libvirt-qemu qemu; do
        if getent passwd "$name" >/dev/null; then
            say "$name"
            return
        fi
    done
}

tmpfiles_text() {
    say "# vmtools: the QMP and VNC sockets of its VMs, for the group libvirt."
    say "d $QMP_DIR 2770 $(qemu_user) libvirt -"
}

todo_qmp_directory() {
    [[ $(cat "$TMPFILES" 2>/dev/null) == "$(tmpfiles_text)" ]] || say "write $TMPFILES"
    [[ $(stat -c %U:%G:%a "$QMP_DIR" 2>/dev/null) == "$(qemu_user):libvirt:2770" ]] || say "create $QMP_DIR"
}

fix_qmp_directory() {
    local owner
    owner=$(qemu_user)
    [[ -n $owner ]] || die 'there is no user libvirt-qemu or qemu: libvirt is not installed as expected'
    write_file "$TMPFILES" "$(tmpfiles_text)"
    step "create $QMP_DIR" install -d -m 2770 -o "$owner" -g libvirt "$QMP_DIR"
}

apparmor_text() {
    say "# vmtools: a VM's QMP and VNC sockets."
    say "$QMP_DIR/*.qmp rw,"
    say "$QMP_DIR/*.vnc rw,"
}

todo_apparmor() {
    [[ -d $APPARMOR_DIR ]] || return 0
    [[ $(cat "$APPARMOR" 2>/dev/null) == "$(apparmor_text)" ]] || say "write $APPARMOR"
}

# There is nothing to reload: libvirt reads this whenever it starts a VM.
fix_apparmor() {
    write_file "$APPARMOR" "$(apparmor_text)"
}

# ---- daemons -----------------------------------------------------------------------------------

has_systemd() { [[ -d /run/systemd/system ]]; }

# Looking is read-only, which every user may.
look() { timeout 20 virsh -q -r -c "$LIBVIRT_URI" "$@" 2>/dev/null; }
change() { timeout 60 virsh -q -c "$LIBVIRT_URI" "$@"; }

libvirt_answers() { look uri >/dev/null; }

virtlogd_runs() {
    local pid
    pid=$(cat /run/virtlogd.pid 2>/dev/null) && [[ $(cat "/proc/$pid/comm" 2>/dev/null) == virtlogd ]]
}

# Fedora and openSUSE have a daemon for each driver, others one libvirtd. Whoever has libvirtd enabled keeps it.
libvirt_units() {
    local unit
    if [[ $family == debian || $family == arch ]] || systemctl -q is-enabled libvirtd.socket 2>/dev/null ||
        ! unit_exists virtqemud.socket; then
        say libvirtd.socket
    else
        for unit in virt{qemu,network,storage,nodedev,nwfilter,secret,proxy}d.socket; do
            if unit_exists "$unit"; then say "$unit"; fi
        done
    fi
    say virtlogd.socket
}

unit_exists() { systemctl cat "$1" >/dev/null 2>&1; }

disabled_units() {
    local unit
    for unit in $(libvirt_units); do
        systemctl -q is-enabled "$unit" 2>/dev/null || say "$unit"
    done
}

todo_daemons() {
    if has_systemd; then
        [[ -z $(disabled_units) ]] || say "enable $(disabled_units | xargs)"
        libvirt_answers || say "start $(libvirt_units | xargs)"
    else
        virtlogd_runs || say 'start virtlogd'
        libvirt_answers || say 'start libvirtd'
    fi
}

fix_daemons() {
    local units
    if has_systemd; then
        mapfile -t units < <(libvirt_units)
        step "enable ${units[*]}" systemctl enable "${units[@]}"
        # Only if needed: a socket does not start while its service already runs.
        libvirt_answers || step "start ${units[*]}" systemctl start "${units[@]}"
    else
        virtlogd_runs || step 'start virtlogd (without systemd)' virtlogd -d
        libvirt_answers || start_libvirt_daemons
    fi
    wait_for_libvirt
}

start_libvirt_daemons() {
    local daemon
    if [[ -n $(type -P libvirtd) ]]; then
        step 'start libvirtd (without systemd)' start_libvirtd
        return
    fi
    for daemon in virt{network,storage,nodedev,nwfilter,secret,qemu}d; do
        step "start $daemon (without systemd)" "$daemon" -d
    done
}

# Without D-Bus there is no polkit to let the group libvirt in, so the socket's own rights have to. For
# this one process: written into /etc, it would open systemd's socket, which is 0666, to everybody.
start_libvirtd() {
    local conf=/etc/libvirt/libvirtd.conf for_now=/run/libvirt/vmtools-libvirtd.conf
    if [[ -S /run/dbus/system_bus_socket ]] || grep -qE '^(auth_unix|unix_sock)_' "$conf"; then
        libvirtd -d
    else
        printf '%s\n' 'auth_unix_ro = "none"' 'auth_unix_rw = "none"' \
            'unix_sock_group = "libvirt"' 'unix_sock_rw_perms = "0770"' | cat "$conf" - >"$for_now" &&
            libvirtd -d -f "$for_now"
    fi
}

wait_for_libvirt() {
    local deadline=$((SECONDS + 30))
    until libvirt_answers; do
        [[ $SECONDS -lt $deadline ]] || die "libvirt does not answer: virsh -c $LIBVIRT_URI uri"
        sleep 0.2
    done
}

# ---- the default network -----------------------------------------------------------------------

# network_is [FLAG..]: does net-list with these flags name it? (Without any: is it active?)
network_is() { look net-list --name "$@" | grep -x default >/dev/null; }

todo_network() {
    network_is --all || say 'define default'
    network_is --all --autostart || say 'enable autostart of default'
    network_is || say 'start default'
}

fix_network() {
    local prefix own
    if ! network_is --all; then
        prefix=$(free_prefix)
        step "define the network default, $prefix.0/24" define_network "$(network_xml "$prefix")"
    elif ! network_is; then
        # Its package defines 192.168.122.0/24 unseen, which inside a VM is often the network outside.
        own=$(network_prefixes default)
        if [[ $own =~ ^[0-9.]+$ ]] && is_routed "$own"; then
            prefix=$(free_prefix)
            step "move the network default from $own.0/24, which is in use, to $prefix.0/24" \
                define_network "$(look net-dumpxml --inactive default | sed "s/'${own//./\\.}\./'$prefix./g")"
        fi
    fi
    network_is --all --autostart || step 'enable autostart of the network default' change net-autostart default
    network_is || start_network
}

# Only warns: a container often lacks the right to, and all the rest is good without it.
start_network() {
    local out
    say '+ start the network default'
    out=$(change net-start default 2>&1) || {
        warn "the network default could not be started: ${out#error: }"
        warn "in a container, add the capability NET_ADMIN, then run: virsh -c $LIBVIRT_URI net-start default"
    }
}

define_network() { change net-define /dev/stdin <<<"$1"; }

network_xml() {
    cat <<EOF
<network>
  <name>default</name>
  <forward mode='nat'/>
  <bridge name='virbr0' stp='on' delay='0'/>
  <ip address='$1.1' netmask='255.255.255.0'>
    <dhcp><range start='$1.2' end='$1.254'/></dhcp>
  </ip>
</network>
EOF
}

# network_prefixes NAME..: the first three numbers of their IPv4 addresses.
network_prefixes() {
    local name
    for name; do
        look net-dumpxml --inactive "$name" | sed -nE "s/.*<ip address='([0-9]+\.[0-9]+\.[0-9]+)\..*/\1/p"
    done
}

# A /24 that meets neither a route or address of this host nor another network of libvirt.
free_prefix() {
    local names prefix others
    mapfile -t names < <(look net-list --all --name | sed '/^$/d')
    others=$(network_prefixes "${names[@]}")
    for prefix in 192.168.{122..254} 172.30.{0..255} 10.122.{0..255}; do
        if ! grep -qx "$prefix" <<<"$others" && ! is_routed "$prefix"; then
            say "$prefix"
            return
        fi
    done
    die 'there is no free /24 for the default network: define the network yourself (virsh net-define)'
}

# is_routed PREFIX: is there a route inside PREFIX.0/24, or one around it other than a way to the world
# (the default route, or a VPN's two halves of it)?
is_routed() {
    local inside around
    inside=$(ip -4 route show table all root "$1.0/24")
    around=$(ip -4 route show table all match "$1.0/24" | grep -vE '(^| )(default|[0-9.]+/[1-7]) ') || true
    [[ -n $inside$around ]]
}

# ---- the end -----------------------------------------------------------------------------------

summary() {
    local package
    say ''
    say "libvirt   $(virsh --version)"
    say "QEMU      $(qemu-img --version | sed -n '1s/.*version //p')"
    say "KVM       $(kvm_state)"
    for package in $(missing_of "${optional[@]}"); do
        say "note      $package is not available from the package manager"
    done
    say ''
    [[ $new_groups == no ]] || say "$user: log in again for the new groups to take effect (or run: newgrp libvirt)."
    say 'Next: vmtools doctor, then vmtools create myvm --template ubuntu --start --wait'
}

# The device alone is no proof: there are hosts where it opens and no guest boots.
kvm_state() {
    if [[ ! -e /dev/kvm ]]; then
        say 'not usable: there is no /dev/kvm (virtualization off in the firmware, or a VM without nested virtualization); VMs are emulated and slow'
    elif ! (: <>/dev/kvm) 2>/dev/null; then
        say 'not usable by you: permission denied on /dev/kvm (group kvm?)'
    elif ! grep -qwE 'vmx|svm' /proc/cpuinfo; then
        say 'not usable: /dev/kvm exists, but the CPU has neither vmx nor svm; VMs are emulated and slow'
    else
        say 'usable'
    fi
}

main "$@"
