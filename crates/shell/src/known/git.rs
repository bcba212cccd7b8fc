//! The three programs that git runs at the other end (`git help upload-pack` and so on).

use super::{Direction, Known, Transfer};

pub(super) fn read(program: &str, arguments: &[&str]) -> Option<Known> {
    let (service, operands) = match program {
        "git" => {
            let (service, operands) = arguments.split_first()?;
            (*service, operands)
        }
        _ => (program.strip_prefix("git-")?, arguments),
    };
    let direction = match service {
        "upload-pack" | "upload-archive" => Direction::Download,
        "receive-pack" => Direction::Upload,
        _ => return None,
    };
    // Clients send the repository and nothing else; git-shell takes no more either.
    let [repository] = operands else {
        return None;
    };
    let is_path = !repository.is_empty() && !repository.starts_with('-');
    is_path.then(|| Known {
        transfer: Transfer::Git,
        direction,
        paths: vec![(*repository).to_owned()],
        removes: false,
    })
}
