//! HTTP/2 with prior knowledge.

use super::conn::Conn;
use super::connection::Connection;

pub(super) async fn serve(_conn: Conn, _connection: Connection) {}
