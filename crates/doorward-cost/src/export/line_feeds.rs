//! Line ends of Windows as line feeds: the CSV reader counts a line only when it has read its line feed.

use std::io::{BufRead, Read, Result};

/// A stream in which every carriage return before a line feed is left out.
pub(super) struct LineFeeds<R> {
    inner: R,
    /// Whether a carriage return was read whose next byte is not known yet.
    held: bool,
}

impl<R: BufRead> LineFeeds<R> {
    /// The stream of another one.
    pub(super) const fn new(inner: R) -> Self {
        Self { inner, held: false }
    }
}

impl<R: BufRead> Read for LineFeeds<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let Some(first_out) = out.first_mut() else { return Ok(0) };
        loop {
            let chunk = self.inner.fill_buf()?;
            let next = chunk.first().copied();
            if std::mem::take(&mut self.held) && next != Some(b'\n') {
                *first_out = b'\r';
                return Ok(1);
            }
            match next {
                None => return Ok(0),
                Some(b'\r') => {
                    self.inner.consume(1);
                    self.held = true;
                }
                Some(_) => break,
            }
        }
        let chunk = self.inner.fill_buf()?;
        let plain = chunk.iter().take(out.len()).take_while(|byte| **byte != b'\r').count();
        for (to, from) in out.iter_mut().zip(chunk.iter().take(plain)) {
            *to = *from;
        }
        self.inner.consume(plain);
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    #[test]
    fn only_carriage_returns_before_line_feeds_are_left_out() {
        for (text, expected) in [
            ("a\r\nb\r\n", "a\nb\n"),
            ("a\nb", "a\nb"),
            ("a\rb\r", "a\rb\r"),
            ("\r\r\n\r", "\r\n\r"),
            ("\"a\r\nb\",c\r\n\r\n", "\"a\nb\",c\n\n"),
            ("", ""),
        ] {
            for size in 1..6 {
                let mut read = String::new();
                let stream = BufReader::with_capacity(size, text.as_bytes());
                LineFeeds::new(stream).read_to_string(&mut read).expect("reads");
                assert_eq!(read, expected, "{text:?} by {size}");
            }
        }
    }
}
