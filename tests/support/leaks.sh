#!/usr/bin/env bash
# leaks.sh TEST_BINARY [ARG]..: runs a test binary as cargo's runner, and fails if it leaves anything on the machine:
# a process (a libvirtd, a guest, a command), a namespace, a mount, a loop device, or a file. Prints what is left.
#
# Other test runs may go on beside it: what is this one's is told by the test binary's process id, which is in the name
# of each folder that the tests make, and by a mark in the environment.
set -euo pipefail

# Processes that need a moment to end, as what removes a sandbox's folder does, have that long.
readonly PATIENCE=${VMTOOLS_TEST_LEAK_SECONDS:-15}

# What is found of a run whose process had that id, a line each.
left_by() {
    local pid=$1 ours="vmt-(env-)?$1-[0-9]" entry process names=()
    for entry in "${TMPDIR:-/tmp}"/vmt-"$pid"-* "${TMPDIR:-/tmp}"/vmt-env-"$pid"-*; do
        [[ ! -e $entry ]] || echo "file: $entry"
    done
    grep -E "$ours" /proc/self/mountinfo | sed 's/^/mount: /' || true
    losetup --list --noheadings --output NAME,BACK-FILE 2>/dev/null | grep -E "$ours" | sed 's/^/loop device: /' || true
    # A process in a sandbox sees its mounts; one beside it has its folder in its environment or its arguments.
    mapfile -t names < <(cd /proc && grep -lsaE "$ours|VMTOOLS_TEST_RUN=$pid-$$(\$|[^0-9])" \
        [0-9]*/{cmdline,environ,mountinfo} | cut -d / -f 1 | sort -un)
    for process in "${names[@]}"; do
        describe "$process"
    done
    # Of namespaces that a mount holds and no process, as those of `ip netns` are.
    comm -13 <(echo "$bound_before") <(bound_namespaces) | sed 's/^/namespace: /'
}

bound_namespaces() { awk '/ - nsfs / { print $4, $5 }' /proc/self/mountinfo | sort; }

# It may end meanwhile; what has ended and is only not collected yet holds nothing.
describe() {
    local state words
    state=$(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || return 0
    [[ -n $state && $state != Z && $1 != "$$" ]] || return 0
    words=$(tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null) || return 0
    printf 'process %s: %.300s(network namespace %s)\n' "$1" "$words" "$(readlink "/proc/$1/ns/net" || true)"
}

bound_before=$(bound_namespaces)
note=$(mktemp)
# shellcheck disable=SC2064  # now, while the name is known
trap "rm -f '$note'" EXIT
status=0
# By exec, so that its id is known; in the foreground, so that a Ctrl-C reaches it.
# shellcheck disable=SC2016
VMTOOLS_TEST_RUN=$$ bash -c 'echo "$$" >"$0"; export VMTOOLS_TEST_RUN="$$-$VMTOOLS_TEST_RUN"; exec "$@"' "$note" "$@" || status=$?
pid=$(cat "$note")

end=$((SECONDS + PATIENCE))
while left=$(left_by "$pid") && [[ -n $left && $SECONDS -lt $end ]]; do sleep 0.2; done
if [[ -n $left ]]; then
    printf '\nerror: the tests of %s left behind:\n%s\n' "${1##*/}" "$left" >&2
    [[ $status -ne 0 ]] || status=1
fi
exit "$status"
