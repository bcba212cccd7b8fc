//! Prints what statements do. Reads a corpus (tests/corpus) or statements, one on each line, and writes a corpus:
//! `cargo run -p custos-sql --example effects < statements`.

use std::io::{Read as _, Write as _};

use custos_sql::{Script, SqlError, parse};

fn main() -> std::io::Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let mut out = std::io::stdout().lock();
    for line in text.lines().filter(|line| !line.starts_with("=> ")) {
        writeln!(out, "{line}")?;
        if !line.is_empty() && !line.starts_with("# ") {
            writeln!(out, "=> {}", told(&parse(&line.replace("\\n", "\n"))))?;
        }
    }
    Ok(())
}

/// The effects in a line: `verb object`, by comma.
fn told(script: &Result<Script, SqlError>) -> String {
    match script {
        Err(SqlError::Syntax) => "syntax".to_owned(),
        Err(error) => error.to_string(),
        Ok(script) => {
            let effects = script
                .statements
                .iter()
                .flat_map(|statement| &statement.effects);
            let told: Vec<String> = effects
                .map(|effect| match effect.object.dotted().as_str() {
                    "" => effect.verb.word().to_owned(),
                    object => format!("{} {object}", effect.verb.word()),
                })
                .collect();
            told.join(", ")
        }
    }
}
