//! Tables and numbers as people read them.

/// A Markdown table; the first column is text, all others are numbers.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = line(head.iter().copied());
    text += &line((0..head.len()).map(|column| if column == 0 { "---" } else { "---:" }));
    for row in rows {
        text += &line(row.iter().map(String::as_str));
    }
    text
}

/// One line of a table.
pub(crate) fn line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let cells: Vec<&str> = cells.collect();
    format!("| {} |\n", cells.join(" | "))
}

/// A number with as many decimals as matter for its size, and commas between thousands; a dash for nothing.
pub(crate) fn number(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if value.abs() >= 100.0 => thousands(value),
        Some(value) if value.abs() >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.2}"),
    }
}

/// The same with a sign, for differences.
pub(crate) fn signed(value: Option<f64>) -> String {
    let sign = if value.is_some_and(|value| value > 0.0) {
        "+"
    } else {
        ""
    };
    format!("{sign}{}", number(value))
}

fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 {
        format!("-{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let shown: Vec<String> = [1_234_567.4, 999.6, 42.25, 0.876, -1500.0]
            .into_iter()
            .map(|value| number(Some(value)))
            .collect();
        assert_eq!(shown, ["1,234,567", "1,000", "42.2", "0.88", "-1,500"]);
        assert_eq!(number(None), "–");
        assert_eq!(
            [signed(Some(3.0)), signed(Some(-3.0)), signed(None)],
            ["+3.00", "-3.00", "–"]
        );
    }

    #[test]
    fn tables() {
        let text = table(
            &["target", "tps"],
            &[vec!["direct".to_owned(), "10".to_owned()]],
        );
        assert_eq!(text, "| target | tps |\n| --- | ---: |\n| direct | 10 |\n");
    }
}
