//! Countries of the IBAN registry (ISO 13616), with the form of what follows country and check digits:
//! `n` digits, `a` letters, `c` letters and digits, each with its count.

/// The form for a country, by its two capital letters.
pub(crate) fn form(country: [u8; 2]) -> Option<&'static str> {
    REGISTRY
        .binary_search_by(|(known, _)| known.as_bytes().cmp(&country[..]))
        .ok()
        .and_then(|place| REGISTRY.get(place))
        .map(|(_, form)| *form)
}

/// Whether the name of a country begins with this capital letter.
pub(crate) fn begins(letter: u8) -> bool {
    REGISTRY
        .iter()
        .any(|(known, _)| known.as_bytes().first() == Some(&letter))
}

/// In alphabetical order.
const REGISTRY: &[(&str, &str)] = &[
    ("AD", "n8c12"),
    ("AE", "n19"),
    ("AL", "n8c16"),
    ("AT", "n16"),
    ("AZ", "a4c20"),
    ("BA", "n16"),
    ("BE", "n12"),
    ("BG", "a4n6c8"),
    ("BH", "a4c14"),
    ("BI", "n23"),
    ("BR", "n23a1c1"),
    ("BY", "c4n4c16"),
    ("CH", "n5c12"),
    ("CR", "n18"),
    ("CY", "n8c16"),
    ("CZ", "n20"),
    ("DE", "n18"),
    ("DJ", "n23"),
    ("DK", "n14"),
    ("DO", "c4n20"),
    ("EE", "n16"),
    ("EG", "n25"),
    ("ES", "n20"),
    ("FI", "n14"),
    ("FK", "a2n12"),
    ("FO", "n14"),
    ("FR", "n10c11n2"),
    ("GB", "a4n14"),
    ("GE", "a2n16"),
    ("GI", "a4c15"),
    ("GL", "n14"),
    ("GR", "n7c16"),
    ("GT", "c24"),
    ("HN", "a4n20"),
    ("HR", "n17"),
    ("HU", "n24"),
    ("IE", "a4n14"),
    ("IL", "n19"),
    ("IQ", "a4n15"),
    ("IS", "n22"),
    ("IT", "a1n10c12"),
    ("JO", "a4n4c18"),
    ("KW", "a4c22"),
    ("KZ", "n3c13"),
    ("LB", "n4c20"),
    ("LC", "a4c24"),
    ("LI", "n5c12"),
    ("LT", "n16"),
    ("LU", "n3c13"),
    ("LV", "a4c13"),
    ("LY", "n21"),
    ("MC", "n10c11n2"),
    ("MD", "c20"),
    ("ME", "n18"),
    ("MK", "n3c10n2"),
    ("MN", "n16"),
    ("MR", "n23"),
    ("MT", "a4n5c18"),
    ("MU", "a4n19a3"),
    ("NI", "a4n20"),
    ("NL", "a4n10"),
    ("NO", "n11"),
    ("OM", "n3c16"),
    ("PK", "a4c16"),
    ("PL", "n24"),
    ("PS", "a4c21"),
    ("PT", "n21"),
    ("QA", "a4c21"),
    ("RO", "a4c16"),
    ("RS", "n18"),
    ("RU", "n14c15"),
    ("SA", "n2c18"),
    ("SC", "a4n20a3"),
    ("SD", "n14"),
    ("SE", "n20"),
    ("SI", "n15"),
    ("SK", "n20"),
    ("SM", "a1n10c12"),
    ("SO", "n19"),
    ("ST", "n21"),
    ("SV", "a4n20"),
    ("TL", "n19"),
    ("TN", "n20"),
    ("TR", "n6c16"),
    ("UA", "n6c19"),
    ("VA", "n18"),
    ("VG", "a4n16"),
    ("XK", "n16"),
    ("YE", "a4n4c18"),
];

#[cfg(test)]
mod tests {
    use super::{REGISTRY, form};

    #[test]
    fn the_table_is_in_order_and_its_forms_are_of_possible_length() {
        assert!(REGISTRY.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (country, form) in REGISTRY {
            let counts = form
                .split(['n', 'a', 'c'])
                .filter(|count| !count.is_empty());
            let length: usize = counts.map(|count| count.parse::<usize>().unwrap()).sum();
            assert!((11..=30).contains(&length), "{country}");
        }
        assert_eq!(form(*b"NO"), Some("n11"));
        assert_eq!(form(*b"US"), None);
    }
}
