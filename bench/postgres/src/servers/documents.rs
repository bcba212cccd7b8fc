//! The policy documents of the targets that have some: a company's, of which a few rules are about the benchmark.

use std::fmt::Write as _;

use super::NAME;
use super::custos::RESOURCE;

/// Rules in all.
pub(crate) const RULES: usize = 1_000;
/// Databases that the rules of other teams are about.
const OTHER_RESOURCES: usize = 50;

/// Statements that show a labelled column, and a part of what stands for its values under the documents only.
pub(crate) const MASKED: [(&str, &str); 4] = [
    ("SELECT filler FROM pgbench_accounts LIMIT 1", "[redacted]"),
    ("SELECT phone FROM bench_people LIMIT 1", "[redacted]"),
    ("SELECT email FROM bench_people LIMIT 1", "*****"),
    ("SELECT token FROM bench_people LIMIT 1", "tok_"),
];

/// The labels of what is measured, and of columns that other databases have.
const LABELS: &str = r#"version: 1

labels:
  bench.filler: {columns: [public.pgbench_accounts.filler], mask: redact}
  bench.phone: {columns: [public.bench_people.phone], mask: redact}
  bench.email: {columns: [public.bench_people.email], mask: {partial: {first: 1, last: 4}}}
  bench.token: {columns: [public.bench_people.token], mask: {token: {scope: bench}}}
  pii.birthday: {columns: ["*.*.birthday", "*.*.date_of_birth", "hr.*.born"], mask: redact}
  pii.passport: {columns: ["*.*.passport*", "*.*.id_card*"], mask: redact}
  pii.ssn: {columns: ["*.*.ssn", "*.*.social_security*", "*.*.tax_id"], mask: {partial: {last: 4}}}
  pii.address: {columns: ["*.*.street*", "*.*.post_code", "crm.people.address*"], mask: redact}
  pii.health: {columns: ["health.*.*"], mask: "null"}
  pay.card: {columns: ["*.*.card_no*", "payments.cards.number"], mask: format_preserving}
  pay.iban: {columns: ["*.*.iban*", "*.*.account_number"], mask: {partial: {first: 4, last: 2}}}
  pay.salary: {columns: ["hr.*.salary", "hr.*.bonus"], mask: redact}
  key.password: {columns: ["*.*.password*", "*.*.secret*"], mask: redact}
  key.session: {columns: ["web.sessions.*"], mask: hash}

rules:
"#;

/// Labels in all.
pub(crate) fn labels() -> usize {
    LABELS.matches("{columns: [").count()
}

/// A thousand rules: those of other teams, and the few that the benchmark is under.
pub(crate) fn company() -> String {
    let mut text = format!(
        "{LABELS}\
- {{id: bench-works, who: 'machine:{NAME}', on: {RESOURCE}, may: [sql.select, sql.dml], mask: [bench.filler, bench.phone, bench.email, bench.token], conditions: {{without_where: deny}}}}
- {{id: everybody-opens, who: '*', on: 'postgres/*', may: session.open}}
- {{id: everybody-reads-masked, who: '*', on: 'postgres/be*', may: sql.select, mask: [bench.filler, bench.email]}}
- {{id: nothing-is-dropped, who: '*', on: {RESOURCE}, deny: [sql.destroy, sql.truncate]}}
- {{id: nothing-leaves, who: '*', on: '*', deny: sql.escape}}
"
    );
    for number in text.matches("- {id:").count()..RULES {
        let resource = number % OTHER_RESOURCES;
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "- {{id: team-{number}-works, who: 'group:team-{number}', on: postgres/team-{resource}, may: [session.open, sql.select, sql.dml], mask: [pii.ssn, pay.card]}}"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_a_thousand_rules_each_with_an_id_of_its_own() {
        let text = company();
        let mut ids: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("- {id: ")?.split(',').next())
            .collect();
        assert_eq!(ids.len(), RULES);
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), RULES);
    }
}
