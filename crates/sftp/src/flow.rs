//! What goes one way through an open file.

use std::fmt;

use crate::coverage::{Coverage, Held, end};

/// A SHA-256 digest. `Display` is hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256(pub [u8; 32]);

impl fmt::Display for Sha256 {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// Why there is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoDigest {
    /// Nothing went this way, and the file was not made empty either.
    Nothing,
    /// Places were left out: at the beginning (resumed), between (sparse), or at an end that was made longer.
    Partial,
    /// A place was written more than once.
    Rewritten,
    /// A place was read more than once.
    Reread,
    /// More came out of order than can be held.
    OutOfOrder,
    /// A write, a change of the size or the close of what was written failed.
    Failed,
    /// A write or a change of the size was not answered before the conversation ended.
    Unanswered,
    /// Opened to append: the server writes at the end, wherever the client says.
    Appended,
    /// `copy-data` wrote into it at the server, unseen.
    Copied,
    /// It was cut to less than what was written.
    Resized,
}

impl NoDigest {
    /// The word in records. Never changes its meaning.
    pub fn code(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Partial => "partial",
            Self::Rewritten => "rewritten",
            Self::Reread => "reread",
            Self::OutOfOrder => "out_of_order",
            Self::Failed => "failed",
            Self::Unanswered => "unanswered",
            Self::Appended => "appended",
            Self::Copied => "copied",
            Self::Resized => "resized",
        }
    }
}

/// What went one way through an open file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Bytes that the server said it has written, or that it sent. A place that went twice counts twice.
    pub bytes: u64,
    /// The place after the furthest of them, as the client counts; for a file that is appended to it says little.
    pub end: u64,
    /// Writes, changes of the size and the close, or reads, that failed. The end of a file is no failure.
    pub failures: u64,
    /// SHA-256 of the bytes at the places 0 to `end`, each of which went once.
    pub digest: Result<Sha256, NoDigest>,
    /// The digest is that of the whole file, as far as this conversation shows. Of an upload: the file was empty when it was
    /// opened, or was given a size that is covered. Of a download: the server said that the file ends where the digest does.
    pub is_whole: bool,
}

/// An upload on its way.
#[derive(Debug)]
pub(crate) struct Upload {
    coverage: Coverage,
    bytes: u64,
    end: u64,
    failures: u64,
    /// Writes and changes of the size that the server has not answered.
    unanswered: u32,
    /// The size that it had before what is written from here on; `None`: not known.
    size_before: Option<u64>,
}

impl Upload {
    pub(crate) fn new(is_empty: bool, appends: bool, held: &mut Held) -> Self {
        let mut coverage = Coverage::new(NoDigest::Rewritten);
        if appends {
            coverage.give_up(NoDigest::Appended, held);
        }
        Self {
            coverage,
            bytes: 0,
            end: 0,
            failures: 0,
            unanswered: 0,
            size_before: is_empty.then_some(0),
        }
    }

    /// A write goes to the server. It is hashed at once, so that nothing is kept until the answer; should that be a failure,
    /// there is no digest.
    pub(crate) fn write(&mut self, offset: u64, data: &[u8], held: &mut Held) {
        self.unanswered += 1;
        self.coverage.take(offset, data, held);
    }

    /// The server has answered a write.
    pub(crate) fn written(&mut self, offset: u64, bytes: u32, is_done: bool, held: &mut Held) {
        self.answered(is_done, held);
        // Nothing, written beyond the end, makes a file no longer.
        if is_done && bytes > 0 {
            let bytes = u64::from(bytes);
            self.bytes = self.bytes.saturating_add(bytes);
            self.end = self.end.max(offset.saturating_add(bytes));
        }
    }

    /// A size for the file goes to the server.
    pub(crate) fn resize(&mut self, size: u64, held: &mut Held) {
        self.unanswered += 1;
        self.size_before = Some(size);
        if self
            .coverage
            .reach()
            .is_some_and(|(_, furthest)| size < furthest)
        {
            self.coverage.give_up(NoDigest::Resized, held);
        }
    }

    /// The server has answered a change of the size, or the close.
    pub(crate) fn answered(&mut self, is_done: bool, held: &mut Held) {
        self.unanswered = self.unanswered.saturating_sub(1);
        if !is_done {
            self.failures += 1;
            self.coverage.give_up(NoDigest::Failed, held);
        }
    }

    /// The server is to write something else into it.
    pub(crate) fn copied(&mut self, held: &mut Held) {
        self.coverage.give_up(NoDigest::Copied, held);
    }

    pub(crate) fn finish(mut self, held: &mut Held) -> Flow {
        if self.unanswered > 0 {
            self.coverage.give_up(NoDigest::Unanswered, held);
        }
        let covered = self
            .coverage
            .finish(held)
            .and_then(|(digest, end)| match self.size_before {
                Some(size) if size > end => Err(NoDigest::Partial),
                None if end == 0 => Err(NoDigest::Nothing),
                _ => Ok(digest),
            });
        Flow {
            bytes: self.bytes,
            end: self.end,
            failures: self.failures,
            is_whole: covered.is_ok() && self.size_before.is_some(),
            digest: covered,
        }
    }
}

/// A download on its way.
#[derive(Debug)]
pub(crate) struct Download {
    coverage: Coverage,
    bytes: u64,
    end: u64,
    failures: u64,
    /// The first place at which the server said that there is nothing.
    nothing_at: Option<u64>,
    /// The size that the server told last.
    size_told: Option<u64>,
}

impl Download {
    pub(crate) fn new() -> Self {
        Self {
            coverage: Coverage::new(NoDigest::Reread),
            bytes: 0,
            end: 0,
            failures: 0,
            nothing_at: None,
            size_told: None,
        }
    }

