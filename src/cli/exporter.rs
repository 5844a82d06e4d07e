//! A server of metrics for Prometheus, by HTTP.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};

/// Where to listen: `HOST:PORT`; `:PORT` and `PORT` are of 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenAddress(pub SocketAddr);

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let local = || text.strip_prefix(':').unwrap_or(text).parse().ok();
        let local = local().map(|port: u16| SocketAddr::from(([127, 0, 0, 1], port)));
        local
            .or_else(|| text.parse().ok())
            .map(Self)
            .ok_or_else(|| "expected ADDRESS:PORT, or a PORT of 127.0.0.1".to_owned())
    }
}

/// Somebody waits for the metrics of this moment.
pub type Scrape = oneshot::Sender<String>;

/// How long a client may take over its request.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long it may take until the client has its answer.
const WHOLE: Duration = Duration::from_secs(10);
/// How many clients are served at a time; others wait.
const CLIENTS: usize = 64;
const FORMAT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Listens, for as long as the process lives.
///
/// # Errors
/// When the address can't be had.
pub async fn listen(address: ListenAddress) -> std::io::Result<(SocketAddr, mpsc::Receiver<Scrape>)> {
    let listener = TcpListener::bind(address.0).await?;
    let local = listener.local_addr()?;
    let (asked, scrapes) = mpsc::channel(CLIENTS);
    tokio::spawn(accept(listener, asked));
    Ok((local, scrapes))
}

async fn accept(listener: TcpListener, asked: mpsc::Sender<Scrape>) {
    let places = std::sync::Arc::new(Semaphore::new(CLIENTS));
    while let Ok(place) = std::sync::Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let asked = asked.clone();
                tokio::spawn(async move {
                    serve(stream, asked).await;
                    drop(place);
                });
            }
            // As when there are too many open files: later there may be fewer.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn serve(stream: TcpStream, asked: mpsc::Sender<Scrape>) {
    let service = service_fn(|request| answer(request, asked.clone()));
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // Whoever goes away midway, or takes nothing, is no failure of ours.
    let _ = tokio::time::timeout(WHOLE, served).await;
}

async fn answer(
    request: Request<Incoming>,
    asked: mpsc::Sender<Scrape>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let plain = |status, text: &'static str| {
        let mut response = Response::new(Full::from(text));
        *response.status_mut() = status;
        response
    };
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Ok(plain(StatusCode::METHOD_NOT_ALLOWED, "GET /metrics\n"));
    }
    if request.uri().path() != "/metrics" {
        let status = if request.uri().path() == "/" { StatusCode::OK } else { StatusCode::NOT_FOUND };
        return Ok(plain(status, "the metrics are at /metrics\n"));
    }
    let (reply, metrics) = oneshot::channel();
    let sent = asked.send(reply).await;
    Ok(match (sent, metrics.await) {
        (Ok(()), Ok(text)) => {
            let mut response = Response::new(Full::from(text));
            response.headers_mut().insert(CONTENT_TYPE, FORMAT);
            response
        }
        _ => plain(StatusCode::SERVICE_UNAVAILABLE, "vmtools is shutting down\n"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_local() {
        let parsed = |text: &str| text.parse::<ListenAddress>().map(|address| address.0.to_string());
        assert_eq!(parsed("9177").as_deref(), Ok("127.0.0.1:9177"));
        assert_eq!(parsed(":9177").as_deref(), Ok("127.0.0.1:9177"));
        assert_eq!(parsed("0.0.0.0:80").as_deref(), Ok("0.0.0.0:80"));
        assert_eq!(parsed("[::1]:80").as_deref(), Ok("[::1]:80"));
        for wrong in ["", "localhost", "1.2.3.4", "x:80", "70000"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
