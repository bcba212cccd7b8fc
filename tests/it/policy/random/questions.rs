//! The ways to ask: simple and extended, with and without descriptions, by cursors, portals, prepared statements, COPY
//! and EXPLAIN.

use std::fmt::Write as _;

use custos_testkit::Dice;

use super::statements::{Statement, copied, copied_table, statement};

/// What is sent at once, and how much is waited for.
pub(super) struct Question {
    pub(super) number: u64,
    /// For people: all messages in words.
    pub(super) told: String,
    pub(super) bytes: Vec<u8>,
    /// How many ReadyForQuery come.
    pub(super) answers: usize,
}

/// Settings that change what values look like. They last as long as the session.
const SETTINGS: &[&str] = &[
    "set datestyle = 'German'",
    "set datestyle = 'ISO, DMY'",
    "set bytea_output = 'escape'",
    "set bytea_output = 'hex'",
    "set extra_float_digits = -3",
    "set intervalstyle = 'iso_8601'",
    "set xmlbinary = 'hex'",
    "set search_path = public, pg_catalog",
    "set client_min_messages = 'log'",
];

const EXPLAINED: &[&str] = &[
    "",
    "(verbose)",
    "(analyze)",
    "(analyze, verbose, costs off)",
    "(analyze, format json)",
    "(verbose, settings, format xml)",
    "(analyze, verbose, buffers, wal, format yaml)",
];

/// The question of this number, which is all that decides on it.
pub(super) fn question(number: u64) -> Question {
    let dice = &mut Dice::new(number);
    let mut question = Question {
        number,
        told: format!("number {number}:\n"),
        bytes: Vec::new(),
        answers: 0,
    };
    if dice.percent(2) {
        question.simple(dice.pick(SETTINGS));
    }
    let Statement { sql, is_query } = statement(dice);
    if !is_query {
        question.simple("begin");
        question.somehow(dice, &sql);
        question.simple("rollback");
        return question;
    }
    let name = format!("n{number}");
    match dice.below(100) {
        0..=24 => question.simple(&sql),
        25..=28 => {
            let second = copied_table(dice);
            question.simple(&format!("{sql}; {second}; select ssn, name from people"));
        }
        29..=52 => question.extended(dice, &sql),
        53..=57 => {
            // What follows is skipped if the first fails.
            question.run(dice, "", &sql);
            question.run(dice, "", "select id, ssn, name from people");
            question.sync();
        }
        58..=69 => question.cursor(dice, &name, &sql),
        70..=78 => question.prepared(dice, &name, &sql),
        79..=88 => {
            let copy = copied(dice, &sql);
            question.somehow(dice, &copy);
        }
        89..=92 => {
            let copy = copied_table(dice);
            question.somehow(dice, &copy);
        }
        _ => {
            let explained = format!("explain {} {sql}", dice.pick(EXPLAINED));
            question.somehow(dice, &explained);
        }
    }
    question
}

/// Whether it can be run again, and in parts.
fn is_query(sql: &str) -> bool {
    let begins = ["select ", "with ", "values ", "table ", "("];
    begins.iter().any(|word| sql.starts_with(word)) && !sql.contains(" returning ")
}

impl Question {
    fn send(&mut self, tag: u8, body: &[u8], told: &str) {
        let length = u32::try_from(body.len() + 4).expect("a question is short");
        self.bytes.push(tag);
        self.bytes.extend(length.to_be_bytes());
        self.bytes.extend(body);
        let tag = char::from(tag);
        writeln!(self.told, "  {tag} {told}").expect("a string takes all");
    }

    fn simple(&mut self, sql: &str) {
        self.send(b'Q', format!("{sql}\0").as_bytes(), sql);
        self.answers += 1;
    }

    fn sync(&mut self) {
        self.send(b'S', b"", "");
        self.answers += 1;
    }

    /// Simple or extended.
    fn somehow(&mut self, dice: &mut Dice, sql: &str) {
        if dice.percent(50) {
            self.simple(sql);
        } else {
            self.extended(dice, sql);
        }
    }

    fn extended(&mut self, dice: &mut Dice, sql: &str) {
        self.run(dice, "", sql);
        self.sync();
    }

    /// Parse, and what follows up to a Sync.
    fn run(&mut self, dice: &mut Dice, name: &str, sql: &str) {
        if is_query(sql) && dice.percent(10) {
            return self.with_parameter(dice, name, sql);
        }
        self.parse(dice, name, sql);
        let has_parts = is_query(sql);
        self.bound(dice, name, has_parts);
        if has_parts && dice.percent(10) {
            self.bound(dice, name, true);
        }
    }

