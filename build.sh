#!/usr/bin/env bash
# Builds, tests, installs and packages vmtools. Each verb is the function verb_VERB.
set -euo pipefail
shopt -s inherit_errexit
umask 022
cd "$(dirname "${BASH_SOURCE[0]}")"
PATH=$PATH:$HOME/.cargo/bin:/usr/sbin:/sbin

readonly TARGET=${CARGO_TARGET_DIR:-target}
readonly BINARY=$TARGET/release/vmtools
readonly DIST=$TARGET/dist
VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
readonly VERSION

# What the tests and the guest images that they build call.
readonly TEST_PACKAGES=(binutils mmdebstrap busybox-static dropbear-bin syslinux syslinux-common mtools dosfstools
    e2fsprogs fdisk cpio zstd openssh-client iproute2 util-linux nftables libseccomp-dev libcap-ng-dev
    xfsprogs procps strace fish zsh groff-base)

# The Debian suites whose own libvirt and QEMU the tests can run against, and what --all runs in each.
readonly SUITES=(bookworm trixie sid)
readonly SUITE_SUBSET=(lifecycle:: network:: clone:: disk:: snapshot:: uefi::)

verb_help() {
    cat <<'EOF'
Usage: ./build.sh VERB [OPTION]..

  quickstart [--name NAME]  install, build and create a VM that you can ssh into (default: quickstart)
  deps [--test]             install the run-time dependencies, with --test also those of the tests
  debug, release            build the program
  test [--all] [--timings] [ARG]..
                            check the format, lint and test; ARGs are passed to cargo test; --all runs the
                            heavy tests in full (races, stress, libvirt's documents), not one case of each,
                            and without ARGs a subset of the hypervisor tests in each Debian suite;
                            --timings prints how long each test took
  test --suite SUITE [--all] [--timings] [ARG]..
                            run the hypervisor tests against the libvirt and QEMU of a Debian suite (bookworm,
                            trixie, sid), which are installed in a root folder of their own
  bench [ARG]..             run the benchmarks; ARGs are passed to cargo bench
  picture                   take the guides' picture of the live screen from a running VM
  install [--prefix DIR]    install the binary, completions and man pages (default: /usr/local; honours DESTDIR)
  uninstall [--prefix DIR]  remove what install installed
  package                   build a tarball and a .deb in target/dist
  clean                     remove target
  help                      print this help

Environment:
  VMTOOLS_SKIP_DEPS=1   do not install dependencies for test and bench
  CI=true               do not allow tests to be skipped
  VMTOOLS_FUZZ_SECONDS  duration of the fuzzing test (default: 75, with CI=true 20)

Examples:
  ./build.sh quickstart --name web
  ./build.sh test -- --test-threads 1
  ./build.sh test --all --test hypervisor stress
  ./build.sh test --suite trixie lifecycle
  ./build.sh release && sudo ./build.sh install
  ./build.sh install --prefix ~/.local
EOF
}

# ---- talking and rights ------------------------------------------------------------------------

say() { printf '%s\n' "$*"; }
headline() { printf '\n==> %s\n' "$*"; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

as_root() {
    if [[ $EUID -eq 0 ]]; then
        "$@"
    elif [[ -n $(type -P sudo) ]]; then
        say "+ sudo $*" >&2
        sudo "$@"
    else
        die "this requires root, and sudo is not installed; run as root: $*"
    fi
}

# ---- what is needed ----------------------------------------------------------------------------

verb_deps() {
    case "$*" in
    '' | --test) ;;
    *) die "deps accepts only --test" ;;
    esac
    need_cargo
    ./install-qemu-kvm.sh --check --no-start >/dev/null || as_root ./install-qemu-kvm.sh --yes --no-start
    if [[ ${1:-} == --test ]]; then test_packages "${TEST_PACKAGES[@]}"; fi
    say 'All dependencies are installed.'
}

need_cargo() {
    local needed found
    needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    [[ -n $(type -P cargo) ]] || die "cargo is not in PATH or ~/.cargo/bin; to install Rust (https://rustup.rs):
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y
    . ~/.cargo/env"
    found=$(cargo --version | cut -d ' ' -f 2)
    [[ $(printf '%s\n' "$needed" "$found" | sort -V | head -n 1) == "$needed" ]] ||
        die "cargo is $found, but $needed is required: rustup update"
}

