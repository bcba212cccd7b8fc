//! Names of tiles: C2SP tlog-tiles, section "Merkle Tree".

use std::{fmt, str::FromStr};

use crate::HASH_BYTES;

/// Hashes in a full hash tile, and entries in a full entry bundle (tile height 8).
pub const TILE_WIDTH: u16 = 256;

/// Tree levels that one tile covers.
pub(crate) const TILE_HEIGHT: u32 = 8;

/// Tile levels that a tree with a 64-bit size can have.
pub(crate) const TILE_LEVELS: u8 = 8;

/// The highest level that the specification allows in a path.
const MAX_PATH_LEVEL: u8 = 63;

/// Which kind of tile, and for hash tiles at which level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileLevel {
    /// Hashes of perfect subtrees of 256^level leaves; level 0 holds leaf hashes.
    Hash(u8),
    /// The records themselves, see [`crate::entries`].
    Entries,
}

/// The path of one tile below the log's directory, such as `tile/0/x001/x234/067.p/12`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    /// Hash level or entries.
    pub level: TileLevel,
    /// Position within the level, from 0.
    pub index: u64,
    /// Hashes or entries in it, 1 to [`TILE_WIDTH`]; less than that is a partial tile (`.p/W`).
    pub width: u16,
}

/// The text is not the one canonical path of a tile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a tile path: {path:?}")]
pub struct TileError {
    /// What was given, cut to 100 characters.
    pub path: String,
}

impl TilePath {
    /// A tile with all its [`TILE_WIDTH`] elements.
    pub fn full(level: TileLevel, index: u64) -> Self {
        Self {
            level,
            index,
            width: TILE_WIDTH,
        }
    }

    /// The tile that a tree of `size` leaves has at this place, or `None` if it has none.
    pub fn in_tree(level: TileLevel, index: u64, size: u64) -> Option<Self> {
        let shift = match level {
            TileLevel::Hash(level) => u32::from(level).checked_mul(TILE_HEIGHT)?,
            TileLevel::Entries => 0,
        };
        let elements = size.checked_shr(shift)?;
        let first = index.checked_mul(u64::from(TILE_WIDTH))?;
        let width = elements.checked_sub(first)?.min(u64::from(TILE_WIDTH));
        let width = u16::try_from(width).ok().filter(|width| *width > 0)?;
        Some(Self {
            level,
            index,
            width,
        })
    }

    /// Every tile of a tree of `size` leaves: entry bundles first, then hash tiles level by level.
    pub fn all_in_tree(size: u64) -> impl Iterator<Item = Self> {
        let hash_levels = (0..TILE_LEVELS).map(TileLevel::Hash);
        std::iter::once(TileLevel::Entries)
            .chain(hash_levels)
            .flat_map(move |level| (0..).map_while(move |index| Self::in_tree(level, index, size)))
    }

    /// Whether it is a partial tile.
    pub fn is_partial(&self) -> bool {
        self.width < TILE_WIDTH
    }

    /// Length in bytes of a hash tile of this width (meaningless for entry bundles, which vary).
    pub fn hash_bytes(&self) -> usize {
        usize::from(self.width) * HASH_BYTES
    }

    /// Reads the canonical form only: no leading zeros, no `.p/0`, no `.p/256`, level at most 63.
    pub fn parse(path: &str) -> Result<Self, TileError> {
        parse_path(path).ok_or_else(|| TileError {
            path: path.chars().take(100).collect(),
        })
    }
}

impl FromStr for TilePath {
    type Err = TileError;

