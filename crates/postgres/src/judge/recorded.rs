//! What a statement on record did, as far as its text alone tells.

use custos_session::{Question, Verb};

use super::analysis::{add_shape, word};

/// The statement in policy's words; `None` if its text is not understood. What functions beside PostgreSQL's own did,
/// what EXECUTE ran and which labels its columns had is not on record: the first count as reads, the second as
/// `sql.unknown`, the third as none.
pub fn recorded_question(text: &str) -> Option<Question> {
    let script = custos_sql::parse(text).ok()?;
    let mut question = Question::default();
    for statement in &script.statements {
        for effect in &statement.effects {
            let word = word(effect.verb).unwrap_or("sql.unknown");
            question.verbs.extend(Verb::named(word));
        }
        add_shape(&mut question.shape, statement);
    }
    if question.verbs.is_empty() {
        question.verbs.extend(Verb::named("session.open"));
    }
    Some(question)
}
