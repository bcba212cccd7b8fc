//! A small file system of its own for one directory.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;
use custos_testkit::run;

/// What the small file system is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// In memory.
    Tmpfs,
    /// On an image file, as on a real disk.
    Ext4,
}

/// A mounted file system. It is unmounted when dropped, and at the latest when the mount namespace ends, which it does
/// with its last process.
#[derive(Debug)]
pub(crate) struct Mount {
    at: PathBuf,
    /// Holds the image.
    _scratch: tempfile::TempDir,
}

/// Replaces this process by the same program in a mount namespace of its own. Returns only when that fails.
pub(crate) fn enter_own_namespace(arguments: &[String]) -> anyhow::Error {
    if !rustix::process::geteuid().is_root() {
        return anyhow::anyhow!("mounting a small file system needs root");
    }
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return error.into(),
    };
    let mut command = Command::new("unshare");
    command.arg("--mount").arg(program).args(arguments);
    anyhow::Error::from(command.exec()).context("cannot start unshare")
}

impl Mount {
    /// Mounts a file system of that size over a directory, whose content is moved into it.
    pub(crate) fn over(at: &Path, kind: Kind, mebibytes: u64) -> anyhow::Result<Self> {
        let scratch = tempfile::Builder::new().prefix("custos-mount-").tempdir()?;
        let before = scratch.path().join("before");
        execute(Command::new("cp").arg("-a").arg(at).arg(&before))?;
        let mut mount = Command::new("mount");
        match kind {
            Kind::Tmpfs => mount.args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "none"]),
            Kind::Ext4 => {
                let image = scratch.path().join("image");
                std::fs::File::create(&image)?.set_len(mebibytes << 20)?;
                // No blocks set aside for root, which the gateway may be here.
                execute(
                    Command::new("mkfs.ext4")
                        .args(["-q", "-m", "0"])
                        .arg(&image),
                )?;
                mount.args(["-o", "loop"]).arg(image)
            }
        };
        execute(mount.arg(at))?;
        let mounted = Self {
            at: at.to_owned(),
            _scratch: scratch,
        };
        execute(Command::new("cp").arg("-aT").arg(&before).arg(at))?;
        Ok(mounted)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if let Err(error) = execute(Command::new("umount").arg("--lazy").arg(&self.at)) {
            eprintln!("warning: {error:#}");
        }
    }
}

fn execute(command: &mut Command) -> anyhow::Result<()> {
    let finished = run(command, custos_testkit::PATIENCE);
    anyhow::ensure!(finished.status.success(), "{command:?}: {finished}");
    Ok(())
}
