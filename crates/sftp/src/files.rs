//! What is open.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::action::{Direction, Fault, OpenFlags};
use crate::conversation::Note;
use crate::coverage::Held;
use crate::error::SftpError;
use crate::flow::{Download, Upload};
use crate::path::RemotePath;
use crate::status::StatusCode;
use crate::transfer::{Ending, Transfer};
use crate::{MAX_HANDLE_BYTES, MAX_OPEN_FILES, MAX_OPEN_PATH_BYTES};

/// Something that is or was open. A server may give a closed file's handle again, but a number never stands for two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileNumber(u64);

/// What was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    Directory,
    File(OpenFlags),
}

#[derive(Debug)]
struct OpenFile {
    opened_by: Note,
    path: RemotePath,
    handle: Arc<[u8]>,
    opened: Opened,
    upload: Option<Upload>,
    download: Option<Download>,
    /// Requests for it that are not answered.
    waiting: usize,
    /// The server has answered the close.
    closed: Option<Ending>,
}

impl OpenFile {
    fn direction(&self) -> Option<Direction> {
        match self.opened {
            Opened::Directory => None,
            Opened::File(flags) => Some(flags.direction()),
        }
    }

    /// `None`: of a directory there is nothing to tell.
    fn finish(self, held: &mut Held) -> Option<Transfer> {
        Some(Transfer {
            direction: self.direction()?,
            opened_by: self.opened_by,
            path: self.path,
            upload: self.upload.map(|upload| upload.finish(held)),
            download: self.download.map(|download| download.finish(held)),
            ending: self.closed.unwrap_or(Ending::Unclosed),
        })
    }
}

/// All that is open in a conversation.
#[derive(Debug, Default)]
pub(crate) struct Files {
    open: BTreeMap<FileNumber, OpenFile>,
    /// Those that the client has not asked to close.
    handles: BTreeMap<Arc<[u8]>, FileNumber>,
    /// Files that are being opened.
    opening: usize,
    /// Bytes of the paths of all.
    path_bytes: usize,
    last_number: u64,
    held: Held,
}

impl Files {
    /// What a handle stands for.
    pub(crate) fn find(&self, handle: &[u8]) -> Result<FileNumber, Fault> {
        self.handles
            .get(handle)
            .copied()
            .ok_or(Fault::UnknownHandle)
    }

    /// Which way a file was opened to go; `None`: it is a directory.
    pub(crate) fn direction(&self, number: FileNumber) -> Option<Direction> {
        self.open.get(&number)?.direction()
    }

    /// Its path, and the note of the request that opened it.
    pub(crate) fn origin(&self, number: FileNumber) -> Result<(RemotePath, Note), Fault> {
        let file = self.open.get(&number).ok_or(Fault::UnknownHandle)?;
        Ok((file.path.clone(), file.opened_by))
    }

    /// Whether there is room for another file.
    pub(crate) fn has_room(&self, path: &RemotePath) -> bool {
        self.open.len() + self.opening < MAX_OPEN_FILES
            && self.path_bytes + path.as_bytes().len() <= MAX_OPEN_PATH_BYTES
    }

    /// A client asks to open something.
    pub(crate) fn opening(&mut self, path: &RemotePath) {
        self.opening += 1;
        self.path_bytes += path.as_bytes().len();
    }

    /// It is not opened.
    pub(crate) fn not_opened(&mut self, path: &RemotePath) {
        self.opening = self.opening.saturating_sub(1);
        self.forget_path(path);
    }

    /// The server has opened it.
    pub(crate) fn opened(
        &mut self,
        handle: &[u8],
        path: RemotePath,
        opened: Opened,
        opened_by: Note,
    ) -> Result<(), SftpError> {
        if handle.len() > MAX_HANDLE_BYTES {
            return Err(SftpError::HandleTooLong {
                bytes: handle.len(),
            });
        }
        if self.handles.contains_key(handle) {
            return Err(SftpError::HandleInUse);
        }
        self.opening = self.opening.saturating_sub(1);
        let (upload, download) = self.flows(opened);
        self.last_number += 1;
        let number = FileNumber(self.last_number);
        let handle: Arc<[u8]> = Arc::from(handle);
        self.handles.insert(Arc::clone(&handle), number);
        let file = OpenFile {
            opened_by,
            path,
            handle,
            opened,
            upload,
            download,
            waiting: 0,
            closed: None,
        };
        self.open.insert(number, file);
        Ok(())
    }

    fn flows(&mut self, opened: Opened) -> (Option<Upload>, Option<Download>) {
        let Opened::File(flags) = opened else {
            return (None, None);
        };
        let direction = flags.direction();
        let (is_empty, appends) = (flags.empties(), flags.appends());
        let upload = |held| Upload::new(is_empty, appends, held);
        (
            direction.uploads().then(|| upload(&mut self.held)),
            direction.downloads().then(Download::new),
        )
    }

    /// A client asks for something to be done with it.
    pub(crate) fn asked(&mut self, number: FileNumber, is_close: bool) {
        if let Some(file) = self.open.get_mut(&number) {
            file.waiting += 1;
            if is_close {
                self.handles.remove(&file.handle);
            }
        }
    }

