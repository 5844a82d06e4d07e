#!/usr/bin/env bash
# Runs the README's examples, each a function. Usage: examples.sh list | all | NAME
# VMTOOLS_EXAMPLE_IMAGE: the guest's image (default: the template ubuntu); VMTOOLS: the program (default: vmtools in PATH).
set -euo pipefail

readonly VMTOOLS=${VMTOOLS:-vmtools}
readonly VM=vmtools-example-$$
if [[ -n ${VMTOOLS_EXAMPLE_IMAGE:-} ]]; then
    SOURCE=(--image "$VMTOOLS_EXAMPLE_IMAGE" --memory 256M --cpus 1)
else
    SOURCE=(--template ubuntu)
fi
WORK=

clean_up() {
    "$VMTOOLS" --quiet delete --force --if-exists "$VM" >/dev/null || true
    rm -rf "$WORK"
}

vmt() {
    printf '+ vmtools %s\n' "$*" >&2
    "$VMTOOLS" "$@"
}
made() { vmt create "$VM" "${SOURCE[@]}" --if-not-exists "$@"; }
# fails_with CODE COMMAND..
fails_with() {
    local code=0
    "${@:2}" || code=$?
    [[ $code -eq $1 ]] || { printf 'expected status %s, got %s\n' "$1" "$code" >&2 && return 1; }
}

example_first_session() {
    made --start --wait --timeout 10m
    vmt list
    vmt ip "$VM"
    vmt status "$VM"
    vmt ssh "$VM" -- uname -a
    vmt delete "$VM" --dry-run
    vmt delete "$VM" --force
}

example_stop_and_start() {
    made --start --wait=ssh --timeout 10m
    vmt stop "$VM"
    vmt start "$VM" --wait=ssh
    vmt wait "$VM" --for ip --for port=22 --timeout 2m
    vmt stop "$VM" --force
}

example_labels() {
    vmt delete --force --if-exists "$VM"
    made --label "example=$$" --ttl 2h
    vmt list --all -l "example=$$" --columns name,state,image,labels
    vmt delete --force -l "example=$$"
}

example_json() {
    made
    vmt list --all --json
    vmt status "$VM" --json
    fails_with 3 vmt status no-such-vm --json
    fails_with 2 vmt delete "$VM" </dev/null
    vmt delete "$VM" --force
}

# In a folder of its own: the user's configuration stays as it is.
example_config() {
    local -x XDG_CONFIG_HOME=$WORK
    vmt config --path
    vmt config --set defaults.memory=4G
    vmt config --get defaults.memory
    vmt config --unset defaults.memory
    vmt config --show
}

example_host() {
    vmt doctor
    vmt networks
    vmt gc --dry-run
}

example_shell() {
    vmt completions bash >"$WORK/vmtools.bash"
    vmt man "$WORK/man1"
    [[ -s $WORK/vmtools.bash && -s $WORK/man1/vmtools.1 ]]
}

names() { declare -F | sed -n 's/^declare -f example_//p'; }

# In a shell of its own, as `set -e` counts for nothing left of || and in conditions.
run_all() {
    local name
    for name in $(names); do
        printf '== %s\n' "$name"
        "$BASH" "$0" "$name"
    done
}

case ${1:-} in
list) names ;;
all) run_all ;;
'' | -h | --help) sed -n '2,3s/^# //p' "$0" ;;
*)
    declare -F "example_$1" >/dev/null || { printf 'unknown example %s (see examples.sh list)\n' "$1" >&2 && exit 2; }
    WORK=$(mktemp -d)
    trap clean_up EXIT
    "example_$1"
    ;;
esac
