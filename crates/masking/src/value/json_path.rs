use crate::error::MaskError;

/// Most paths of one mask.
pub const MAX_JSON_PATHS: usize = 64;
/// Longest path, in segments.
pub const MAX_JSON_PATH_SEGMENTS: usize = 32;

/// Places in a document: `$`, then `.name`, `.*`, `["name"]`, `[3]` and `[*]`.
///
/// As in SQL's lax mode, a name or `.*` on an array goes into its elements, and `[*]` or `[0]` on anything else is that
/// itself: a document of a slightly different shape is masked too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath {
    pub(super) segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Name(Box<str>),
    AnyName,
    Index(usize),
    AnyIndex,
}

impl JsonPath {
    /// # Errors
    /// [`MaskError::JsonPath`] with the byte at which it stops being one.
    pub fn parse(text: &str) -> Result<Self, MaskError> {
        let mut segments = Vec::new();
        let mut rest = text.strip_prefix('$').ok_or(MaskError::JsonPath(0))?;
        while !rest.is_empty() {
            let at = text.len() - rest.len();
            let (segment, tail) = segment(rest).ok_or(MaskError::JsonPath(at))?;
            if segments.len() >= MAX_JSON_PATH_SEGMENTS {
                return Err(MaskError::JsonPath(at));
            }
            segments.push(segment);
            rest = tail;
        }
        Ok(Self { segments })
    }
}

fn segment(text: &str) -> Option<(Segment, &str)> {
    if let Some(rest) = text.strip_prefix(".*") {
        return Some((Segment::AnyName, rest));
    }
    if let Some(rest) = text.strip_prefix('.') {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, rest) = rest.split_at_checked(end)?;
        let plain = !name.is_empty()
            && name
                .chars()
                .all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '$'));
        return plain.then(|| (Segment::Name(name.into()), rest));
    }
    let rest = text.strip_prefix('[')?;
    if let Some(rest) = rest.strip_prefix("*]") {
        return Some((Segment::AnyIndex, rest));
    }
    for quote in ['"', '\''] {
        if let Some(quoted) = rest.strip_prefix(quote) {
            let (name, rest) = quoted.split_once(quote)?;
            let rest = rest.strip_prefix(']')?;
            return (!name.contains('\\')).then(|| (Segment::Name(name.into()), rest));
        }
    }
    let (index, rest) = rest.split_once(']')?;
    let index = index
        .parse()
        .ok()
        .filter(|_| index.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some((Segment::Index(index), rest))
}

/// How far each path has come: its number, and how many segments are behind.
#[derive(Clone, Debug, Default)]
pub(super) struct Live(Vec<(usize, usize)>);

impl Live {
    pub(super) fn start(paths: &[JsonPath]) -> Self {
        Self((0..paths.len()).map(|path| (path, 0)).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// At a value: whether a path ends here.
    pub(super) fn arrive(&mut self, paths: &[JsonPath], is_array: bool) -> bool {
        if !is_array {
            for (path, behind) in &mut self.0 {
                while let Some(Segment::AnyIndex | Segment::Index(0)) = next(paths, *path, *behind)
                {
                    *behind += 1;
                }
            }
        }
        self.0
            .iter()
            .any(|&(path, behind)| next(paths, path, behind).is_none())
    }

    pub(super) fn element(&self, paths: &[JsonPath], index: usize) -> Self {
        self.advance(paths, |segment| match segment {
            Segment::AnyIndex => Some(1),
            Segment::Index(wanted) if *wanted == index => Some(1),
            Segment::Index(_) => None,
            Segment::Name(_) | Segment::AnyName => Some(0),
        })
    }

    pub(super) fn member(&self, paths: &[JsonPath], name: &[u8]) -> Self {
        self.advance(paths, |segment| match segment {
            Segment::AnyName => Some(1),
            Segment::Name(wanted) if wanted.as_bytes() == name => Some(1),
            _ => None,
        })
    }

    fn advance(&self, paths: &[JsonPath], step: impl Fn(&Segment) -> Option<usize>) -> Self {
        let moved = self.0.iter().filter_map(|&(path, behind)| {
            let steps = step(next(paths, path, behind)?)?;
            Some((path, behind + steps))
        });
        Self(moved.collect())
    }
}

fn next(paths: &[JsonPath], path: usize, behind: usize) -> Option<&Segment> {
    paths.get(path)?.segments.get(behind)
}

#[cfg(test)]
mod tests {
    use super::JsonPath;

    #[test]
    fn paths_parse_or_say_where_not() {
        for good in ["$", "$.a.b[*].c", "$[0]['x y'][\"z\"].*", "$.straße"] {
            assert!(JsonPath::parse(good).is_ok(), "{good}");
        }
        for (bad, at) in [
            ("a", 0),
            ("$a", 1),
            ("$.a..b", 3),
            ("$.a[", 3),
            ("$[-1]", 1),
            ("$['a]", 1),
            ("$.a[1", 3),
        ] {
            assert_eq!(
                JsonPath::parse(bad),
                Err(crate::MaskError::JsonPath(at)),
                "{bad}"
            );
        }
        assert!(JsonPath::parse(&format!("${}", ".a".repeat(33))).is_err());
    }
}
