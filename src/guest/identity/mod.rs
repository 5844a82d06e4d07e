//! Giving a guest that was copied while it ran an identity of its own.
//!
//! ```text
//! in the first guest      prepare_script() ─ the helper waits in memory ─ (its state is saved)
//! in each copy            Identity ─ the helper: seed, clock, names, keys, addresses, cloud-init's instance ─ "applied"
//!                         afterwards, unhurried: host name daemon, journal, the guest agent
//! ```
//!
//! The helper is a Python program: every guest that cloud-init sets up has Python. It needs no agent in the guest: it
//! answers on the channel that the agent would use, and an agent that runs is stopped before and started again after. What
//! it leaves as it is: whatever else a guest may hold that is its own, such as Kerberos keys, certificates, the serial
//! numbers of snapd or of a monitoring agent, the addresses in the memory of running programs (ASLR), and the boot id.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

const HELPER: &str = include_str!("helper.py");
const PREPARE: &str = include_str!("prepare.sh");
const RELEASE: &str = include_str!("release.sh");
/// Ends the script in the document that passes it on. It stands in neither.
const END: &str = "VMTOOLS_END";

/// What a copied guest gets, in the words of the helper.
#[derive(Clone, serde::Serialize)]
pub struct Identity {
    /// Random bytes of the host's, in base64, for the guest's random number generator.
    pub seed: String,
    /// The time, in seconds since 1970.
    pub time: f64,
    /// Its host name, without a domain.
    pub hostname: String,
    /// The same with its domain, if it has one.
    pub fqdn: String,
    /// The one that it has still.
    pub old_hostname: String,
    /// Its machine-id(5).
    pub machine_id: String,
    /// Its private ssh host key.
    pub host_key: String,
    /// The public half.
    pub host_key_public: String,
    /// The user who gets the keys.
    pub user: String,
    /// The public keys that may log in besides, a line each.
    pub authorized_keys: Vec<String>,
    /// The user's password as a hash; `None` leaves it as it is.
    pub password: Option<String>,
    /// The hardware addresses that its network interfaces get, in their order.
    pub macs: Vec<String>,
    /// Those that its configuration names still, in the same order.
    pub old_macs: Vec<String>,
    /// Its id for cloud-init.
    pub instance_id: String,
    /// The one that it has still.
    pub old_instance_id: String,
}

/// The helper, to be run by `python3 -I -c`: it reads the [`Identity`] as one line, and prints `{"applied": true, ..}`.
pub fn helper() -> &'static str {
    HELPER
}

/// A script for `sh` in the guest, by whoever may use sudo without a password, that starts the helper there and ends once
/// it waits. It says on standard error why it can't.
pub fn prepare_script() -> String {
    as_root(PREPARE, "saved", HELPER)
}

/// The same in a guest that goes on as it is, besides: only the copies will have another network interface.
pub fn prepare_to_fork_script() -> String {
    as_root(PREPARE, "goes-on", HELPER)
}

/// A script that ends the helper in a guest which went on as it was. What is not there is fine.
pub fn release_script() -> String {
    as_root(RELEASE, "", "")
}

fn as_root(script: &str, argument: &str, input: &str) -> String {
    let input = wrapped(&BASE64.encode(input));
    let script = wrapped(&BASE64.encode(script));
    format!(
        "umask 077; script=$(mktemp) && base64 -d >\"$script\" <<'{END}' || exit 3\n{script}{END}\n\
         root=; [ \"$(id -u)\" = 0 ] || root='sudo -n'\n\
         $root sh \"$script\" {argument} <<'{END}'\n{input}{END}\n\
         status=$?; rm -f \"$script\"; exit $status\n"
    )
}

fn wrapped(text: &str) -> String {
    let lines = text.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned() + "\n");
    lines.collect()
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("hostname", &self.hostname).finish_non_exhaustive()
    }
}
