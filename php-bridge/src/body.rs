//! The body of a request: what came with it, and what is asked for when PHP reads on.

/// A request's body as far as it has arrived.
#[derive(Debug, Default)]
pub(crate) struct Body {
    held: Vec<u8>,
    read: usize,
    ended: bool,
}

impl Body {
    /// Starts a body with the bytes that came with the request.
    pub(crate) fn begin(&mut self, inline: &[u8], complete: bool) {
        self.held.clear();
        self.held.shrink_to(256 * 1024);
        self.held.extend_from_slice(inline);
        self.read = 0;
        self.ended = complete;
    }

    /// Adds bytes; `last` when none will follow.
    pub(crate) fn push(&mut self, bytes: &[u8], last: bool) {
        if self.read == self.held.len() {
            self.held.clear();
            self.read = 0;
        }
        self.held.extend_from_slice(bytes);
        self.ended |= last;
    }

    /// Whether everything that will ever be there has been read.
    pub(crate) fn at_end(&self) -> bool {
        self.ended && self.read == self.held.len()
    }

    /// Whether more must be asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.read == self.held.len()
    }

    /// Copies bytes out; returns how many.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> usize {
        let rest = &self.held[self.read..];
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        self.read += n;
        n
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_read_over_the_borders_of_its_parts() {
        let mut body = Body::default();
        let mut buffer = [0; 3];
        body.begin(b"abcd", false);
        assert_eq!((body.read(&mut buffer), &buffer), (3, b"abc"));
        body.push(b"ef", true);
        assert_eq!((body.read(&mut buffer), &buffer), (3, b"def"));
        assert!(body.at_end());
    }

    #[test]
    fn the_next_request_sees_nothing_of_the_last_body() {
        let mut body = Body::default();
        body.begin(b"secret", false);
        body.begin(b"", true);
        assert!(body.at_end());
    }
}
