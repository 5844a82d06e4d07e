#!/usr/bin/env bash
# libvirt_documents.sh: the documents that libvirt's own tests read, from its source as Debian has it, by apt, which checks
# it. Kept in the cache. Prints their folder.
set -euo pipefail

fail() {
    printf 'libvirt_documents.sh: %s\n' "$*" >&2
    exit 1
}

fetch() {
    local work keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    work=$(mktemp -d)
    # shellcheck disable=SC2064  # now, while the name is known
    trap "rm -rf '$work'" EXIT
    mkdir -p "$work"/{lists,cache/archives}/partial
    # The sources of the same suites that the packages are from.
    apt-get indextargets --format "deb-src [signed-by=$keyring] \$(SITE) \$(RELEASE) \$(COMPONENT)" \
        'Created-By: Packages' 'Origin: Debian' | sort -u >"$work/sources.list"
    [ -s "$work/sources.list" ] || fail 'apt knows no packages of Debian'
    local version options=(-q -q -o APT::Sandbox::User=root -o Dir::Etc::SourceList="$work/sources.list"
        -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache")
    apt-get "${options[@]}" update >&2 || fail 'the list of source packages cannot be fetched'
    # The newest, from the backports where apt knows them.
    version=$(apt-cache "${options[@]}" showsrc libvirt | sed -n 's/^Version: //p' | sort -V | tail -n 1)
    (cd "$work" && apt-get "${options[@]}" source --tar-only --download-only "libvirt=$version" >&2) ||
        fail 'the source of libvirt cannot be fetched'
    rm -rf "$1.part"
    mkdir "$1.part"
    tar -C "$1.part" --strip-components 1 --wildcards -xf "$work"/libvirt_*.orig.tar.xz '*/tests/*.xml' ||
        fail "the source of libvirt has none of its tests' documents"
    mv -T "$1.part" "$1"
}

cache=${VMTOOLS_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmtools-tests}
folder=$cache/libvirt-documents
mkdir -p "$cache"
exec 9>"$folder.lock"
flock 9
[ -d "$folder" ] || fetch "$folder"
echo "$folder"
