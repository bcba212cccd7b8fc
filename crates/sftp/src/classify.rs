//! From a request to what it does.

use crate::MAX_PATH_BYTES;
use crate::action::{Action, Change, Direction, Fault, OnOpenFile, OpenFlags};
use crate::attributes::Attributes;
use crate::extended::Extended;
use crate::files::{FileNumber, Files, Opened};
use crate::path::RemotePath;
use crate::request::RequestKind;
use crate::waiting::Asks;

/// What is shown of an unknown name at most.
const MAX_NAME_CHARACTERS: usize = 256;

/// What a request does, and what has to be known for its answer.
#[derive(Debug)]
pub(crate) struct Classified {
    pub(crate) action: Action,
    pub(crate) asks: Asks,
    pub(crate) file: Option<FileNumber>,
}

impl Classified {
    fn new(action: Action) -> Self {
        Self {
            action,
            asks: Asks::Other,
            file: None,
        }
    }
}

/// Says what a request does; an error: it must not get to the server.
pub(crate) fn classify(request: &RequestKind<'_>, files: &Files) -> Result<Classified, Fault> {
    use RequestKind as Kind;
    match *request {
        Kind::Open { path, flags, .. } => open(path, Opened::File(flags), files),
        Kind::Opendir { path } => open(path, Opened::Directory, files),
        Kind::Close { handle } => on_open(handle, OnOpenFile::Close, Asks::Close, files),
        Kind::Read {
            handle,
            offset,
            length,
        } => on_open(
            handle,
            OnOpenFile::Read,
            Asks::Read { offset, length },
            files,
        ),
        Kind::Write {
            handle,
            offset,
            data,
        } => {
            // A packet's length fits into 32 bits.
            let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
            on_open(
                handle,
                OnOpenFile::Write,
                Asks::Write { offset, length },
                files,
            )
        }
        Kind::Readdir { handle } => on_open(handle, OnOpenFile::List, Asks::Other, files),
        Kind::Fstat { handle } => on_open(handle, OnOpenFile::Inspect, Asks::FileAttributes, files),
        Kind::Fsetstat { handle, attributes } => set_on_open(handle, &attributes, files),
        Kind::Lstat { path }
        | Kind::Stat { path }
        | Kind::Realpath { path }
        | Kind::Readlink { path } => inspect(path),
        Kind::Setstat { path, .. } => change(Change::SetAttributes, &[path]),
        Kind::Remove { path } => change(Change::Remove, &[path]),
        Kind::Mkdir { path, .. } => change(Change::MakeDirectory, &[path]),
        Kind::Rmdir { path } => change(Change::RemoveDirectory, &[path]),
        Kind::Rename { from, to } => change(Change::Rename, &[from, to]),
        Kind::Symlink { target, link } => change(Change::Symlink, &[target, link]),
        Kind::Extended(extended) => classify_extended(&extended, files),
        Kind::Unknown { kind, .. } => Ok(unknown(kind.to_string().as_bytes())),
    }
}

fn classify_extended(extended: &Extended<'_>, files: &Files) -> Result<Classified, Fault> {
    match *extended {
        Extended::PosixRename { from, to } => change(Change::PosixRename, &[from, to]),
        Extended::Hardlink { from, to } => change(Change::Hardlink, &[from, to]),
        Extended::Lsetstat { path, .. } => change(Change::SetLinkAttributes, &[path]),
        Extended::CopyData { from, to, .. } => copy(from, to, files),
        Extended::Statvfs { path } | Extended::ExpandPath { path } => inspect(path),
        Extended::Fstatvfs { handle } => on_open(handle, OnOpenFile::Inspect, Asks::Other, files),
        Extended::Fsync { handle } => on_open(handle, OnOpenFile::Sync, Asks::Other, files),
        Extended::Limits | Extended::HomeDirectory { .. } | Extended::UsersGroupsById { .. } => {
            Ok(Classified::new(Action::Inspect { path: None }))
        }
        Extended::VersionSelect { .. } => Err(Fault::VersionSelect),
        Extended::Other { name, .. } => Ok(unknown(name)),
    }
}

