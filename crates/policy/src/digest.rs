//! The policy's fingerprint in records.

use std::fmt::Write;

use aws_lc_rs::digest::{Context, SHA256};

use crate::rule::CompiledRule;

/// SHA-256 over the rules in order of their names. Each text goes in behind its length (8 bytes, big-endian) and each
/// list behind its count, so that no two policies share an input.
pub(crate) fn of(rules: &[CompiledRule]) -> String {
    let mut context = Context::new(&SHA256);
    add_text(&mut context, "custos.policy.v1");
    add_number(&mut context, rules.len());
    for rule in rules {
        add_text(&mut context, &rule.name);
        add_list(&mut context, &rule.principals);
        add_list(&mut context, &rule.resources);
    }
    let mut text = String::with_capacity(64);
    for byte in context.finish().as_ref() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn add_list(context: &mut Context, texts: &[String]) {
    add_number(context, texts.len());
    for text in texts {
        add_text(context, text);
    }
}

fn add_text(context: &mut Context, text: &str) {
    add_number(context, text.len());
    context.update(text.as_bytes());
}

fn add_number(context: &mut Context, number: usize) {
    context.update(&(number as u64).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use crate::{AccessRule, AccessRules};

    type Rule<'a> = (&'a str, &'a [&'a str], &'a [&'a str]);

    fn digest(rules: &[Rule<'_>]) -> String {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let rules = rules
            .iter()
            .map(|(name, principals, resources)| AccessRule {
                name: (*name).to_owned(),
                principals: owned(principals),
                resources: owned(resources),
            });
        AccessRules::new(rules.collect())
            .unwrap()
            .digest()
            .to_owned()
    }

    #[test]
    fn order_and_repetition_do_not_matter() {
        let one = digest(&[
            ("a", &["x", "y"], &["*"]),
            ("b", &["z"], &["p*", "postgres/*"]),
        ]);
        let other = digest(&[
            ("b", &["z"], &["postgres/*", "p*"]),
            ("a", &["y", "x", "y"], &["*"]),
        ]);
        assert_eq!(one, other);
    }

    #[test]
    fn every_other_difference_does() {
        let variants: [&[Rule<'_>]; 6] = [
            &[],
            &[("a", &["x", "y"], &["*"])],
            &[("a", &["xy"], &["*"])],
            &[("b", &["x", "y"], &["*"])],
            &[("a", &["x", "y"], &["p*"])],
            &[("a", &["x"], &["*"]), ("b", &["y"], &["*"])],
        ];
        let digests: std::collections::HashSet<_> = variants.iter().map(|it| digest(it)).collect();
        assert_eq!(digests.len(), variants.len());
    }

    /// Computed by another program from the description above; the form is fixed, since old records refer to it.
    #[test]
    fn the_form_is_fixed() {
        assert_eq!(
            digest(&[("all", &["*"], &["*"])]),
            "d851a32f88dc17dcd1d041faba0804a5150cd5b19721149e5ff8cba807642d58"
        );
    }
}
