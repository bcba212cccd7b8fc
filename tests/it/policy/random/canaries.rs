//! Values that nobody may see, and the search for any piece of them in any form that a query can give it.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_testkit::Dice;

/// Letters that stand next to each other in no word of SQL, of the protocol or of the values without a label.
const RARE: &[u8] = b"jkqvwxyz";

/// Digits of a year.
const YEAR: usize = 6;
/// Digits of the shortest digest.
const DIGEST: usize = 32;

/// How much of a canary counts as seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Six letters: for answers, where all is made of what the test made.
    Short,
    /// The greater part: for files, which are full of digests and times.
    Long,
}

/// Makes canaries, and remembers them.
pub(super) struct Mint {
    dice: Dice,
    words: Vec<String>,
    numbers: Vec<String>,
    dates: Vec<String>,
    uuids: Vec<String>,
}

impl Mint {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed),
            words: Vec::new(),
            numbers: Vec::new(),
            dates: Vec::new(),
            uuids: Vec::new(),
        }
    }

    /// Sixteen letters.
    pub(super) fn word(&mut self) -> String {
        let letter = |_| char::from(*self.dice.one(RARE));
        let word: String = (0..16).map(letter).collect();
        self.words.push(word.clone());
        word
    }

    /// Twelve digits.
    pub(super) fn digits(&mut self) -> String {
        let number = self.throw_digits(12);
        self.numbers.push(number.clone());
        number
    }

    /// Twelve digits and two behind the point.
    pub(super) fn numeric(&mut self) -> String {
        let number = format!("{}.{}", self.throw_digits(12), self.throw_digits(2));
        self.numbers.push(number.clone());
        number
    }

    /// A day in a year of six digits.
    pub(super) fn date(&mut self) -> String {
        let date = format!(
            "{}-0{}-1{}",
            self.throw_digits(6),
            self.throw_digits(1),
            self.throw_digits(1)
        );
        self.dates.push(date.clone());
        date
    }

    pub(super) fn uuid(&mut self) -> String {
        let hex = |_| char::from(*self.dice.one(b"0123456789abcdef"));
        let hex: String = (0..32).map(hex).collect();
        let parts = [
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        ];
        let uuid = parts.join("-");
        self.uuids.push(uuid.clone());
        uuid
    }

    pub(super) fn words(&self) -> &[String] {
        &self.words
    }

    /// Digits without zero, so that no form of a number loses one at its end.
    fn throw_digits(&mut self, count: usize) -> String {
        let digit = |_| char::from(*self.dice.one(b"123456789"));
        (0..count).map(digit).collect()
    }
}

/// A search for all of them at once, in upper and lower case.
pub(super) struct Search {
    piece: Piece,
    /// By their first two bytes.
    forms: Vec<Vec<Vec<u8>>>,
}

impl Search {
    /// `digests`: further texts that stand for canaries.
    pub(super) fn new(mint: &Mint, digests: &[String], piece: Piece) -> Self {
        let mut search = Self {
            piece,
            forms: vec![Vec::new(); 1 << 16],
        };
        for word in &mint.words {
            search.word(word);
        }
        for number in &mint.numbers {
            search.number(number);
        }
        for date in &mint.dates {
            search.date(date);
        }
        for uuid in &mint.uuids {
            let bare = uuid.replace('-', "");
            search.pieces(uuid.as_bytes(), 10, 16);
            search.pieces(bare.as_bytes(), 12, 20);
            search.pieces(&reversed(&bare), 12, 20);
            let number = u128::from_str_radix(&bare, 16).expect("it is made of digits");
            search.pieces(&number.to_be_bytes(), 8, 12);
        }
        for digest in digests {
            search.pieces(digest.as_bytes(), digest.len(), digest.len());
        }
        search
    }

