//! Commands, patterns and lines: any bytes, and what is made of their words again.
#![no_main]

use custos_shell::{Command, Known, Line, Pattern, PatternError, runs_others};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let command = Command::parse(data);
    assert!(Pattern::anything().matches(&command));
    if let Some(words) = command.words() {
        let _ = (Known::of(words), runs_others(words));
        // Quoted anew it is the same command, and a pattern that is it matches it alone.
        let quoted: Vec<String> = words.iter().map(ToString::to_string).collect();
        let quoted = quoted.join(" ");
        assert_eq!(Command::parse(quoted.as_bytes()), command);
        if let Ok(pattern) = Pattern::parse(&quoted) {
            assert!(pattern.matches(&command));
            // And is mentioned by it, wherever it stands.
            for line in [quoted.clone(), format!("true; sudo {quoted}")] {
                assert!(pattern.is_mentioned_in(&Line::typed(&line)));
            }
            assert!(pattern.is_mentioned_in(&Line::shown(&format!("$ {quoted}"))));
        }
    }
    if let Some(pattern) = std::str::from_utf8(data)
        .ok()
        .and_then(|text| Pattern::parse(text).ok())
    {
        let _ = pattern.warnings();
        let shown = pattern.to_string();
        match Pattern::parse(&shown) {
            // Quotes and backslashes may make it longer than a pattern may be.
            Err(PatternError::TooLong) if shown.len() > data.len() => {}
            again => assert_eq!(again, Ok(pattern)),
        }
    }
});
