//! C2SP tlog-tiles: file names, hash tiles, entry bundles, and the check of all of them against the signed root.

use crate::error::Error;
use crate::files::{Contents, EvidenceDir};
use crate::finding::{Code, Finding, Findings, RecordRef};
use crate::hash::{Hash, RightEdge, TILE_WIDTH, root_over};
use crate::note::Checkpoint;
use crate::time::digits;

const HASH_BYTES: usize = 32;
const LENGTH_BYTES: usize = 2;
/// 256 records of the greatest length.
const MAX_BUNDLE_BYTES: u64 = 256 * (2 + 65_535);
/// Path elements of the longest tile name: level, seven groups of digits, `.p` and width.
pub(crate) const MAX_TILE_PATH_ELEMENTS: usize = 10;

/// The name of a tile below `tile/`, as `<level>/<N>[.p/<W>]`.
pub(crate) fn tile_path(level: &str, number: u64, width: usize) -> String {
    let mut name = format!("{:03}", number % 1000);
    let mut rest = number / 1000;
    while rest > 0 {
        name = format!("x{:03}/{name}", rest % 1000);
        rest /= 1000;
    }
    if width < TILE_WIDTH {
        format!("{level}/{name}.p/{width}")
    } else {
        format!("{level}/{name}")
    }
}

/// Whether a path below `tile/` is one that [`tile_path`] can give.
pub(crate) fn is_tile_path(path: &str) -> bool {
    let (tile, width) = match path.split_once(".p/") {
        Some((tile, width)) => (tile, parse_plain(width)),
        None => (path, Some(TILE_WIDTH as u64)),
    };
    let Some((level, name)) = tile.split_once('/') else {
        return false;
    };
    if level != "entries" && parse_plain(level).is_none_or(|level| level > 63) {
        return false;
    }
    let number = name.split('/').try_fold(0_u64, |number, group| {
        let group = digits(group.strip_prefix('x').unwrap_or(group).as_bytes())?;
        number.checked_mul(1000)?.checked_add(group)
    });
    let (Some(number), Some(width)) = (number, width) else {
        return false;
    };
    let width = usize::try_from(width).unwrap_or(0);
    (1..=TILE_WIDTH).contains(&width) && tile_path(level, number, width) == path
}

fn parse_plain(text: &str) -> Option<u64> {
    digits(text.as_bytes()).filter(|number| number.to_string() == text)
}

/// The records of one entry bundle.
#[derive(Debug, Default)]
pub(crate) struct Bundle {
    bytes: Vec<u8>,
    /// Start and end of each record.
    bounds: Vec<(usize, usize)>,
}

impl Bundle {
    pub(crate) fn len(&self) -> usize {
        self.bounds.len()
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &[u8]> {
        self.bounds
            .iter()
            .filter_map(|&(start, end)| self.bytes.get(start..end))
    }

    fn get(&self, place: usize) -> Option<&[u8]> {
        let &(start, end) = self.bounds.get(place)?;
        self.bytes.get(start..end)
    }

    /// Takes up to `width` records and says how many bytes they are.
    fn split(bytes: Vec<u8>, width: usize) -> (Self, usize) {
        let mut bounds = Vec::with_capacity(width);
        let mut at = 0;
        while bounds.len() < width {
            let Some((length, _)) = bytes
                .get(at..)
                .and_then(<[u8]>::split_first_chunk::<LENGTH_BYTES>)
            else {
                break;
            };
            let start = at + LENGTH_BYTES;
            let end = start + usize::from(u16::from_be_bytes(*length));
            if end > bytes.len() {
                break;
            }
            bounds.push((start, end));
            at = end;
        }
        (Self { bytes, bounds }, at)
    }
}

/// Follows one log's tree, bundle by bundle.
///
/// Two trees grow side by side: one from the records, one from the tile files. Where they differ, the signed root
/// tells at the end which of them is genuine, and so whether a record or a tile was changed.
#[derive(Debug)]
pub(crate) struct TileCheck {
    origin: String,
    checkpoint: Checkpoint,
    from_records: RightEdge,
    from_tiles: RightEdge,
    /// Files absent or of the wrong length.
    broken: Findings,
    /// What is bad if the records are genuine: tiles.
    bad_tiles: Findings,
    /// What is bad if the tiles are genuine: records, or tiles that their parents do not know.
    bad_children: Findings,
    /// Some leaves come neither from a record nor from a tile.
    leaves_lost: bool,
}

impl TileCheck {
    pub(crate) fn new(checkpoint: Checkpoint) -> Self {
        Self {
            origin: checkpoint.origin.clone(),
            checkpoint,
            from_records: RightEdge::default(),
            from_tiles: RightEdge::default(),
            broken: Findings::default(),
            bad_tiles: Findings::default(),
            bad_children: Findings::default(),
            leaves_lost: false,
        }
    }