    /// The first form of a canary that is there, as text or as bytes.
    pub(super) fn find(&self, bytes: &[u8]) -> Option<String> {
        let folded = bytes.to_ascii_lowercase();
        folded.windows(2).enumerate().find_map(|(at, start)| {
            let rest = folded.get(at..).unwrap_or_default();
            let mut forms = self.forms[place(start)].iter();
            let form = forms.find(|form| {
                let is_year = form.len() == YEAR && form.iter().all(u8::is_ascii_digit);
                rest.starts_with(form) && !(is_year && is_in_digest(&folded, at))
            })?;
            Some(match std::str::from_utf8(form) {
                Ok(text) => text.to_owned(),
                Err(_) => format!("{form:?}"),
            })
        })
    }

    fn word(&mut self, word: &str) {
        self.pieces(word.as_bytes(), 6, 12);
        self.pieces(&reversed(word), 6, 12);
        for form in [word.to_owned(), word.to_uppercase()] {
            self.pieces(hex(form.as_bytes()).as_bytes(), 12, 24);
            for skipped in 0..3 {
                // Only whole groups of three bytes look the same wherever they stand.
                let groups = &form.as_bytes()[skipped..][..(form.len() - skipped) / 3 * 3];
                self.pieces(STANDARD.encode(groups).as_bytes(), 8, 14);
            }
        }
    }

    fn number(&mut self, number: &str) {
        let whole = number.split('.').next().unwrap_or(number);
        self.pieces(whole.as_bytes(), 9, 12);
        self.pieces(&reversed(whole), 9, 12);
        self.pieces(hex(whole.as_bytes()).as_bytes(), 18, 24);
        let integer: i64 = whole.parse().expect("it is made of digits");
        self.pieces(format!("{integer:x}").as_bytes(), 10, 10);
        self.pieces(&integer.to_be_bytes(), 8, 8);
        self.pieces(hex(&integer.to_be_bytes()).as_bytes(), 16, 16);
        let float: f64 = number.parse().expect("it is a number");
        self.pieces(&float.to_be_bytes(), 8, 8);
        if self.piece == Piece::Short {
            // With commas, and as a number of few digits is written.
            let grouped: Vec<&str> = (0..4).map(|group| &whole[group * 3..][..3]).collect();
            self.pieces(grouped.join(",").as_bytes(), 11, 15);
            self.pieces(
                format!("{}.{}e+", &whole[..1], &whole[1..5]).as_bytes(),
                8,
                8,
            );
            // What `numeric` is in binary: numbers below ten thousand.
            let groups = (0..3).flat_map(|group| {
                let digits: u16 = whole[group * 4..][..4].parse().expect("four digits");
                digits.to_be_bytes()
            });
            let groups: Vec<u8> = groups.collect();
            self.pieces(&groups, 6, 6);
            self.pieces(hex(&groups).as_bytes(), 12, 12);
        }
    }

    fn date(&mut self, date: &str) {
        self.pieces(date.as_bytes(), 8, 10);
        if self.piece == Piece::Short {
            // The year alone.
            self.pieces(&date.as_bytes()[..YEAR], YEAR, YEAR);
        }
    }

    /// Each piece of a form that counts as seen.
    fn pieces(&mut self, form: &[u8], short: usize, long: usize) {
        let length = match self.piece {
            Piece::Short => short,
            Piece::Long => long,
        };
        for piece in form.windows(length) {
            let piece = piece.to_ascii_lowercase();
            let forms = &mut self.forms[place(&piece)];
            if !forms.contains(&piece) {
                forms.push(piece);
            }
        }
    }
}

/// Whether what stands there is of a long run of hexadecimal digits: a digest of a value without a label has any six
/// digits once in a few thousand.
fn is_in_digest(bytes: &[u8], at: usize) -> bool {
    let is_digit = |byte: &&u8| byte.is_ascii_hexdigit();
    let (before, behind) = bytes.split_at(at);
    let before = before.iter().rev().take_while(is_digit).count();
    before + behind.iter().take_while(is_digit).count() >= DIGEST
}

fn place(start: &[u8]) -> usize {
    match start {
        [first, second, ..] => usize::from(*first) << 8 | usize::from(*second),
        _ => 0,
    }
}

fn reversed(text: &str) -> Vec<u8> {
    text.bytes().rev().collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes all");
        hex
    })
}