    fn parse(&mut self, dice: &mut Dice, name: &str, sql: &str) {
        self.send(
            b'P',
            format!("{name}\0{sql}\0\0\0").as_bytes(),
            &format!("{name:?} {sql}"),
        );
        if dice.percent(25) {
            self.send(
                b'D',
                format!("S{name}\0").as_bytes(),
                &format!("S {name:?}"),
            );
        }
        if dice.percent(15) {
            self.sync();
        }
    }

    /// Bind, a description or none, and all rows at once or one by one.
    fn bound(&mut self, dice: &mut Dice, name: &str, has_parts: bool) {
        let portal = if dice.percent(30) { "p" } else { "" };
        let formats: &[u8] = match dice.below(5) {
            0 | 1 => &[0, 0],
            2 => &[0, 1, 0, 0],
            _ => &[0, 1, 0, 1],
        };
        let head = format!("{portal}\0{name}\0\0\0\0\0");
        self.send(
            b'B',
            &[head.as_bytes(), formats].concat(),
            &format!("{portal:?} {name:?} {formats:?}"),
        );
        if dice.percent(60) {
            self.send(
                b'D',
                format!("P{portal}\0").as_bytes(),
                &format!("P {portal:?}"),
            );
        }
        let rows: &[u8] = match dice.below(4) {
            0 if has_parts => &[1, 1, 0],
            1 if has_parts => &[2, 3],
            _ => &[0],
        };
        for rows in rows {
            let body = [portal.as_bytes(), &[0, 0, 0, 0, *rows]].concat();
            self.send(b'E', &body, &format!("{portal:?} {rows} rows"));
        }
        if !portal.is_empty() {
            self.send(
                b'C',
                format!("P{portal}\0").as_bytes(),
                &format!("P {portal:?}"),
            );
        }
    }

    /// A value of the client's own beside what the query gives.
    fn with_parameter(&mut self, dice: &mut Dice, name: &str, sql: &str) {
        let value = dice.pick(&["q.*, $1::text", "$1 || 'x', q", "coalesce($1, 'x'), q.*"]);
        self.parse(dice, name, &format!("select {value} from ({sql}) q"));
        let parameter: &[u8] = b"\0\0\0\x01\0\0\0\x05given\0\0";
        let body = [b"\0", name.as_bytes(), b"\0", parameter].concat();
        self.send(b'B', &body, &format!("\"\" {name:?} 'given'"));
        self.send(b'E', b"\0\0\0\0\0", "");
    }

    /// A cursor of SQL, or a portal that is read as one.
    fn cursor(&mut self, dice: &mut Dice, name: &str, sql: &str) {
        let kind = dice.pick(&["", "binary ", "scroll ", "no scroll ", "insensitive "]);
        let hold = dice.pick(&["", "", " with hold", " without hold"]);
        let declare = format!("declare {name} {kind}cursor{hold} for {sql}");
        let fetch = dice.pick(&[
            "fetch all from",
            "fetch 2 from",
            "fetch forward all",
            "fetch first from",
        ]);
        let fetch = format!("{fetch} {name}");
        match dice.below(4) {
            0 => {
                self.simple(&format!(
                    "begin; {declare}; {fetch}; {fetch}; close {name}; commit"
                ));
                self.simple("rollback");
            }
            1 => {
                self.simple("begin");
                self.simple(&declare);
                self.simple(&fetch);
                self.somehow(dice, &format!("fetch next from {name}"));
                self.simple("rollback");
            }
            2 => {
                self.simple("begin");
                self.extended(dice, &declare);
                self.extended(dice, &fetch);
                self.simple(&format!("move 1 in {name}"));
                self.simple("commit");
                if hold == " with hold" {
                    self.simple(&fetch);
                    self.simple(&format!("close {name}"));
                }
                self.simple("rollback");
            }
            _ => {
                self.simple("begin");
                self.parse(dice, "", sql);
                self.send(
                    b'B',
                    format!("{name}\0\0\0\0\0\0\0\0").as_bytes(),
                    &format!("{name:?} \"\""),
                );
                self.sync();
                self.somehow(dice, &fetch);
                self.simple("rollback");
            }
        }
    }

    /// Prepared in SQL or in the protocol, and run in either.
    fn prepared(&mut self, dice: &mut Dice, name: &str, sql: &str) {
        if dice.percent(50) {
            self.somehow(dice, &format!("prepare {name} as {sql}"));
        } else {
            self.parse(dice, name, sql);
            self.sync();
        }
        for _ in 0..=dice.below(2) {
            match dice.below(4) {
                0 => {
                    self.bound(dice, name, true);
                    self.sync();
                }
                1 => self.somehow(dice, &format!("explain analyze execute {name}")),
                _ => self.somehow(dice, &format!("execute {name}")),
            }
        }
        if dice.percent(50) {
            self.simple(&format!("deallocate {name}"));
        }
    }
}