# test_packages PACKAGE..: installs those that are missing.
test_packages() {
    local package missing=()
    [[ -n $(type -P apt-get) ]] || die "the tests build their guests from Debian packages: run them on Debian or Ubuntu"
    for package; do
        dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
    done
    # The guests' kernel is only downloaded, by their builder, which wants apt to know it.
    if [[ ${#missing[@]} -gt 0 || -z $(apt-cache madison linux-image-cloud-amd64) ]]; then
        apt_get update
    fi
    if [[ ${#missing[@]} -gt 0 ]]; then
        say "Installing ${missing[*]}"
        apt_get install --no-install-recommends "${missing[@]}"
    fi
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 "$@" >/dev/null
}

# ---- building and testing ----------------------------------------------------------------------

verb_debug() {
    need_cargo
    cargo build --locked
}

verb_release() {
    need_cargo
    cargo build --release --locked
}

verb_test() {
    local timings=no suite=''
    while :; do
        case ${1:-} in
        --all) export VMTOOLS_TEST_ALL=1 ;;
        --suite) suite=${2:?--suite requires one of ${SUITES[*]}} && shift ;;
        --suite=*) suite=${1#*=} ;;
        --timings) timings=yes ;;
        *) break ;;
        esac
        shift
    done
    if [[ -n $suite ]]; then
        [[ " ${SUITES[*]} " == *" $suite "* ]] || die "unknown suite $suite (--suite accepts ${SUITES[*]})"
        [[ $EUID -eq 0 ]] || die '--suite requires root, as the hypervisor tests do'
    fi
    need_cargo
    [[ ${VMTOOLS_SKIP_DEPS:-} == 1 ]] || verb_deps --test
    if [[ ${CI:-} == true ]]; then
        export VMTOOLS_TEST_NO_SKIP=1 VMTOOLS_FUZZ_SECONDS=${VMTOOLS_FUZZ_SECONDS:-20}
        # All is compiled once, and no debugger comes: backtraces need no more than the lines.
        export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=line-tables-only
        # Tests against libvirt wait longer than they compute.
        export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(($(nproc) * 3))}
    fi
    if [[ -n $suite ]]; then
        test_suite "$suite" "$timings" "$@"
        return
    fi
    headline 'format'
    cargo fmt --check
    headline 'lints'
    cargo clippy --all-targets --locked -- -D warnings
    headline 'documentation'
    RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --locked
    headline 'tests'
    run_tests leaks.sh "$timings" "$@"
    if [[ ${VMTOOLS_TEST_ALL:-} == 1 && $# -eq 0 && $EUID -eq 0 ]]; then
        for suite in "${SUITES[@]}"; do
            VMTOOLS_TEST_ALL=0 test_suite "$suite" "$timings" -- "${SUITE_SUBSET[@]}"
        done
    fi
}

# test_suite SUITE TIMINGS [ARG]..: runs the hypervisor tests in that suite's root folder.
test_suite() {
    headline "tests against the libvirt and QEMU of Debian $1"
    # In there, everything is of the suite but the guests.
    VMTOOLS_TEST_CACHE=${VMTOOLS_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmtools-tests}
    VMTOOLS_TEST_BUSYBOX_IMAGE=$(tests/support/guests/busybox.sh)
    VMTOOLS_TEST_DEBIAN_IMAGE=$(tests/support/guests/debian.sh)
    bash tests/support/guests/virtiofsd.sh >/dev/null || say 'virtiofsd cannot be built: only a suite that has it can mount folders'
    VMTOOLS_TEST_SUITE_ROOT=$(tests/support/suite_root.sh "$1" "${TEST_PACKAGES[@]}")
    export VMTOOLS_TEST_CACHE VMTOOLS_TEST_BUSYBOX_IMAGE VMTOOLS_TEST_DEBIAN_IMAGE VMTOOLS_TEST_SUITE_ROOT
    run_tests suite_run.sh "$2" --test hypervisor "${@:3}"
}

# run_tests RUNNER TIMINGS [ARG]..: fails too if a test leaves a process, a namespace, a mount or a file behind.
run_tests() {
    local triple status=0
    triple=$(rustc -vV | sed -n 's/^host: //p')
    export "CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"$triple")_RUNNER=tests/support/$1"
    shift
    TEST_OUTPUT=$(mktemp)
    trap 'rm -f "$TEST_OUTPUT" "${VMTOOLS_TEST_TIMINGS:-}"' EXIT
    [[ $1 == no ]] || VMTOOLS_TEST_TIMINGS=$(mktemp)
    export VMTOOLS_TEST_TIMINGS
    if [[ -t 1 ]]; then
        cargo test --locked "${@:2}" || status=$?
    else
        cargo test --locked "${@:2}" 2>&1 | tee "$TEST_OUTPUT" || status=$?
    fi
    if [[ $1 != no ]]; then
        headline 'timings, the slowest first, in seconds'
        print_timings <"$VMTOOLS_TEST_TIMINGS"
    fi
    if [[ $status -ne 0 && -s $TEST_OUTPUT ]]; then
        headline 'what failed'
        print_failures <"$TEST_OUTPUT"
    fi
    rm -f "$TEST_OUTPUT" "${VMTOOLS_TEST_TIMINGS:-}"
    return "$status"
}

# Each failed test with the beginning of its message: in a log that is cut, the end is what stays.
print_failures() {
    awk '/^---- .* stdout ----$/ { print; left = 16; next }
        /^(stack backtrace|failures):$/ || /^==> / { left = 0 }
        left > 0 && NF { print substr($0, 1, 300); left-- }
        /^error: the tests of .* left behind:$/ { print; left = 16 }'
}

# Of lines of milliseconds and a test's name. One that has several environments in turn has a line for each.
print_timings() {
    awk '{ spent[$2] += $1; sum += $1 }
        END {
            for (test in spent) printf "%8.1f %s\n", spent[test] / 1000, test | "sort -rn"
            close("sort -rn")
            printf "%8.1f the sum of %d tests\n", sum / 1000, length(spent)
        }'
}

verb_bench() {
    need_cargo
    if [[ ${VMTOOLS_SKIP_DEPS:-} != 1 ]]; then
        verb_deps --test
        test_packages virtinst
    fi
    verb_release
    cargo bench --locked --bench compare "$@"
}

verb_picture() {
    need_cargo
    [[ ${VMTOOLS_SKIP_DEPS:-} == 1 ]] || verb_deps --test
    VMTOOLS_PICTURE=$PWD/src/cli/guide/monitor.svg VMTOOLS_TEST_NO_SKIP=1 \
        cargo test --locked --test hypervisor -- --ignored --exact picture::the_page_of_a_vm_is_drawn
}

verb_clean() { rm -rf "$TARGET"; }

# ---- installing --------------------------------------------------------------------------------

verb_install() {
    local prefix staged file made=()
    prefix=$(prefix_of "$@")
    current_binary
    staged=$(mktemp -d)
    # shellcheck disable=SC2064  # now, while the name is known
    trap "rm -rf '$staged'" EXIT
    stage "$staged" site-functions

    # An older install may have files that this one has not.
    if [[ -e ${DESTDIR:-}$(manifest "$prefix") ]]; then verb_uninstall "$@"; fi
    while read -r file; do
        put "$staged/$file" "$prefix/$file"
    done < <(cd "$staged" && find . -type f -printf '%P\n' | sort)
    made+=("$(manifest "$prefix")")
    printf '%s\n' "${made[@]}" >"${DESTDIR:-}$(manifest "$prefix")"
    say "Installed vmtools $VERSION in ${DESTDIR:-}$prefix (to remove it:${DESTDIR:+ DESTDIR=$DESTDIR} ./build.sh uninstall --prefix $prefix)"
}

# The manifest lists files, and with a slash at the end the folders that install had to make.
verb_uninstall() {
    local prefix list
    prefix=$(prefix_of "$@")
    list=${DESTDIR:-}$(manifest "$prefix")
    [[ -e $list ]] || die "vmtools is not installed in ${DESTDIR:-}$prefix: there is no $list"
    remove_listed <<<"$(cat "$list")"
    say "Removed vmtools from ${DESTDIR:-}$prefix"
}

# Backwards, so that a folder comes after what is in it. One that others use by now stays.
remove_listed() {
    local path
    while read -r path; do
        case $path in
        */) rmdir --ignore-fail-on-non-empty "${DESTDIR:-}$path" ;;
        *) rm -f "${DESTDIR:-}$path" ;;
        esac
    done < <(tac)
}

manifest() { say "$1/share/vmtools/installed-files"; }

prefix_of() {
    local prefix=/usr/local
    while [[ $# -gt 0 ]]; do
        case $1 in
        --prefix) prefix=${2:-} && shift ;;
        --prefix=*) prefix=${1#*=} ;;
        *) die "unknown option $1 (see ./build.sh help)" ;;
        esac
        shift || true
    done
    [[ $prefix == /* ]] || die '--prefix requires an absolute path'
    say "${prefix%/}"
}

# put SOURCE PATH: installs one file below DESTDIR and notes it, and each folder made for it, in `made`.
put() {
    make_folder "$(dirname "$2")"
    cp --preserve=mode "$1" "${DESTDIR:-}$2" || give_up "cannot write ${DESTDIR:-}$2"
    made+=("$2")
}

make_folder() {
    [[ ! -d ${DESTDIR:-}$1 ]] || return 0
    [[ $1 == / ]] || make_folder "$(dirname "$1")"
    mkdir "${DESTDIR:-}$1" || give_up "cannot create ${DESTDIR:-}$1"
    made+=("$1/")
}

give_up() {
    [[ ${#made[@]} -eq 0 ]] || printf '%s\n' "${made[@]}" | remove_listed
    die "$1 (run as root?): nothing was installed"
}

# Builds, unless the binary is newer than its sources: `sudo ./build.sh install` needs no cargo then.
current_binary() {
    if [[ ! -x $BINARY || -n $(find src Cargo.toml Cargo.lock -newer "$BINARY" -print -quit) ]]; then
        verb_release
    fi
}

# stage DIR ZSH_FOLDER: the files as below a prefix. Where zsh looks differs: site-functions below
# /usr/local, vendor-completions in Debian's own packages.
stage() {
    local root=$1 share=$1/share
    mkdir -p "$root/bin" "$share"/{vmtools,bash-completion/completions,fish/vendor_completions.d,man/man1} \
        "$share/zsh/$2"
    install -m 755 "$BINARY" "$root/bin/vmtools"
    install -m 755 install-qemu-kvm.sh "$share/vmtools/install-qemu-kvm.sh"
    "$BINARY" completions bash >"$share/bash-completion/completions/vmtools"
    "$BINARY" completions zsh >"$share/zsh/$2/_vmtools"
    "$BINARY" completions fish >"$share/fish/vendor_completions.d/vmtools.fish"
    "$BINARY" man "$share/man/man1" >/dev/null
    # Nothing at all would be easily missed.
    [[ -s $share/man/man1/vmtools.1 ]] || die "'vmtools man' did not create vmtools.1"
    [[ -s $share/man/man7/vmtools-networks.7 ]] || die "'vmtools man' did not create vmtools-networks.7"
}

# ---- packages ----------------------------------------------------------------------------------

verb_package() {
    [[ -n $(type -P dpkg-deb) ]] || die 'dpkg-deb is missing: install dpkg'
    [[ $(uname -m) == x86_64 ]] || die 'packages can only be built on x86_64'
    # The same commit gives the same bytes: all times are the commit's.
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
    export SOURCE_DATE_EPOCH
    current_binary
    rm -rf "$DIST"
    mkdir -p "$DIST"
    tarball "vmtools-$VERSION-x86_64-linux"
    deb "vmtools_${VERSION}_amd64"
    (cd "$DIST" && sha256sum -- *.tar.gz *.deb)
}

tarball() {
    local root=$DIST/$1
    stage "$root" site-functions
    install -m 644 README.md LICENSE "$root"
    tar -C "$DIST" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -c "$1" |
        gzip -9n >"$DIST/$1.tar.gz"
    rm -rf "$root"
}

deb() {
    local root=$DIST/$1 libc
    stage "$root/usr" vendor-completions
    gzip -9n "$root"/usr/share/man/man[17]/*
    install -D -m 644 README.md "$root/usr/share/doc/vmtools/README.md"
    install -D -m 644 LICENSE "$root/usr/share/doc/vmtools/copyright"
    # The oldest libc that has every symbol which the binary asks for.
    libc=$(grep -ao 'GLIBC_2\.[0-9]*' "$BINARY" | sort -uV | tail -n 1 | cut -d _ -f 2)
    mkdir -p "$root/DEBIAN"
    cat >"$root/DEBIAN/control" <<EOF
Package: vmtools
Version: $VERSION
Architecture: amd64
Maintainer: The vmtools authors <vmtools@localhost>
Section: admin
Priority: optional
Installed-Size: $(find "$root/usr" -type f -printf '%s\n' | awk '{ kib += int(($1 + 1023) / 1024) } END { print kib }')
Depends: libc6 (>= ${libc:-2.36}), libgcc-s1, libvirt-clients, qemu-utils, openssh-client
Recommends: libvirt-daemon-system, qemu-system-x86, passt, virtiofsd
Homepage: $(sed -n 's/^repository = "\(.*\)"/\1/p' Cargo.toml)
Description: $(sed -n 's/^description = "\(.*\)"/\1/p' Cargo.toml)
 vmtools takes a person, a script or a CI job from nothing to a VM that answers
 ssh, on the libvirt and QEMU/KVM that Linux already has, and keeps that VM.
 .
 /usr/share/vmtools/install-qemu-kvm.sh sets up libvirt and QEMU/KVM.
EOF
    dpkg-deb --root-owner-group --build "$root" "$DIST/$1.deb" >/dev/null
    rm -rf "$root"
}

# ---- quickstart --------------------------------------------------------------------------------

verb_quickstart() {
    local name=quickstart
    case ${1:-} in
    '') ;;
    --name) name=${2:?--name needs a name} ;;
    --name=*) name=${1#*=} ;;
    *) die "quickstart accepts only --name NAME" ;;
    esac

    headline 'Checking this machine'
    need_cargo
    if ./install-qemu-kvm.sh --check >/dev/null; then
        say 'QEMU/KVM and libvirt are installed.'
    else
        as_root ./install-qemu-kvm.sh --yes --user "$(id -un)"
    fi
    headline 'Building vmtools'
    verb_release

    # What an earlier try left that was killed.
    vmtools gc --quiet || true
    if vmtools status "$name" >/dev/null 2>&1; then
        headline "The VM $name already exists"
        vmtools start "$name" --wait
    else
        headline "Creating the VM $name"
        create_vm "$name"
    fi
    headline "Running uname -a in $name"
    vmtools ssh "$name" -- uname -a
    cat <<EOF

Reach it:   $BINARY ssh $name
Look:       $BINARY status $name
Remove it:  $BINARY delete $name --force
As plain \`vmtools ssh $name\`: ./build.sh install puts vmtools in your PATH.
EOF
}

# Ubuntu's image comes from the internet. Where that cannot be reached, a Debian guest is built from
# the package mirror that this machine has.
create_vm() {
    local code=0 image=/var/lib/libvirt/images/vmtools-debian-12.qcow2 pace=(--timeout 10m)
    if ! kvm_is_usable; then
        say 'KVM is not available: the VM is emulated and takes a few minutes to boot.'
        # Of one processor: QEMU was seen to abort when it emulates two (iotlb_to_section).
        pace=(--timeout 20m --cpus 1)
    fi
    vmtools create "$1" --template ubuntu --start --wait --if-not-exists "${pace[@]}" || code=$?
    case $code in
    0) return ;;
    8) say "The image host cannot be reached. Building a Debian guest from this machine's package mirror instead." ;;
    *) exit "$code" ;;
    esac
    verb_deps --test
    # Where QEMU's user can read it, which a home folder often is not.
    as_root tests/support/guests/debian.sh "$image" ||
        die "the Debian guest could not be built: is the package mirror of this machine reachable (apt-get update)?"
    vmtools create "$1" --template debian --image "$image" --start --wait --if-not-exists "${pace[@]}"
}

# The groups that the installer has just added to count only in a new login: sg is one.
vmtools() {
    if [[ $EUID -ne 0 && " $(id -nG) " != *' libvirt '* && " $(id -nG "$(id -un)") " == *' libvirt '* ]]; then
        sg libvirt -c "$(printf '%q ' "$BINARY" "$@")"
    else
        "$BINARY" "$@"
    fi
}

# The device alone is no proof: it can open where no guest boots.
kvm_is_usable() { [[ -c /dev/kvm ]] && (: <>/dev/kvm) 2>/dev/null && grep -qwE 'vmx|svm' /proc/cpuinfo; }

# ------------------------------------------------------------------------------------------------

verb=${1:-help}
[[ $verb != -h && $verb != --help ]] || verb=help
declare -F "verb_$verb" >/dev/null || die "unknown verb $verb (see ./build.sh help)"
"verb_$verb" "${@:2}"
