//! Where the characters of a text stand in the stream.

use std::collections::VecDeque;
use std::ops::Range;

use super::held::Marks;
use super::text::MAX_BACK;

/// A part of the text that stands in one piece in the stream.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Where in the text.
    place: u64,
    bytes: u64,
    /// Where in the stream.
    at: u64,
    /// A sequence of so many bytes in the stream that repeats a character.
    sequence: Option<u64>,
}

impl Run {
    fn end(&self) -> u64 {
        self.place + self.bytes
    }

    fn end_in_stream(&self) -> u64 {
        self.at + self.sequence.unwrap_or(self.bytes)
    }
}

/// A byte that stood or stands in a place beside the one that is of the text.
#[derive(Clone, Copy, Debug)]
struct Over {
    place: u64,
    at: u64,
}

/// Both are counted in bytes, places in the text and places in the stream. What was passed on is forgotten.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// In the order of both.
    runs: VecDeque<Run>,
    /// In the order of the stream.
    over: VecDeque<Over>,
}

impl Places {
    /// So many bytes of text stand in the stream at `at`.
    pub(super) fn add(&mut self, place: u64, bytes: usize, at: u64) {
        let bytes = bytes as u64;
        match self.runs.back_mut() {
            Some(last)
                if last.sequence.is_none() && last.end() == place && last.end_in_stream() == at =>
            {
                last.bytes += bytes;
            }
            _ => self.runs.push_back(Run {
                place,
                bytes,
                at,
                sequence: None,
            }),
        }
    }

    /// So many bytes of text are written by a sequence in the stream.
    pub(super) fn add_repeated(&mut self, place: u64, bytes: usize, sequence: &Range<u64>) {
        self.runs.push_back(Run {
            place,
            bytes: bytes as u64,
            at: sequence.start,
            sequence: Some(sequence.end - sequence.start),
        });
    }

    /// A byte in the stream stands where another one does.
    pub(super) fn add_over(&mut self, place: u64, at: u64) {
        self.over.push_back(Over { place, at });
    }

    /// Hides a part of the text in all that was written there.
    pub(super) fn hide(&self, part: &Range<u64>, marks: &mut Marks) {
        let first = self.runs.partition_point(|run| run.end() <= part.start);
        for run in self.runs.range(first..) {
            if run.place >= part.end {
                break;
            }
            let from = part.start.max(run.place) - run.place;
            let to = part.end.min(run.end()) - run.place;
            match run.sequence {
                None => marks.hide(run.at + from..run.at + to),
                Some(_) => marks.hide_repeated(run.at, from as usize..to as usize),
            }
        }
        for over in self.over.iter().rev() {
            // What came before stands further in front.
            if over.place + (MAX_BACK as u64) < part.start {
                break;
            }
            if part.contains(&over.place) {
                marks.hide(over.at..over.at + 1);
            }
        }
    }

    /// Where in the stream the first byte stands of all that are at this place of the text or behind.
    pub(super) fn first_from(&self, place: u64) -> Option<u64> {
        // What a character is underlined with comes before it.
        let over = self.over.iter().filter(|over| over.place >= place);
        let over = over.map(|over| over.at).min();
        self.in_stream(place).into_iter().chain(over).min()
    }

    /// Where the first byte of the text stands in the stream that is at this place or behind.
    pub(super) fn in_stream(&self, place: u64) -> Option<u64> {
        let index = self.runs.partition_point(|run| run.end() <= place);
        let run = self.runs.get(index)?;
        Some(match run.sequence {
            None => run.at + place.saturating_sub(run.place),
            Some(_) => run.at,
        })
    }

    /// The first place of the text of which the stream was not passed on.
    pub(super) fn first_held(&self, passed: u64) -> Option<u64> {
        let first = self.runs.iter().find(|run| run.end_in_stream() > passed)?;
        Some(match first.sequence {
            None => first.place + passed.saturating_sub(first.at),
            Some(_) => first.place,
        })
    }

    /// The text ends at this place again.
    pub(super) fn cut(&mut self, end: u64) {
        while self.runs.back().is_some_and(|run| run.place >= end) {
            self.runs.pop_back();
        }
        if let Some(run) = self.runs.back_mut() {
            run.bytes = run.bytes.min(end - run.place);
        }
        self.over.retain(|over| over.place < end);
    }

    /// The stream was passed on up to here.
    pub(super) fn forget(&mut self, passed: u64) {
        while self
            .runs
            .front()
            .is_some_and(|run| run.end_in_stream() <= passed)
        {
            self.runs.pop_front();
        }
        while self.over.front().is_some_and(|over| over.at < passed) {
            self.over.pop_front();
        }
    }
}
