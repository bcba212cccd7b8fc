//! `sftp-server`, as `sftp_server_main` of OpenSSH reads its options.

use super::{Direction, Known, Transfer};

/// Options with a value: start directory, log facility and level, allowed and refused requests, umask.
const WITH_VALUE: &[&str] = &["-d", "-f", "-l", "-p", "-P", "-u"];

pub(super) fn read(arguments: &[&str]) -> Option<Known> {
    let mut direction = Direction::Both;
    let mut rest = arguments.iter();
    while let Some(option) = rest.next() {
        match *option {
            "-R" => direction = Direction::Download,
            "-e" => {}
            option if WITH_VALUE.contains(&option) => {
                rest.next()?;
            }
            _ => return None,
        }
    }
    Some(Known {
        transfer: Transfer::Sftp,
        direction,
        paths: Vec::new(),
        removes: false,
    })
}