    fn from_str(path: &str) -> Result<Self, TileError> {
        Self::parse(path)
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            TileLevel::Hash(level) => write!(out, "tile/{level}/")?,
            TileLevel::Entries => out.write_str("tile/entries/")?,
        }
        write_index(out, self.index)?;
        if self.is_partial() {
            write!(out, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

/// Groups of three digits, all but the last marked with an `x`.
fn write_index(out: &mut fmt::Formatter<'_>, index: u64) -> fmt::Result {
    if index >= 1000 {
        write_leading_groups(out, index / 1000)?;
    }
    write!(out, "{:03}", index % 1000)
}

fn write_leading_groups(out: &mut fmt::Formatter<'_>, index: u64) -> fmt::Result {
    if index >= 1000 {
        write_leading_groups(out, index / 1000)?;
    }
    write!(out, "x{:03}/", index % 1000)
}

fn parse_path(path: &str) -> Option<TilePath> {
    let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let level = match level {
        "entries" => TileLevel::Entries,
        digits => TileLevel::Hash(
            parse_decimal(digits, u64::from(MAX_PATH_LEVEL))?
                .try_into()
                .ok()?,
        ),
    };
    let (index, width) = match rest.split_once(".p/") {
        Some((index, width)) => (index, parse_decimal(width, u64::from(TILE_WIDTH) - 1)?),
        None => (rest, u64::from(TILE_WIDTH)),
    };
    let width = u16::try_from(width).ok().filter(|width| *width > 0)?;
    Some(TilePath {
        level,
        index: parse_index(index)?,
        width,
    })
}

fn parse_index(text: &str) -> Option<u64> {
    if text.starts_with("x000/") {
        return None;
    }
    let (leading, last) = match text.rsplit_once('/') {
        Some((leading, last)) => (Some(leading), last),
        None => (None, text),
    };
    let mut index = 0_u64;
    for group in leading.into_iter().flat_map(|groups| groups.split('/')) {
        index = push_group(index, group.strip_prefix('x')?)?;
    }
    push_group(index, last)
}

fn push_group(index: u64, group: &str) -> Option<u64> {
    if group.len() != 3 || !group.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    index.checked_mul(1000)?.checked_add(group.parse().ok()?)
}

/// A decimal number with no sign and no leading zero, at most `max`.
pub(crate) fn parse_decimal(text: &str, max: u64) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    if !canonical || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|number| *number <= max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_examples_are_printed_and_read() {
        let level_0 = |index, width| TilePath {
            level: TileLevel::Hash(0),
            index,
            width,
        };
        for (path, text) in [
            (level_0(0, 256), "tile/0/000"),
            (level_0(999, 256), "tile/0/999"),
            (level_0(1000, 256), "tile/0/x001/000"),
            (level_0(1_234_067, 256), "tile/0/x001/x234/067"),
            (level_0(1_234_067, 12), "tile/0/x001/x234/067.p/12"),
            (
                level_0(u64::MAX, 255),
                "tile/0/x018/x446/x744/x073/x709/x551/615.p/255",
            ),
            (TilePath::full(TileLevel::Entries, 273), "tile/entries/273"),
            (TilePath::full(TileLevel::Hash(63), 0), "tile/63/000"),
        ] {
            assert_eq!(path.to_string(), text);
            assert_eq!(TilePath::parse(text), Ok(path));
        }
    }

    #[test]
    fn any_other_spelling_is_refused() {
        for text in [
            "",
            "tile/0/",
            "tile/0/00",
            "tile/0/0000",
            "tile/0/x000/000",
            "tile/0/x000/x001/000",
            "tile/0/001/000",
            "tile/0/x001/x000",
            "tile/0/x001//000",
            "tile/0/+01",
            "tile/00/000",
            "tile/+0/000",
            "tile/64/000",
            "tile/-1/000",
            "tile/Entries/000",
            "tile/0/000.p/0",
            "tile/0/000.p/01",
            "tile/0/000.p/256",
            "tile/0/000.p/",
            "tile/0/000.p/1/",
            "tile/0/000.p/1.p/1",
            "tile/0/000/",
            "/tile/0/000",
            "tile/0/../000",
            "tile/0/\u{0661}\u{0662}\u{0663}",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
        ] {
            assert!(TilePath::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_tiles_of_a_tree_are_listed() {
        let tiles = |size| {
            TilePath::all_in_tree(size)
                .map(|path| path.to_string())
                .collect::<Vec<_>>()
        };
        assert!(tiles(0).is_empty());
        assert_eq!(tiles(1), ["tile/entries/000.p/1", "tile/0/000.p/1"]);
        assert_eq!(
            tiles(256),
            ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]
        );
        // The example in the specification: 70,000 leaves.
        let all = tiles(70_000);
        assert_eq!(all.len(), 274 + 274 + 2 + 1);
        for text in [
            "tile/entries/273.p/112",
            "tile/0/273.p/112",
            "tile/1/000",
            "tile/1/001.p/17",
            "tile/2/000.p/1",
        ] {
            assert!(all.iter().any(|path| path == text), "{text}");
        }
    }

    #[test]
    fn places_outside_a_tree_have_no_tile() {
        assert_eq!(TilePath::in_tree(TileLevel::Hash(0), 1, 256), None);
        assert_eq!(
            TilePath::in_tree(TileLevel::Hash(0), u64::MAX, u64::MAX),
            None
        );
        assert_eq!(TilePath::in_tree(TileLevel::Hash(8), 0, u64::MAX), None);
        assert_eq!(TilePath::in_tree(TileLevel::Hash(255), 0, u64::MAX), None);
    }
}
