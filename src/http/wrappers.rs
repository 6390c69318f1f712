//! What happens to a connection before a protocol is spoken on it.
//!
//! * [`proxy_protocol`]: who the client really is, in front of its bytes;
//! * [`http_redirect`]: plain HTTP where HTTPS is meant.

mod http_redirect;
mod proxy_protocol;

use super::conn::Conn;
use super::connection::Connection;
use super::server::ProvisionError;
use crate::config::listeners::ListenerWrapper;
use http_redirect::HttpRedirect;
use proxy_protocol::ProxyProtocol;

/// A server's listener wrappers, in the order in which they see a connection.
#[derive(Debug, Default)]
pub(super) struct Wrappers(Vec<Wrapper>);

#[derive(Debug)]
enum Wrapper {
    HttpRedirect(HttpRedirect),
    ProxyProtocol(Box<ProxyProtocol>),
}

impl Wrappers {
    pub(super) fn provision(config: &[ListenerWrapper]) -> Result<Self, ProvisionError> {
        let compile = |(index, wrapper): (usize, &ListenerWrapper)| match wrapper {
            // Marks where TLS begins.
            ListenerWrapper::Tls(_) => None,
            ListenerWrapper::HttpRedirect(config) => {
                Some(Ok(Wrapper::HttpRedirect(HttpRedirect::new(config))))
            }
            ListenerWrapper::ProxyProtocol(config) => {
                let compiled = ProxyProtocol::provision(config);
                let place = format!("listener_wrappers[{index}]");
                let wrapper = compiled.map(|wrapper| Wrapper::ProxyProtocol(Box::new(wrapper)));
                Some(wrapper.map_err(|error| error.within(&place)))
            }
        };
        config.iter().enumerate().filter_map(compile).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lets each see the connection. False when it is to be closed.
    pub(super) async fn admit(&self, conn: &mut Conn, connection: &mut Connection) -> bool {
        for wrapper in &self.0 {
            let goes_on = match wrapper {
                Wrapper::HttpRedirect(wrapper) => wrapper.admit(conn).await,
                Wrapper::ProxyProtocol(wrapper) => wrapper.admit(conn, connection).await,
            };
            if !goes_on {
                return false;
            }
        }
        true
    }
}