    /// Reads the records from `first` on, at most a tile's; fewer than asked for when the bundle is broken.
    pub(crate) fn read_bundle(
        &mut self,
        dir: &mut EvidenceDir,
        first: u64,
        width: usize,
    ) -> Result<Bundle, Error> {
        let number = first / TILE_WIDTH as u64;
        let (path, contents, whole) =
            self.read_file(dir, "entries", number, width, MAX_BUNDLE_BYTES)?;
        let (code, message) = match contents {
            Contents::Missing => (Code::EntriesMissing, "the bundle is absent"),
            Contents::TooLong => (Code::EntriesMalformed, "the bundle is too long"),
            Contents::Bytes(bytes) => {
                let length = bytes.len();
                let (bundle, used) = Bundle::split(bytes, width);
                if bundle.len() < width {
                    let at = RecordRef {
                        index: first + bundle.len() as u64,
                        kind: None,
                        session: None,
                    };
                    let message = format!("{path} ends inside or before this record");
                    let origin = &self.origin;
                    self.broken.push(Finding::record(
                        Code::EntriesMalformed,
                        origin,
                        &at,
                        message,
                    ));
                } else if whole && used < length {
                    let message = format!("{} bytes follow the last record", length - used);
                    self.broken_file(Code::EntriesMalformed, &path, &message);
                }
                return Ok(bundle);
            }
        };
        self.broken_file(code, &path, message);
        Ok(Bundle::default())
    }

    /// Adds the leaves of one bundle; `leaves` may be fewer than `width` when the bundle is broken.
    pub(crate) fn push(
        &mut self,
        dir: &mut EvidenceDir,
        first: u64,
        width: usize,
        bundle: &Bundle,
        mut leaves: Vec<Hash>,
    ) -> Result<(), Error> {
        let number = first / TILE_WIDTH as u64;
        let tile = self.read_tile(dir, 0, number, width)?;
        let known = leaves.len();
        if let Some((path, hashes)) = &tile {
            // Lost records do not stop the check of the rest of the tree.
            leaves.extend(hashes.iter().skip(known));
            if let Some(place) = first_difference(hashes, &leaves) {
                self.bad_tile(path);
                let index = first + place as u64;
                let at = crate::record::describe(index, bundle.get(place).unwrap_or_default());
                let finding = Finding::record(
                    Code::TileMismatch,
                    &self.origin,
                    &at,
                    format!("the record does not have the hash that {path} holds"),
                );
                self.bad_children.push(finding);
            }
        } else if known < width {
            self.leaves_lost = true;
            leaves.resize(width, [0; HASH_BYTES]);
        }
        let by_tile = tile.map_or_else(|| leaves.clone(), |(_, hashes)| hashes);
        self.grow(dir, 0, number, leaves, by_tile)
    }

    /// The root over the records so far and the first `width` of `leaves`.
    pub(crate) fn root_with(&self, leaves: &[Hash], width: usize) -> Hash {
        let mut edge = self.from_records.clone();
        edge.set(0, leaves.iter().take(width).copied().collect());
        edge.root()
    }

    /// Checks the tiles at the right edge and the root.
    pub(crate) fn finish(mut self, dir: &mut EvidenceDir) -> Result<Vec<Findings>, Error> {
        for level in 1..self.from_records.height() {
            let by_records = self.from_records.tile(level).to_vec();
            if by_records.is_empty() {
                continue;
            }
            let number = (self.checkpoint.size >> (8 * level)) / TILE_WIDTH as u64;
            let by_children = self.from_tiles.tile(level).to_vec();
            let tile = self.compare(dir, level, number, &by_records, by_children)?;
            self.from_tiles.set(level, tile);
        }
        let records_genuine = self.from_records.root() == self.checkpoint.root;
        let tiles_genuine = self.from_tiles.root() == self.checkpoint.root;
        if records_genuine {
            return Ok(vec![self.broken, self.bad_tiles]);
        }
        let mut root = Findings::default();
        if !self.leaves_lost && (self.bad_children.is_empty() || !tiles_genuine) {
            root.push(Finding::file(
                Code::RootMismatch,
                Some(&self.origin),
                "checkpoint",
                "the records do not hash to the signed root",
            ));
        }
        Ok(vec![self.broken, self.bad_children, root])
    }

    /// Puts a tile's hashes into both trees, and, when it is full, the one hash over it a level up.
    fn grow(
        &mut self,
        dir: &mut EvidenceDir,
        level: usize,
        number: u64,
        by_records: Vec<Hash>,
        by_tile: Vec<Hash>,
    ) -> Result<(), Error> {
        if by_records.len() < TILE_WIDTH {
            self.from_records.set(level, by_records);
            self.from_tiles.set(level, by_tile);
            return Ok(());
        }
        let record_root = root_over(&by_records);
        let tile_root = if by_tile == by_records {
            record_root
        } else {
            root_over(&by_tile)
        };
        self.from_records.set(level, Vec::new());
        self.from_tiles.set(level, Vec::new());
        let parent = self.from_records.push(level + 1, record_root);
        let by_children = self.from_tiles.push(level + 1, tile_root);
        if let (Some(parent), Some(by_children)) = (parent, by_children) {
            let number = number / TILE_WIDTH as u64;
            let tile = self.compare(dir, level + 1, number, &parent, by_children)?;
            self.grow(dir, level + 1, number, parent, tile)?;
        }
        Ok(())
    }

