//! Running a command in a guest by its agent.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::libvirt::Error;
use crate::manager::guest::GuestAgent;
use crate::model::Uuid;

const PAUSE: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the agent may take to answer.
pub(in crate::manager) const ANSWER: Duration = Duration::from_secs(10);

#[derive(serde::Deserialize)]
struct Reply<T> {
    #[serde(rename = "return")]
    value: T,
}

#[derive(serde::Deserialize)]
pub(in crate::manager) struct Started {
    pub(in crate::manager) pid: i64,
}

/// What `guest-exec-status` tells. What the program prints comes at its end only.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(in crate::manager) struct Status {
    pub(in crate::manager) exited: bool,
    pub(in crate::manager) exitcode: Option<i32>,
    pub(in crate::manager) signal: Option<i32>,
    pub(in crate::manager) out_data: String,
    pub(in crate::manager) err_data: String,
    pub(in crate::manager) out_truncated: bool,
    pub(in crate::manager) err_truncated: bool,
}

impl GuestAgent<'_> {
    /// What a program in the guest prints, at most half a minute long (`guest-exec`, QEMU's guest agent
    /// protocol).
    ///
    /// # Errors
    /// When the agent isn't there, or forbids it.
    pub(in crate::manager) async fn run_by_agent(
        &self,
        uuid: Uuid,
        program: &str,
        args: &[&str],
    ) -> Result<String, Error> {
        let request = serde_json::json!({
            "execute": "guest-exec",
            "arguments": {"path": program, "arg": args, "capture-output": true},
        });
        let started: Started = self.ask_agent(uuid, &request, ANSWER).await?;
        let request = status_request(started.pid);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status: Status = self.ask_agent(uuid, &request, ANSWER).await?;
            if status.exited {
                let bytes = STANDARD.decode(&status.out_data).unwrap_or_default();
                return Ok(String::from_utf8_lossy(&bytes).into_owned());
            }
            if Instant::now() >= deadline {
                return Err(Error::Agent { message: format!("{program} does not end") });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether the agent is there and answers.
    pub(in crate::manager) async fn agent_answers(&self, uuid: Uuid) -> bool {
        let request = serde_json::json!({"execute": "guest-ping"});
        self.ask_agent::<serde_json::Value>(uuid, &request, ANSWER).await.is_ok()
    }

    /// One command of the agent, and what it returns.
    pub(in crate::manager) async fn ask_agent<T: serde::de::DeserializeOwned>(
        &self,
        uuid: Uuid,
        request: &serde_json::Value,
        within: Duration,
    ) -> Result<T, Error> {
        let text = self.op.client().agent().command(uuid, &ascii(request), within).await?;
        serde_json::from_str::<Reply<T>>(&text)
            .map(|reply| reply.value)
            .map_err(|error| Error::Agent { message: format!("its reply is not understood: {error}") })
    }
}

pub(in crate::manager) fn status_request(pid: i64) -> serde_json::Value {
    serde_json::json!({"execute": "guest-exec-status", "arguments": {"pid": pid}})
}

/// The document in printable ASCII: virsh's script can hold no control characters, of which JSON escapes only
/// some.
fn ascii(document: &serde_json::Value) -> String {
    let mut text = String::new();
    for character in document.to_string().chars() {
        if matches!(character, ' '..='~') {
            text.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_printable_and_mean_the_same() {
        let document = serde_json::json!({"arg": ["a\nb", "\u{7f}\u{9b}", "naïve 🦀", "'\"\\"]});
        let text = ascii(&document);
        assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).expect("parses"), document);
    }
}
