//! HTTP/2 streams as pingora sessions.
