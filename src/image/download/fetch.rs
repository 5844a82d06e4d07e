use std::cell::Cell;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use ureq::http::header::{IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE};
use ureq::http::{Response, StatusCode};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Timeout};

use super::Limits;
use super::answer::{self, Part, Validator};
use crate::image::Error;

/// Redirects that are followed; mirror networks need one or two.
const MAX_REDIRECTS: u32 = 8;

/// An HTTP client whose calls block, and end early once its [`CancelOnDrop`] was dropped.
///
/// Proxies are those of the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`),
/// certificates those that the system trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` too).
pub(in crate::image) struct Downloader {
    agent: Agent,
    limits: Limits,
    /// For how long servers have been waited for since a byte came last.
    waited: Cell<Duration>,
    stopped: Arc<AtomicBool>,
    hung_up: Receiver<()>,
}

/// Ends all that its client does, when dropped.
pub(in crate::image) struct CancelOnDrop {
    agent: Agent,
    stopped: Arc<AtomicBool>,
    _line: Sender<()>,
}

/// Which bytes of a document are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ask<'a> {
    /// All.
    All,
    /// All, unless the document is still this one.
    Unless(&'a Validator),
    /// Those from there on; all if the document is no longer the one that the validator names.
    From(u64, Option<&'a str>),
}

/// What a server has to say.
pub(super) enum Answer<'a> {
    /// The bytes; fewer than asked for, they begin at [`ResponseBody::start`].
    Bytes(Box<ResponseBody<'a>>),
    /// The document is still the same.
    Unchanged,
    /// There are no bytes from there on: it ends just there.
    AtEnd,
    /// The part that was asked for can't be had.
    NoPart,
}

/// What a server sends.
pub(super) struct ResponseBody<'a> {
    client: &'a Downloader,
    url: &'a str,
    body: ureq::BodyReader<'static>,
    /// The place of the first byte in the document.
    pub(super) start: u64,
    /// How much the document has, if the server says so.
    pub(super) total_bytes: Option<u64>,
    /// What tells this version of the document from others.
    pub(super) validator: Validator,
}

impl Downloader {
    pub(in crate::image) fn new(limits: Limits) -> (Self, CancelOnDrop) {
        let agent = Agent::config_builder()
            .timeout_resolve(Some(limits.connect_timeout))
            .timeout_connect(Some(limits.connect_timeout))
            .timeout_recv_response(Some(limits.stall_timeout))
            .timeout_per_read(Some(limits.stall_timeout))
            .timeout_per_write(Some(limits.stall_timeout))
            .max_redirects(MAX_REDIRECTS)
            .http_status_as_error(false)
            .user_agent(concat!("vmtools/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .build()
            .new_agent();
        let stopped = Arc::new(AtomicBool::new(false));
        let (line, hung_up) = mpsc::channel();
        let hangup = CancelOnDrop { agent: agent.clone(), stopped: stopped.clone(), _line: line };
        (Self { agent, limits, waited: Cell::default(), stopped, hung_up }, hangup)
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether no byte has come for so long, from whichever server, that no further one is asked.
    pub(super) fn is_out_of_patience(&self) -> bool {
        self.waited.get() >= self.limits.patience
    }

    /// Does what waits for a server, and notes how long it took if nothing came. What is done with the bytes, on
    /// the disk, is not waiting.
    fn wait<T, E>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let begin = Instant::now();
        let result = work();
        self.waited.set(match result {
            Ok(_) => Duration::ZERO,
            Err(_) => self.waited.get() + begin.elapsed(),
        });
        result
    }

    /// Waits; `false` as soon as nobody wants the result any more.
    pub(super) fn pause(&self, time: Duration) -> bool {
        self.waited.set(self.waited.get() + time);
        self.hung_up.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
    }

    /// Asks for `url`. With `vouched`, a digest will tell whether the bytes are right, so that a mirror may
    /// be one without TLS; else a redirect from https to http is refused.
    pub(super) fn get<'a>(&'a self, url: &'a str, vouched: bool, ask: Ask<'_>) -> Result<Answer<'a>, Error> {
        let keep_tls = !vouched && url.to_ascii_lowercase().starts_with("https:");
        let mut request = self.agent.get(url).config().https_only(keep_tls).build();
        match ask {
            Ask::All => {}
            Ask::Unless(validator) => {
                if let Some(tag) = &validator.etag {
                    request = request.header(IF_NONE_MATCH, tag);
                } else if let Some(date) = &validator.last_modified {
                    request = request.header(IF_MODIFIED_SINCE, date);
                }
            }
            Ask::From(start, condition) => {
                request = request.header(RANGE, format!("bytes={start}-"));
                if let Some(condition) = condition {
                    request = request.header(IF_RANGE, condition);
                }
            }
        }
        let response = self.wait(|| request.call()).map_err(|error| self.no_answer(url, error))?;
        self.check_response(url, ask, response)
    }

    fn check_response<'a>(
        &'a self,
        url: &'a str,
        ask: Ask<'_>,
        response: Response<Body>,
    ) -> Result<Answer<'a>, Error> {
        let asked_from = match ask {
            Ask::From(start, _) => Some(start),
            _ => None,
        };
        let headers = response.headers();
        let length = response.body().content_length();
        let part = match (response.status(), asked_from) {
            (StatusCode::NOT_MODIFIED, None) => return Ok(Answer::Unchanged),
            (StatusCode::PARTIAL_CONTENT, Some(start)) => match answer::content_range(headers) {
                Some(part) if part.start == start => part,
                _ => return Ok(Answer::NoPart),
            },
            (StatusCode::RANGE_NOT_SATISFIABLE, Some(start)) => {
                let at_end = answer::size_of_unsatisfied(headers) == Some(start);
                return Ok(if at_end { Answer::AtEnd } else { Answer::NoPart });
            }
            (StatusCode::OK, _) => Part { start: 0, total_bytes: length },
            (StatusCode::NOT_FOUND | StatusCode::GONE, _) => {
                return Err(Error::NotFound { url: url.to_owned() });
            }
            (status, _) => return Err(Error::Status { url: url.to_owned(), status: status.as_u16() }),
        };
        let validator = Validator::of(headers);
        let body = response.into_body().into_reader();
        let Part { start, total_bytes } = part;
        Ok(Answer::Bytes(Box::new(ResponseBody { client: self, url, body, start, total_bytes, validator })))
    }

    /// A small document as a whole.
    pub(super) fn document(&self, url: &str, max_bytes: u64) -> Result<Vec<u8>, Error> {
        let Answer::Bytes(mut incoming) = self.get(url, false, Ask::All)? else {
            return Ok(Vec::new());
        };
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

impl ResponseBody<'_> {
    /// The next bytes; 0 is the end of all that was promised.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let result = self.client.wait(|| self.body.read(buffer));
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

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.agent.clone().shutdown();
    }
}
