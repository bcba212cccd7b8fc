//! Policy documents in files and directories.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use custos_policy::documents::{DOCUMENT_BYTES_MAX, Document, PolicySet, Problem};

/// Why documents are no policy.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// A file or directory cannot be read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// They can be read, and have mistakes; all of them.
    Problems(Vec<Problem>),
}

/// All documents as one policy.
pub(crate) fn load(paths: &[PathBuf]) -> Result<PolicySet, LoadError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| LoadError::Unreadable { path, source }
    };
    let mut texts = Vec::new();
    for path in paths {
        for file in files(path).map_err(unreadable(path))? {
            let text = read(&file).map_err(unreadable(&file))?;
            texts.push((file.display().to_string(), text));
        }
    }
    let documents = texts.iter().map(|(name, text)| Document { name, text });
    let documents: Vec<Document<'_>> = documents.collect();
    PolicySet::parse(&documents).map_err(LoadError::Problems)
}

/// The file, or the documents in the directory by name.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in path.read_dir()? {
        let file = entry?.path();
        let is_document = file
            .extension()
            .is_some_and(|it| it == "yaml" || it == "yml");
        if is_document && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(io::Error::other("no *.yaml and no *.yml is in it"));
    }
    Ok(files)
}

/// One byte more than a document may have is enough to refuse it.
fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(file)?
        .take(DOCUMENT_BYTES_MAX as u64 + 1)
        .read_to_string(&mut text)?;
    Ok(text)
}
