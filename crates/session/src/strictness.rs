//! What must be on disk before bytes go on.

use std::sync::atomic::{AtomicU8, Ordering};

use custos_policy::documents::Durability;

/// Of one session: as its resource has it, until rules ask for something else for its operations. Once one of them must
/// be strict, all that come after it are.
#[derive(Debug)]
pub(crate) struct Strictness {
    resource: bool,
    asked: AtomicU8,
}

/// No operation asked for anything.
const NOTHING: u8 = 0;
/// All that there were may be buffered.
const BUFFERED: u8 = 1;
/// One of them must be strict.
const STRICT: u8 = 2;

impl Strictness {
    /// `resource`: the resource is strict.
    pub(crate) fn new(resource: bool) -> Self {
        Self {
            resource,
            asked: AtomicU8::new(NOTHING),
        }
    }

    /// An operation begins; `None`: it leaves it to the resource.
    pub(crate) fn ask(&self, durability: Option<Durability>) {
        let is_strict = match durability {
            Some(durability) => durability == Durability::Strict,
            None => self.resource,
        };
        let asks = if is_strict { STRICT } else { BUFFERED };
        self.asked.fetch_max(asks, Ordering::Relaxed);
    }

    pub(crate) fn is_strict(&self) -> bool {
        match self.asked.load(Ordering::Relaxed) {
            NOTHING => self.resource,
            asked => asked == STRICT,
        }
    }
}

#[cfg(test)]
mod tests {
    use custos_policy::documents::Durability::{Buffered, Strict};

    use super::Strictness;

    #[test]
    fn the_stricter_stays() {
        for (resource, asked, strict) in [
            (true, vec![], true),
            (false, vec![], false),
            (true, vec![None], true),
            (false, vec![None], false),
            (true, vec![Some(Buffered)], false),
            (true, vec![Some(Buffered), None], true),
            (true, vec![None, Some(Buffered)], true),
            (false, vec![Some(Strict)], true),
            (false, vec![Some(Strict), None, Some(Buffered)], true),
            (false, vec![Some(Buffered), None], false),
        ] {
            let session = Strictness::new(resource);
            for durability in &asked {
                session.ask(*durability);
            }
            assert_eq!(session.is_strict(), strict, "{resource} {asked:?}");
        }
    }
}
