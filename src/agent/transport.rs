use std::time::Duration;

/// What carries requests to the agent of one guest, and its replies back.
pub trait Transport {
    /// What may go wrong on the way.
    type Error: std::error::Error + 'static;
    /// See [`arm`](Self::arm).
    type Failsafe: Failsafe;

    /// Sends a request and waits for its reply: two JSON objects, both on one line. The request is printable ASCII of
    /// at most [`REQUEST_LIMIT`](super::REQUEST_LIMIT) bytes.
    ///
    /// The agent may be left with a stale reply by one who stopped waiting. To read past that one is the transport's
    /// part (`guest-sync`).
    ///
    /// # Errors
    /// When there is no reply within that time.
    fn exchange(
        &self,
        request: &str,
        within: Duration,
    ) -> impl Future<Output = Result<String, Failure<Self::Error>>>;

    /// Has a request ready that is sent by itself when nobody is left to send it: when the result is dropped, when this
    /// process ends, however it does, and after that time.
    ///
    /// # Errors
    /// When that can't be promised.
    fn arm(&self, request: &str, after: Duration) -> Result<Self::Failsafe, Self::Error>;
}

/// A request that is sent unless it is disarmed.
pub trait Failsafe {
    /// It is not sent.
    fn disarm(self) -> impl Future<Output = ()>;
}

/// Why a transport gives no reply.
#[derive(Debug)]
pub enum Failure<E> {
    /// The VM has no channel for an agent, or none has it open.
    Absent(E),
    /// The agent gave no answer in time, or went away. It may have done, or still do, what it was asked for.
    Silent(E),
    /// The agent's answer was an error, of which the transport tells the description alone, as libvirt does.
    Refused(String),
    /// The agent's reply is longer than the transport carries, and is lost.
    ReplyTooLong,
    /// Anything else, such as a VM that does not run.
    Other(E),
}

impl<T: Transport> Transport for &T {
    type Error = T::Error;
    type Failsafe = T::Failsafe;

    fn exchange(
        &self,
        request: &str,
        within: Duration,
    ) -> impl Future<Output = Result<String, Failure<Self::Error>>> {
        (**self).exchange(request, within)
    }

    fn arm(&self, request: &str, after: Duration) -> Result<T::Failsafe, T::Error> {
        (**self).arm(request, after)
    }
}