    /// That does not reach the server.
    pub(crate) fn refused(&mut self, number: FileNumber, is_close: bool) {
        if let Some(file) = self.open.get_mut(&number) {
            file.waiting = file.waiting.saturating_sub(1);
            if is_close {
                self.handles
                    .entry(Arc::clone(&file.handle))
                    .or_insert(number);
            }
        }
    }

    /// The server has answered that. The transfer, if there is nothing more to come.
    pub(crate) fn answered(&mut self, number: FileNumber) -> Option<Transfer> {
        let file = self.open.get_mut(&number)?;
        file.waiting = file.waiting.saturating_sub(1);
        if file.waiting > 0 || file.closed.is_none() {
            return None;
        }
        let file = self.open.remove(&number)?;
        self.forget_path(&file.path);
        file.finish(&mut self.held)
    }

    /// The server has answered the close.
    pub(crate) fn closed(&mut self, number: FileNumber, code: StatusCode) {
        let Some(file) = self.open.get_mut(&number) else {
            return;
        };
        let is_done = code == StatusCode::OK;
        file.closed = Some(if is_done {
            Ending::Closed
        } else {
            Ending::CloseFailed(code)
        });
        if let Some(upload) = &mut file.upload
            && !is_done
        {
            upload.answered(false, &mut self.held);
        }
    }

    /// Something happens to what is written.
    pub(crate) fn upload(
        &mut self,
        number: FileNumber,
        happens: impl FnOnce(&mut Upload, &mut Held),
    ) {
        let file = self.open.get_mut(&number);
        if let Some(upload) = file.and_then(|file| file.upload.as_mut()) {
            happens(upload, &mut self.held);
        }
    }

    /// Something happens to what is read.
    pub(crate) fn download(
        &mut self,
        number: FileNumber,
        happens: impl FnOnce(&mut Download, &mut Held),
    ) {
        let file = self.open.get_mut(&number);
        if let Some(download) = file.and_then(|file| file.download.as_mut()) {
            happens(download, &mut self.held);
        }
    }

    /// The conversation is over: what is still open, in the order in which it was opened.
    pub(crate) fn end(mut self) -> Vec<Transfer> {
        let files = std::mem::take(&mut self.open).into_values();
        files
            .filter_map(|file| file.finish(&mut self.held))
            .collect()
    }

    /// Files and directories that are open.
    pub(crate) fn count(&self) -> usize {
        self.open.len()
    }

    /// Bytes that are kept of paths, and because they came out of order.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.path_bytes + self.held.bytes()
    }

    fn forget_path(&mut self, path: &RemotePath) {
        self.path_bytes = self.path_bytes.saturating_sub(path.as_bytes().len());
    }
}

#[cfg(test)]
mod tests {
    use super::{Files, Opened};
    use crate::action::OpenFlags;
    use crate::conversation::Note;
    use crate::path::RemotePath;
    use crate::{
        Fault, MAX_OPEN_FILES, MAX_OPEN_PATH_BYTES, MAX_PATH_BYTES, SftpError, StatusCode,
    };

    fn open(files: &mut Files, handle: &[u8]) -> Result<(), SftpError> {
        let path = RemotePath::new(b"/a");
        files.opening(&path);
        let opened = Opened::File(OpenFlags(OpenFlags::READ));
        files.opened(handle, path, opened, Note(1))
    }

    #[test]
    fn there_is_room_for_so_many() {
        let mut files = Files::default();
        let path = RemotePath::new(b"/a");
        for number in 0..MAX_OPEN_FILES {
            assert!(files.has_room(&path));
            if number % 2 == 0 {
                open(&mut files, &number.to_be_bytes()).unwrap();
            } else {
                files.opening(&path);
            }
        }
        assert!(!files.has_room(&path));
        files.not_opened(&path);
        assert!(files.has_room(&path));
    }

    #[test]
    fn long_paths_take_room() {
        let mut files = Files::default();
        let path = RemotePath::new(&vec![b'a'; MAX_PATH_BYTES]);
        let mut count = 0;
        while files.has_room(&path) {
            files.opening(&path);
            count += 1;
        }
        assert_eq!(count, MAX_OPEN_PATH_BYTES / MAX_PATH_BYTES);
    }

    #[test]
    fn a_handle_is_one_files_at_a_time() {
        let mut files = Files::default();
        assert_eq!(
            open(&mut files, &[0; 257]),
            Err(SftpError::HandleTooLong { bytes: 257 })
        );
        open(&mut files, b"h").unwrap();
        assert_eq!(open(&mut files, b"h"), Err(SftpError::HandleInUse));
        let first = files.find(b"h").unwrap();
        files.asked(first, true);
        assert_eq!(files.find(b"h"), Err(Fault::UnknownHandle));
        // Servers that work on several requests at once may give it again before they answer the close.
        open(&mut files, b"h").unwrap();
        assert_ne!(files.find(b"h").unwrap(), first);
        files.closed(first, StatusCode::OK);
        assert!(files.answered(first).is_some());
        assert!(files.find(b"h").is_ok());
        assert_eq!(files.end().len(), 1);
    }
}