fn open(path: &[u8], opened: Opened, files: &Files) -> Result<Classified, Fault> {
    let path = checked(path)?;
    if !files.has_room(&path) {
        return Err(Fault::TooManyFiles);
    }
    let action = match opened {
        Opened::Directory => Action::List { path: path.clone() },
        Opened::File(flags) => Action::Transfer {
            path: path.clone(),
            direction: OpenFlags::direction(flags),
        },
    };
    Ok(Classified {
        action,
        asks: Asks::Open { path, opened },
        file: None,
    })
}

/// Goes on with what is open, as far as it was opened for that.
fn on_open(
    handle: &[u8],
    what: OnOpenFile,
    asks: Asks,
    files: &Files,
) -> Result<Classified, Fault> {
    let number = files.find(handle)?;
    let direction = files.direction(number);
    match what {
        OnOpenFile::Read if !direction.is_some_and(Direction::downloads) => {
            return Err(Fault::NotReadable);
        }
        OnOpenFile::Write if !direction.is_some_and(Direction::uploads) => {
            return Err(Fault::NotWritable);
        }
        OnOpenFile::List if direction.is_some() => return Err(Fault::NotDirectory),
        _ => {}
    }
    let (path, opened_by) = files.origin(number)?;
    Ok(Classified {
        action: Action::OnOpenFile {
            what,
            path,
            opened_by,
        },
        asks,
        file: Some(number),
    })
}

/// Belongs to an upload; otherwise it is a change of its own, since servers also do it to what is open to be read.
fn set_on_open(handle: &[u8], attributes: &Attributes, files: &Files) -> Result<Classified, Fault> {
    let asks = attributes.size.map_or(Asks::Other, Asks::Resize);
    let mut classified = on_open(handle, OnOpenFile::SetAttributes, asks, files)?;
    let direction = classified.file.and_then(|number| files.direction(number));
    if !direction.is_some_and(Direction::uploads)
        && let Action::OnOpenFile { path, .. } = &classified.action
    {
        classified.action = Action::Change {
            change: Change::SetAttributes,
            paths: vec![path.clone()],
        };
    }
    Ok(classified)
}

fn copy(from: &[u8], to: &[u8], files: &Files) -> Result<Classified, Fault> {
    let read = on_open(from, OnOpenFile::Read, Asks::Other, files)?;
    let written = on_open(to, OnOpenFile::Write, Asks::Copy, files)?;
    let path = |classified: &Classified| match &classified.action {
        Action::OnOpenFile { path, .. } => Some(path.clone()),
        _ => None,
    };
    Ok(Classified {
        action: Action::Change {
            change: Change::CopyData,
            paths: [&read, &written].into_iter().filter_map(path).collect(),
        },
        ..written
    })
}

fn inspect(path: &[u8]) -> Result<Classified, Fault> {
    let path = Some(checked(path)?);
    Ok(Classified::new(Action::Inspect { path }))
}

fn change(change: Change, paths: &[&[u8]]) -> Result<Classified, Fault> {
    let paths = paths.iter().map(|path| checked(path));
    let paths = paths.collect::<Result<_, _>>()?;
    Ok(Classified::new(Action::Change { change, paths }))
}

fn unknown(name: &[u8]) -> Classified {
    let name = name.get(..MAX_NAME_CHARACTERS).unwrap_or(name);
    let shown = RemotePath::new(name).shown();
    let name = shown.chars().take(MAX_NAME_CHARACTERS).collect();
    Classified::new(Action::Unknown { name })
}

fn checked(path: &[u8]) -> Result<RemotePath, Fault> {
    if path.len() > MAX_PATH_BYTES {
        return Err(Fault::PathTooLong);
    }
    if path.contains(&0) {
        return Err(Fault::PathHasZero);
    }
    Ok(RemotePath::new(path))
}
