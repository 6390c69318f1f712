//! Parts of files that the kernel sends to the client, past our memory.

use super::{Gone, Stage, conn_of};
use crate::http::exchange::Exchange;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use std::fs::File;
use std::sync::Arc;

/// At most this much of a file is sent at a time, so that other connections have their turn.
const PART_MAX: usize = 1024 * 1024;
/// The session counts the bytes of a body as it writes them; it is given these, and the
/// connection sends as many of the file in their place. Nobody reads or writes them, so they
/// take no memory.
static COUNTED: [u8; PART_MAX] = [0; PART_MAX];

impl Exchange<'_> {
    /// Whether the next bytes of the body may come from a file: the head is out, nobody
    /// changes the body any more, and it goes to a socket as it is.
    pub(crate) fn can_send_file(&self) -> bool {
        self.response.stage == Stage::Streaming
            && self.response.passes_body()
            && self.has_body()
            && !self.response.chunked
            // Whoever limits the pace of an answer sees its parts.
            && !self.response.pace.is_watched()
            && self.response.chunk_max.is_none()
            && conn_of(self.session).is_some()
    }

    /// Sends the head of an answer of known length, which waits for the first bytes that a
    /// file gives, unless something wants to see the body's first part with it.
    ///
    /// # Errors
    /// When the client is gone.
    pub(crate) async fn begin_file(&mut self) -> Result<(), Gone> {
        let is_plain = self.response.stage == Stage::Open
            && self.response.layers() == 0
            && self.response.headers.contains_key(CONTENT_LENGTH)
            // Without a type the first bytes tell it.
            && self.response.headers.contains_key(CONTENT_TYPE)
            && conn_of(self.session).is_some();
        if !is_plain {
            return Ok(());
        }
        self.filter_head(0);
        self.send_head(Bytes::new(), false, false, true).await
    }

    /// Sends bytes of a file, if [`Self::can_send_file`] allows it: `len` of them or fewer.
    /// Returns how many.
    ///
    /// # Errors
    /// When the client is gone, or the file is shorter.
    pub(crate) async fn send_file(
        &mut self,
        file: &Arc<File>,
        at: u64,
        len: u64,
    ) -> Result<u64, Gone> {
        let len = usize::try_from(len).map_or(PART_MAX, |len| len.min(PART_MAX));
        let conn = conn_of(self.session).ok_or(Gone)?;
        conn.send_instead(Some((Arc::clone(file), at)));
        let counted = Bytes::from_static(&COUNTED[..len]);
        let sent = self.session.write_response_body(counted, false).await;
        if let Some(conn) = conn_of(self.session) {
            conn.send_instead(None);
        }
        sent.map_err(|_| Gone)?;
        self.response.size += len as u64;
        Ok(len as u64)
    }
}