    /// Compares a tile above level 0 with both trees; returns its hashes, or those of its children when it is broken.
    fn compare(
        &mut self,
        dir: &mut EvidenceDir,
        level: usize,
        number: u64,
        by_records: &[Hash],
        by_children: Vec<Hash>,
    ) -> Result<Vec<Hash>, Error> {
        let Some((path, hashes)) = self.read_tile(dir, level, number, by_records.len())? else {
            return Ok(by_children);
        };
        if hashes != by_records {
            self.bad_tile(&path);
        }
        if let Some(place) = first_difference(&hashes, &by_children) {
            let child = number * TILE_WIDTH as u64 + place as u64;
            let name = tile_path(&(level - 1).to_string(), child, TILE_WIDTH);
            let message = format!("it does not hash to what {path} holds");
            self.bad_children.push(Finding::file(
                Code::TileMismatch,
                Some(&self.origin),
                &format!("tile/{name}"),
                message,
            ));
        }
        Ok(hashes)
    }

    fn read_tile(
        &mut self,
        dir: &mut EvidenceDir,
        level: usize,
        number: u64,
        width: usize,
    ) -> Result<Option<(String, Vec<Hash>)>, Error> {
        let limit = (TILE_WIDTH * HASH_BYTES) as u64;
        let (path, contents, whole) =
            self.read_file(dir, &level.to_string(), number, width, limit)?;
        let bytes = match contents {
            Contents::Missing => {
                self.broken_file(Code::TileMissing, &path, "the tile is absent");
                return Ok(None);
            }
            Contents::Bytes(bytes) => bytes,
            Contents::TooLong => Vec::new(),
        };
        let expected = if whole { width } else { TILE_WIDTH };
        if bytes.len() != expected * HASH_BYTES {
            self.broken_file(Code::TileMalformed, &path, "the tile has the wrong length");
            return Ok(None);
        }
        let hashes = bytes.as_chunks().0.iter().take(width).copied().collect();
        Ok(Some((path, hashes)))
    }

    /// Reads a tile, or the full one in place of an absent partial. Says whether the whole file should be used up.
    fn read_file(
        &self,
        dir: &mut EvidenceDir,
        level: &str,
        number: u64,
        width: usize,
        limit: u64,
    ) -> Result<(String, Contents, bool), Error> {
        let path = format!("tile/{}", tile_path(level, number, width));
        let contents = dir.read(&format!("logs/{}/{path}", self.origin), limit)?;
        if contents != Contents::Missing || width == TILE_WIDTH {
            return Ok((path, contents, true));
        }
        let full = format!("tile/{}", tile_path(level, number, TILE_WIDTH));
        match dir.read(&format!("logs/{}/{full}", self.origin), limit)? {
            Contents::Missing => Ok((path, Contents::Missing, true)),
            contents => Ok((full, contents, false)),
        }
    }

    fn bad_tile(&mut self, path: &str) {
        self.bad_tiles.push(Finding::file(
            Code::TileMismatch,
            Some(&self.origin),
            path,
            "the tile is not that of the records, which hash to the signed root",
        ));
    }

    fn broken_file(&mut self, code: Code, path: &str, message: &str) {
        self.broken
            .push(Finding::file(code, Some(&self.origin), path, message));
    }
}

fn first_difference(a: &[Hash], b: &[Hash]) -> Option<usize> {
    a.iter().zip(b).position(|(a, b)| a != b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tile_names_are_those_of_the_specification() {
        assert_eq!(tile_path("0", 0, 256), "0/000");
        assert_eq!(
            tile_path("entries", 1_234_067, 256),
            "entries/x001/x234/067"
        );
        assert_eq!(tile_path("1", 5, 17), "1/005.p/17");
        for good in ["0/000", "entries/x001/x234/067", "63/005.p/255"] {
            assert!(is_tile_path(good), "{good}");
        }
        for bad in [
            "0/0",
            "0/x000/001",
            "00/000",
            "64/000",
            "data/000",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "0/000.p",
            "0",
            "0/1000",
            "0/001/002",
            "0/000.p/1/2",
            "0/+01",
        ] {
            assert!(!is_tile_path(bad), "{bad}");
        }
    }

    #[test]
    fn a_bundle_is_split_at_its_lengths() {
        let bytes = vec![0, 1, b'a', 0, 0, 0, 2, b'b', b'c'];
        let (bundle, used) = Bundle::split(bytes.clone(), 3);
        let records: Vec<&[u8]> = bundle.records().collect();
        assert_eq!(records, [&b"a"[..], b"", b"bc"]);
        assert_eq!(used, bytes.len());
        for cut in 0..bytes.len() {
            let (bundle, used) = Bundle::split(bytes[..cut].to_vec(), 3);
            assert!(bundle.len() < 3 && used <= cut);
        }
    }
}
