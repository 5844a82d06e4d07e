//! placeholder
/// placeholder
pub struct HttpServer;
/// placeholder
pub enum Fault {}
