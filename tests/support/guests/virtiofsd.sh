#!/usr/bin/env bash
# virtiofsd.sh: the program that serves folders to guests, where it is installed and new enough to serve them
# read-only (1.13); else, since Debian 12 has no package of it, built from its source and kept in the cache.
# Prints where it is.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

version=1.14.0

build_virtiofsd() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    # Outside the clone, whose own settings for cargo are not meant for it.
    (cd "$work" && env -u CARGO_TARGET_DIR -u RUSTFLAGS "${CARGO:-cargo}" install --quiet --locked \
        --version "$version" --root "$work/root" --target-dir "$work/target" virtiofsd) >&2 9>&- ||
        fail "virtiofsd cannot be built (packages: libseccomp-dev libcap-ng-dev)"
    mkdir -p "$1.part.$$"
    mv "$work/root/bin/virtiofsd" "$1.part.$$/"
    mv -T "$1.part.$$" "$1"
    rm -rf "$work"
    trap - EXIT
}

for program in /usr/libexec/virtiofsd /usr/lib/virtiofsd; do
    # The one of QEMU's own that bears its name prints "virtiofsd version 7.2.0".
    found=$("$program" --version 2>/dev/null | sed -n 's/^virtiofsd \([0-9.]*\)$/\1/p') || found=''
    if [ -n "$found" ] && [ "$(printf '%s\n' 1.13 "$found" | sort -V | head -n 1)" = 1.13 ]; then
        echo "$program"
        exit
    fi
done

cache=${VMTOOLS_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmtools-tests}
folder=$cache/virtiofsd-$version
mkdir -p "$cache"
if [ ! -d "$folder" ]; then
    exec 9>"$cache/virtiofsd.lock"
    flock 9
    [ -d "$folder" ] || build_virtiofsd "$folder"
    exec 9>&-
fi
echo "$folder/virtiofsd"
