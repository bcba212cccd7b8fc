//! The first line of each side (RFC 4253 section 4.2).

use bytes::{Buf as _, BytesMut};

use crate::error::Broken;

/// What this side sends, without its line end. OpenSSH tells its own kind by the beginning of the name that there is no more
/// reader (`eow@openssh.com`), and nobody else: without that `ssh host yes | head` would never end.
pub const OURS: &str = "SSH-2.0-OpenSSH_Custos";
/// Bytes of an identification line at most, its line end counted.
pub const MAX_IDENTIFICATION_BYTES: usize = 255;
/// Lines that a server may send before its identification.
const MAX_LINES_BEFORE: u32 = 50;
/// Bytes of one of them at most.
const MAX_LINE_BYTES: usize = 1024;

/// Reads the peer's identification.
#[derive(Debug, Default)]
pub(crate) struct Identification {
    lines_before: u32,
}

impl Identification {
    /// Takes it off the front of `input`, without its line end; `None` while it has not come whole. `may_greet`: the peer is
    /// a server, which may send other lines first.
    pub(crate) fn take(
        &mut self,
        input: &mut BytesMut,
        may_greet: bool,
    ) -> Result<Option<Vec<u8>>, Broken> {
        loop {
            let Some(end) = input.iter().position(|byte| *byte == b'\n') else {
                let is_hopeless = !may_greet && !b"SSH-2.0-".starts_with(first(input, 8));
                if is_hopeless || input.len() > MAX_LINE_BYTES {
                    return Err(Broken::Identification);
                }
                return Ok(None);
            };
            let line = input.split_to(end);
            input.advance(1);
            let is_long = line.len() + 1 > MAX_IDENTIFICATION_BYTES;
            let line = line.strip_suffix(b"\r").unwrap_or(&line);
            if line.starts_with(b"SSH-") {
                let is_version_2 = line.starts_with(b"SSH-2.0-") || line.starts_with(b"SSH-1.99-");
                let is_text = line.iter().all(|byte| (0x20..0x7f).contains(byte));
                if !is_version_2 || !is_text || is_long {
                    return Err(Broken::Identification);
                }
                return Ok(Some(line.to_vec()));
            }
            self.lines_before += 1;
            if !may_greet || self.lines_before > MAX_LINES_BEFORE || line.len() > MAX_LINE_BYTES {
                return Err(Broken::Identification);
            }
        }
    }
}

fn first(input: &[u8], count: usize) -> &[u8] {
    input.get(..count.min(input.len())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::Identification;
    use crate::error::Broken;

    fn take(bytes: &[u8], may_greet: bool) -> Result<Option<(String, Vec<u8>)>, Broken> {
        let mut input = BytesMut::from(bytes);
        let taken = Identification::default().take(&mut input, may_greet)?;
        Ok(taken.map(|line| (String::from_utf8(line).unwrap(), input.to_vec())))
    }

    #[test]
    fn lines_with_both_ends() {
        let whole = Ok(Some(("SSH-2.0-x".to_owned(), b"rest".to_vec())));
        assert_eq!(take(b"SSH-2.0-x\r\nrest", false), whole);
        assert_eq!(take(b"SSH-2.0-x\nrest", false), whole);
        assert_eq!(take(b"hello\r\nSSH-2.0-x\r\nrest", true), whole);
        assert_eq!(take(b"SSH-2.0-x", false), Ok(None));
    }

    #[test]
    fn other_protocols_are_refused_early() {
        let refused = Err(Broken::Identification);
        assert_eq!(take(b"GET / HTTP/1.1", false), refused);
        assert_eq!(take(b"hello\r\nSSH-2.0-x\r\n", false), refused);
        assert_eq!(take(b"SSH-1.5-x\r\n", false), refused);
        assert_eq!(take(b"SSH-2.0-\x1b[31m\r\n", false), refused);
        assert_eq!(
            take(
                &[b"SSH-2.0-", [b'x'; 300].as_slice(), b"\r\n"].concat(),
                false
            ),
            refused
        );
        assert_eq!(take(&b"line\n".repeat(60), true), refused);
        assert_eq!(take(&[b'x'; 5000], true), refused);
    }
}
