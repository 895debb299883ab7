//! The listening side: a port, its connections, and the handle that owns both.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::engine::answer::{Cut, answer};
use crate::engine::call::Call;
use crate::engine::fault::Fault;
use crate::engine::record::Recorded;
use crate::engine::service::{Inner, Service, Shared};

/// A running stand-in. Dropping it stops the server and closes its connections.
#[derive(Debug)]
pub(crate) struct Server<S> {
    address: SocketAddr,
    shared: Arc<Shared<S>>,
    task: JoinHandle<()>,
}

impl<S: Service> Server<S> {
    /// Binds a loopback port, any free one for 0, and serves on a task of the current runtime.
    ///
    /// # Errors
    ///
    /// When the port cannot be bound.
    pub(crate) async fn start(port: u16, service: S) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(service));
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, task })
    }

    /// The origin to send requests to, without a trailing slash.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests received, oldest first; requests to the control routes are left out.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.shared.lock().log.all()
    }

    /// Adds a fault behind those already given.
    pub(crate) fn inject(&self, fault: Fault) {
        self.shared.lock().faults.add(fault);
    }

    /// Forgets requests and faults and restores the initial data.
    pub(crate) fn reset(&self) {
        self.shared.lock().reset();
    }

    /// Exclusive access to the state.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner<S>> {
        self.shared.lock()
    }
}

impl<S> Drop for Server<S> {
    fn drop(&mut self) {
        // The task owns the connections' tasks, so they end with it.
        self.task.abort();
    }
}

async fn accept<S: Service>(listener: TcpListener, shared: Arc<Shared<S>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&shared)));
                }
                // Out of descriptors, say: let the connections there are make room.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// The HTTP library is used directly, without a framework, because a service that fails is the
/// one way to close a connection without an answer.
async fn serve<S: Service>(stream: TcpStream, shared: Arc<Shared<S>>) {
    // Small answers must not wait for the acknowledgement of earlier ones.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| respond(Arc::clone(&shared), request));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // An error is the client going away or a cut that was asked for.
    let _ = connection.await;
}

async fn respond<S: Service>(
    shared: Arc<Shared<S>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Cut> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    let call = Call {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body,
    };
    Ok(answer(&shared, &call).await?.into_response())
}
