//! Parts of files that the kernel sends to the client, past our memory.

use super::{Gone, Stage, conn_of};
use crate::http::exchange::Exchange;
use bytes::Bytes;
use std::fs::File;
use std::sync::Arc;

/// At most this much of a file is sent at a time: the client has a write's time for it.
const PART_MAX: usize = 256 * 1024;
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