    /// Data came.
    pub(crate) fn read(&mut self, offset: u64, data: &[u8], held: &mut Held) {
        self.coverage.take(offset, data, held);
        let end = end(offset, data.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(data.len() as u64);
        if !data.is_empty() {
            self.end = self.end.max(end);
        }
    }

    /// There is nothing at that place.
    pub(crate) fn ended(&mut self, offset: u64) {
        self.nothing_at = Some(self.nothing_at.map_or(offset, |at| at.min(offset)));
    }

    pub(crate) fn failed(&mut self) {
        self.failures += 1;
    }

    pub(crate) fn told(&mut self, size: Option<u64>) {
        self.size_told = size.or(self.size_told);
    }

    pub(crate) fn finish(self, held: &mut Held) -> Flow {
        let covered = self.coverage.finish(held);
        let end = covered.as_ref().map_or(0, |(_, end)| *end);
        let ends_here = self.nothing_at == Some(end) || self.size_told == Some(end);
        let digest = match covered {
            Ok(_) if end == 0 && self.nothing_at != Some(0) => Err(NoDigest::Nothing),
            Ok((digest, _)) => Ok(digest),
            Err(reason) => Err(reason),
        };
        Flow {
            bytes: self.bytes,
            end: self.end,
            failures: self.failures,
            is_whole: digest.is_ok() && ends_here,
            digest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Download, Flow, NoDigest, Upload};
    use crate::coverage::Held;

    /// SHA-256 of nothing and of `abc` (FIPS 180-4, examples).
    const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn upload(is_empty: bool, steps: impl Fn(&mut Upload, &mut Held)) -> Flow {
        let mut held = Held::default();
        let mut upload = Upload::new(is_empty, false, &mut held);
        steps(&mut upload, &mut held);
        let flow = upload.finish(&mut held);
        assert_eq!(held.bytes(), 0);
        flow
    }

    fn abc(upload: &mut Upload, held: &mut Held) {
        upload.write(0, b"ab", held);
        upload.write(2, b"c", held);
        upload.written(2, 1, true, held);
        upload.written(0, 2, true, held);
    }

    #[test]
    fn an_upload_is_what_was_written() {
        let flow = upload(true, abc);
        assert_eq!(flow.digest.unwrap().to_string(), ABC);
        assert_eq!(
            (flow.bytes, flow.end, flow.failures, flow.is_whole),
            (3, 3, 0, true)
        );
        let flow = upload(false, abc);
        assert!(flow.digest.is_ok() && !flow.is_whole);
        assert_eq!(upload(true, |_, _| ()).digest.unwrap().to_string(), NOTHING);
        assert_eq!(upload(false, |_, _| ()).digest, Err(NoDigest::Nothing));
    }

    #[test]
    fn nothing_written_is_nothing() {
        let flow = upload(true, |upload, held| {
            abc(upload, held);
            upload.write(9, b"", held);
            upload.written(9, 0, true, held);
        });
        assert!(flow.is_whole && flow.digest.is_ok());
        assert_eq!((flow.bytes, flow.end), (3, 3));
    }

    #[test]
    fn what_was_not_written_is_no_part_of_a_digest() {
        let failed = upload(true, |upload, held| {
            abc(upload, held);
            upload.write(3, b"d", held);
            upload.written(3, 1, false, held);
        });
        assert_eq!(
            (failed.digest, failed.bytes, failed.failures),
            (Err(NoDigest::Failed), 3, 1)
        );
        let unanswered = upload(true, |upload, held| {
            abc(upload, held);
            upload.write(3, b"d", held);
        });
        assert_eq!(unanswered.digest, Err(NoDigest::Unanswered));
        let copied = upload(true, |upload, held| {
            upload.copied(held);
            abc(upload, held);
        });
        assert_eq!(copied.digest, Err(NoDigest::Copied));
    }

    #[test]
    fn a_size_that_is_set_counts() {
        let sized = |size: u64, is_first: bool| {
            upload(false, move |upload, held| {
                let resize = |upload: &mut Upload, held: &mut Held| {
                    upload.resize(size, held);
                    upload.answered(true, held);
                };
                if is_first {
                    resize(upload, held);
                }
                abc(upload, held);
                if !is_first {
                    resize(upload, held);
                }
            })
        };
        for is_first in [true, false] {
            let exact = sized(3, is_first);
            assert!(exact.digest.is_ok() && exact.is_whole);
            assert_eq!(sized(4, is_first).digest, Err(NoDigest::Partial));
        }
        assert!(sized(2, true).is_whole);
        assert_eq!(sized(2, false).digest, Err(NoDigest::Resized));
    }

    #[test]
    fn a_download_is_whole_where_the_server_says_so() {
        let download = |ended: Option<u64>, told: Option<u64>, data: &[u8]| {
            let mut held = Held::default();
            let mut download = Download::new();
            download.read(0, data, &mut held);
            if let Some(at) = ended {
                download.ended(at + 10);
                download.ended(at);
            }
            download.told(told);
            download.told(None);
            download.finish(&mut held)
        };
        let flow = download(Some(3), None, b"abc");
        assert_eq!(flow.digest.unwrap().to_string(), ABC);
        assert_eq!((flow.bytes, flow.end, flow.is_whole), (3, 3, true));
        assert!(download(None, Some(3), b"abc").is_whole);
        assert!(!download(None, Some(4), b"abc").is_whole);
        assert!(!download(None, None, b"abc").is_whole);
        assert!(download(Some(0), None, b"").is_whole);
        assert_eq!(download(None, None, b"").digest, Err(NoDigest::Nothing));
        assert_eq!(download(None, Some(0), b"").digest, Err(NoDigest::Nothing));
    }
}
