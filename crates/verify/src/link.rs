//! How a log continues the one before it: `docs/evidence-format.md` section 2.

use std::collections::BTreeSet;

use crate::note::Checkpoint;
use crate::record::Previous;

/// The end of the log of the same node that was read last.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) checkpoint: Checkpoint,
    /// Its last record is `log.close`.
    pub(crate) closed: bool,
}

/// What `log.previous` comes to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// The node's first log.
    First,
    /// It continues the log read last.
    Continues,
    /// It continues a log that is not in the directory.
    NotGiven,
    /// It continues a log that is there and cannot be read; that is reported already.
    Unreadable,
    Broken(String),
}

/// Judges the link of `origin`; `given` are the origins in the directory.
pub(crate) fn judge(
    origin: &str,
    previous: Option<&Previous>,
    tail: Option<&Tail>,
    given: &BTreeSet<String>,
) -> Link {
    let node = origin.rsplit_once('/').map_or(origin, |(node, _)| node);
    let same_node = |other: &str| other.rsplit_once('/').is_some_and(|(name, _)| name == node);
    let earlier = given
        .iter()
        .rfind(|other| same_node(other) && other.as_str() < origin);
    let Some(previous) = previous else {
        return match earlier {
            Some(earlier) => Link::Broken(format!("no log.previous, but there is {earlier}")),
            None => Link::First,
        };
    };
    let name = &previous.origin;
    if !same_node(name) || name.as_str() >= origin {
        return Link::Broken("log.previous is no earlier log of this node".to_owned());
    }
    if let Some(between) = earlier.filter(|earlier| *earlier > name) {
        return Link::Broken(format!("log.previous is {name}, but there is {between}"));
    }
    if !given.contains(name) {
        return Link::NotGiven;
    }
    let Some(tail) = tail.filter(|tail| tail.checkpoint.origin == *name) else {
        return Link::Unreadable;
    };
    if (tail.checkpoint.size, tail.checkpoint.root) != (previous.size, previous.root) {
        return Link::Broken(format!("log.previous is not the head of {name}"));
    }
    if !tail.closed {
        return Link::Broken(format!("{name} does not end with log.close"));
    }
    Link::Continues
}
