//! VMs that go by one command: in which order, and which of them removes a file that several would.
//!
//! A VM goes before the one that removes a file which it uses. Where each would remove it, such as two VMs with one
//! file for their firmware's variables, the last one does: should it have to stay after all, it still has its file.

use std::collections::{HashMap, HashSet};

use super::draft::Draft;
use crate::manager::inventory::{FileKey, Inventory};

/// The drafts in the order in which they are to be done, each file in one of them alone.
pub(super) fn arrange(mut drafts: Vec<Draft>, inventory: &Inventory) -> Vec<Draft> {
    leave_what_others_keep(&mut drafts, inventory);
    let removed: Vec<HashSet<FileKey>> =
        drafts.iter().map(|draft| draft.removes().map(|path| inventory.files.key(path)).collect()).collect();
    let mut order = order(&drafts, &removed, inventory);
    let mut taken: HashSet<&FileKey> = HashSet::new();
    for index in order.iter().rev() {
        for key in &removed[*index] {
            if !taken.insert(key) {
                drafts[*index].leave(inventory, key);
            }
        }
    }
    let mut drafts: Vec<Option<Draft>> = drafts.into_iter().map(Some).collect();
    order.drain(..).filter_map(|index| drafts[index].take()).collect()
}

/// What libvirt made for a VM, such as its firmware's variables, may be another's disk, which stays.
fn leave_what_others_keep(drafts: &mut [Draft], inventory: &Inventory) {
    let mut keepers: HashMap<FileKey, HashSet<usize>> = HashMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        for path in draft.keeps() {
            keepers.entry(inventory.files.key(path)).or_default().insert(index);
        }
    }
    for (index, draft) in drafts.iter_mut().enumerate() {
        let of_libvirt: Vec<FileKey> =
            draft.made_by_libvirt().map(|path| inventory.files.key(path)).collect();
        for key in of_libvirt {
            if keepers.get(&key).is_some_and(|of_key| of_key.iter().any(|keeper| *keeper != index)) {
                draft.leave(inventory, &key);
            }
        }
    }
}

/// The places of the drafts, as far as may be in the order that they have. In a circle the first one goes first; what
/// it removes is asked for once more then, and refused.
fn order(drafts: &[Draft], removed: &[HashSet<FileKey>], inventory: &Inventory) -> Vec<usize> {
    let mut removers: HashMap<&FileKey, Vec<usize>> = HashMap::new();
    for (index, keys) in removed.iter().enumerate() {
        for key in keys {
            removers.entry(key).or_default().push(index);
        }
    }
    let mut waits_for: Vec<HashSet<usize>> = vec![HashSet::new(); drafts.len()];
    for (user, draft) in drafts.iter().enumerate() {
        for key in inventory.used_by(draft.uuid()) {
            if removed[user].contains(&key) {
                continue;
            }
            for remover in removers.get(&key).into_iter().flatten().filter(|remover| **remover != user) {
                waits_for[*remover].insert(user);
            }
        }
    }
    let mut open: Vec<usize> = (0..drafts.len()).collect();
    let mut order = Vec::with_capacity(open.len());
    while !open.is_empty() {
        let is_free = |one: &usize| !waits_for[*one].iter().any(|other| open.contains(other));
        let next = open.iter().position(is_free).unwrap_or(0);
        order.push(open.remove(next));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libvirt::{Domain, RelatedState};
    use crate::manager::delete::all_of;
    use crate::manager::delete::draft;
    use crate::manager::delete::plan::{DeletePlan, DeleteRequest};
    use crate::manager::inventory::testing::{domain, inventory};

    const VARS: &str = "<os><nvram>/n/vars</nvram></os>";

    /// What becomes of these VMs, in the order in which they go.
    fn plans(volumes: &[(&str, Option<&str>)], domains: Vec<Domain>, foreign_disks: bool) -> Vec<DeletePlan> {
        let inventory = inventory(volumes, domains.clone());
        let request = DeleteRequest { foreign_disks, ..DeleteRequest::default() };
        let draft = |domain| draft::draft(&inventory, domain, false, RelatedState::default(), &[], &request);
        let drafts = arrange(domains.iter().map(draft).collect(), &inventory);
        let all = all_of(&drafts, &inventory);
        drafts.into_iter().map(|draft| draft.finish(&inventory, &all)).collect()
    }

    fn summary(plan: &DeletePlan) -> (&str, Vec<&str>, bool) {
        (&plan.name, plan.delete.iter().map(String::as_str).collect(), plan.undefine.keep_nvram)
    }

    #[test]
    fn of_two_with_one_file_for_variables_the_last_removes_it() {
        let plans = plans(&[], vec![domain("a", "/p/a", VARS), domain("b", "/p/b", VARS)], false);
        assert_eq!(summary(&plans[0]), ("a", vec![], true));
        assert_eq!(summary(&plans[1]), ("b", vec!["/n/vars"], false));
    }

    #[test]
    fn what_one_keeps_as_its_disk_no_other_removes() {
        for names in [["a", "b"], ["b", "a"]] {
            let of = |name| match name {
                "a" => domain("a", "/p/a", VARS),
                _ => domain("b", "/n/vars", ""),
            };
            let plans = plans(&[], names.map(of).into(), false);
            assert!(plans.iter().all(|plan| plan.delete.is_empty()), "{plans:?}");
            let keeps = |plan: &DeletePlan| plan.name == "b" || plan.undefine.keep_nvram;
            assert!(plans.iter().all(keeps), "{plans:?}");
        }
    }

    #[test]
    fn who_uses_a_file_goes_before_who_removes_it() {
        let volumes = [("/p/a", None), ("/p/b", Some("/p/a"))];
        let plans = plans(&volumes, vec![domain("a", "/p/a", ""), domain("b", "/p/b", "")], true);
        let names: Vec<_> = plans.iter().map(summary).collect();
        assert_eq!(names, [("b", vec!["/p/b"], false), ("a", vec!["/p/a"], false)]);
    }
}
