//! Running a command in a guest by its agent.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::VmManager;
use crate::libvirt::Error;

const PAUSE: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the agent may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

#[derive(serde::Deserialize)]
struct Reply<T> {
    #[serde(rename = "return")]
    value: T,
}

#[derive(serde::Deserialize)]
struct Started {
    pid: i64,
}

#[derive(serde::Deserialize)]
struct Status {
    exited: bool,
    #[serde(rename = "out-data", default)]
    out: String,
}

impl VmManager {
    /// What a program in the guest prints, at most half a minute long (`guest-exec`, QEMU's guest agent
    /// protocol).
    ///
    /// # Errors
    /// When the agent isn't there, or forbids it.
    pub(super) async fn run_by_agent(
        &self,
        uuid: &str,
        program: &str,
        args: &[&str],
    ) -> Result<String, Error> {
        let request = serde_json::json!({
            "execute": "guest-exec",
            "arguments": {"path": program, "arg": args, "capture-output": true},
        });
        let started: Started = self.ask_agent(uuid, &request).await?;
        let request = serde_json::json!({"execute": "guest-exec-status", "arguments": {"pid": started.pid}});
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status: Status = self.ask_agent(uuid, &request).await?;
            if status.exited {
                let bytes = STANDARD.decode(&status.out).unwrap_or_default();
                return Ok(String::from_utf8_lossy(&bytes).into_owned());
            }
            if Instant::now() >= deadline {
                return Err(Error::Agent { message: format!("{program} does not end") });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn ask_agent<T: serde::de::DeserializeOwned>(
        &self,
        uuid: &str,
        request: &serde_json::Value,
    ) -> Result<T, Error> {
        let text = self.client.agent(uuid, &request.to_string(), ANSWER).await?;
        serde_json::from_str::<Reply<T>>(&text)
            .map(|reply| reply.value)
            .map_err(|error| Error::Agent { message: format!("its reply is not understood: {error}") })
    }
}
