//! Whether all that libvirt, the pools and the records say fits together: what any mix of commands, of which some
//! failed or were killed, has to leave behind.

use super::support::Sandbox;

/// Prints a line for each thing that does not fit. Needs no more than virsh and qemu-img.
const CHECK: &str = r#"
shopt -s nullglob
pool=/var/lib/libvirt/images/vmtools
sockets=/run/libvirt/qemu/vmtools
virsh() { command virsh -q -c qemu:///system "$@"; }
definitions=$(for uuid in $(virsh list --all --uuid); do virsh dumpxml --inactive "$uuid"; done)
running=$(virsh list --uuid)
networks=$(virsh net-list --all --name)
written=
chains=
for uuid in $(virsh list --all --uuid); do
    name=$(virsh domname "$uuid")
    while read -r type _ _ source; do
        [[ $type == file && $source == /* ]] || continue
        if chain=$(qemu-img info -U --backing-chain --output=json "$source" 2>&1); then
            below=$(sed -n 's/^ \{4,8\}"filename": "\(.*\)",\{0,1\}$/\1/p' <<<"$chain" | grep -vxF "$source")
            chains+=$(sed "s|\$| $name|" <<<"$below")$'\n'
        else
            echo "$name: $source is broken: ${chain%%$'\n'*}"
        fi
        ! grep -qxF "$uuid" <<<"$running" || written+="$source $name"$'\n'
    done < <(virsh domblklist --details --inactive "$uuid" 2>/dev/null)
    while read -r type source _; do
        [[ $type != network ]] || grep -qxF "$source" <<<"$networks" || echo "$name: there is no network $source"
    done < <(virsh domiflist --inactive "$uuid" 2>/dev/null | awk '{ print $2, $3 }')
done
while read -r file name; do
    [ -n "$file" ] || continue
    above=$(awk -v file="$file" '$1 == file { print $2; exit }' <<<"$chains")
    [ -z "$above" ] || echo "$name runs, and $above stands on its $file"
done <<<"$written"
for file in "$pool"/*; do
    case ${file##*/} in
    vmtools-base-*.json) [ -e "${file%.json}" ] || echo "$file: a marker without its base" ;;
    vmtools-base-*) [ -e "$file.json" ] || echo "$file: a base without its marker" ;;
    *) grep -qF "$file" <<<"$definitions" || echo "$file: nobody's" ;;
    esac
done
for socket in "$sockets"/*; do
    uuid=${socket##*/}
    grep -qxF "${uuid%.*}" <<<"$running" || echo "$socket: of no VM that runs"
done
for pid in $(pgrep -f '^/usr/bin/qemu-system'); do
    uuid=$(tr '\0' '\n' <"/proc/$pid/cmdline" | grep -A 1 -x -e -uuid | tail -n 1)
    grep -qxF "$uuid" <<<"$(virsh list --uuid)" || echo "process $pid: a QEMU of no VM that runs"
done
"#;

/// What does not fit together, a line each.
#[track_caller]
pub fn misfits(sandbox: &Sandbox) -> Vec<String> {
    sandbox.as_root("bash", &["-c", CHECK]).run().success().lines()
}
