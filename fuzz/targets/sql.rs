//! Statement texts: no panic, and answers that hang together; texts with the same template are the same. The parser itself is
//! C and not instrumented.
#![no_main]

use custos_sql::lineage::{Catalogue, Function, Relation, lineage};
use custos_sql::{Script, parse, template};
use libfuzzer_sys::fuzz_target;

/// Knows a table and a view; every function is harmless.
struct Small;

impl Catalogue for Small {
    fn relation(&self, name: &[String]) -> Option<Relation> {
        let columns = ["id", "ssn", "doc"].map(str::to_owned).to_vec();
        let definition = match name.last()?.as_str() {
            "t" => None,
            "u" => Some("select id, ssn, doc from t".to_owned()),
            "v" => Some("select * from v".to_owned()),
            _ => return None,
        };
        Some(Relation {
            name: name.to_vec(),
            columns,
            definition,
        })
    }

    fn function(&self, _name: &[String]) -> Option<Function> {
        Some(Function::Value)
    }
}

/// A text with this template, and other values.
fn filled(template: &str) -> String {
    let mut text = String::new();
    let mut signs = template.chars();
    while let Some(sign) = signs.next() {
        let mut value = || 31_000 + signs.next().map_or(0, u32::from);
        match sign {
            '\u{1}' => text.push_str(&value().to_string()),
            '\u{2}' => text.extend(["'t", &value().to_string(), "'"]),
            sign => text.push(sign),
        }
    }
    text
}

/// Without places.
fn plain(mut script: Script) -> Script {
    for statement in &mut script.statements {
        statement.range = 0..0;
        for literal in &mut statement.literals {
            literal.range = 0..0;
        }
    }
    script
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let parsed = parse(text);
    let resolved = lineage(text, &Small);
    assert_eq!(parsed.is_ok(), resolved.is_ok());
    if let Some(template) = template(text) {
        let other = filled(&template);
        assert_eq!(
            parse(&other).map(plain),
            parsed.clone().map(plain),
            "{other}"
        );
        let other = lineage(&other, &Small);
        assert_eq!(format!("{other:?}"), format!("{resolved:?}"));
    }
    let Ok(script) = parsed else { return };
    for statement in &script.statements {
        assert!(!statement.effects.is_empty());
        assert!(text.get(statement.range.clone()).is_some());
        for literal in &statement.literals {
            assert!(
                text.get(literal.range.clone())
                    .is_some_and(|literal| !literal.is_empty())
            );
        }
    }
});
