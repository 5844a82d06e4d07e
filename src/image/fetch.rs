use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Timeout};

use super::Error;

/// Redirects that are followed; mirror networks need one or two.
const MAX_REDIRECTS: u32 = 8;

/// What a download may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For looking up the host, and again for connecting to it, TLS included.
    pub connect_timeout: Duration,
    /// Without a single byte.
    pub stall_timeout: Duration,
    /// The largest image.
    pub max_image_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(30),
            max_image_bytes: 256 << 30,
        }
    }
}

/// An HTTP client whose calls block, and end early once its [`Hangup`] was dropped.
///
/// Proxies are those of the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`),
/// certificates those that the system trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` too).
pub(super) struct Client {
    agent: Agent,
    limits: Limits,
    stopped: Arc<AtomicBool>,
}

/// Ends all that its client does, when dropped.
pub(super) struct Hangup {
    agent: Agent,
    stopped: Arc<AtomicBool>,
}

/// What a server sends.
pub(super) struct Incoming<'a> {
    client: &'a Client,
    url: &'a str,
    body: ureq::BodyReader<'static>,
    /// How much it will be, if the server says so.
    pub(super) total_bytes: Option<u64>,
}

impl Client {
    pub(super) fn new(limits: Limits) -> (Self, Hangup) {
        let agent = Agent::config_builder()
            .timeout_resolve(Some(limits.connect_timeout))
            .timeout_connect(Some(limits.connect_timeout))
            .timeout_recv_response(Some(limits.stall_timeout))
            .timeout_per_read(Some(limits.stall_timeout))
            .timeout_per_write(Some(limits.stall_timeout))
            .max_redirects(MAX_REDIRECTS)
            .user_agent(concat!("vmtools/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .build()
            .new_agent();
        let stopped = Arc::new(AtomicBool::new(false));
        let hangup = Hangup { agent: agent.clone(), stopped: stopped.clone() };
        let client = Self { agent, limits, stopped };
        (client, hangup)
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Asks for `url`. With `vouched`, a digest will tell whether the bytes are right, so that a mirror may
    /// be one without TLS; else a redirect from https to http is refused.
    pub(super) fn get<'a>(&'a self, url: &'a str, vouched: bool) -> Result<Incoming<'a>, Error> {
        let keep_tls = !vouched && url.to_ascii_lowercase().starts_with("https:");
        let response = self
            .agent
            .get(url)
            .config()
            .https_only(keep_tls)
            .build()
            .call()
            .map_err(|error| self.no_answer(url, error))?;
        let body = response.into_body();
        Ok(Incoming { client: self, url, total_bytes: body.content_length(), body: body.into_reader() })
    }

    /// A small document as a whole.
    pub(super) fn document(&self, url: &str, max_bytes: u64) -> Result<Vec<u8>, Error> {
        let mut incoming = self.get(url, false)?;
        let mut bytes = Vec::new();
        let mut chunk = [0; 16 * 1024];
        loop {
            match incoming.read(&mut chunk)? {
                0 => return Ok(bytes),
                count => bytes.extend_from_slice(&chunk[..count]),
            }
            if bytes.len() as u64 > max_bytes {
                return Err(Error::TooLarge { url: url.to_owned(), limit_bytes: max_bytes });
            }
        }
    }

    /// What it means that there is no answer to read.
    fn no_answer(&self, url: &str, error: ureq::Error) -> Error {
        let url = url.to_owned();
        match error {
            ureq::Error::StatusCode(404 | 410) => Error::NotFound { url },
            ureq::Error::StatusCode(status) => Error::Status { url, status },
            ureq::Error::TooManyRedirects => Error::Redirects { url },
            ureq::Error::Timeout(Timeout::PerRead | Timeout::PerWrite | Timeout::RecvResponse) => {
                self.stalled(url)
            }
            error @ (ureq::Error::RequireHttpsOnly(_)
            | ureq::Error::Protocol(_)
            | ureq::Error::Http(_)
            | ureq::Error::BadUri(_)
            | ureq::Error::RedirectFailed
            | ureq::Error::LargeResponseHeader(..)) => Error::Transfer { url, source: Box::new(error) },
            error => Error::Unreachable { url, source: Box::new(error) },
        }
    }

    fn stalled(&self, url: String) -> Error {
        Error::Stalled { url, after: self.limits.stall_timeout }
    }
}

impl Incoming<'_> {
    /// The next bytes; 0 is the end of all that was promised.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let result = self.body.read(buffer);
        // A connection that was hung up can look like one that ended well.
        if self.client.stopped.load(Ordering::SeqCst) {
            return Err(self.broken(std::io::Error::from(std::io::ErrorKind::Interrupted).into()));
        }
        result.map_err(|error| match ureq::Error::from(error) {
            ureq::Error::Timeout(_) => self.client.stalled(self.url.to_owned()),
            error => self.broken(error),
        })
    }

    fn broken(&self, error: ureq::Error) -> Error {
        Error::Transfer { url: self.url.to_owned(), source: Box::new(error) }
    }
}

impl Drop for Hangup {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.agent.clone().shutdown();
    }
}
