use super::{AttributePath, Expression, Literal, Operator};
use crate::{MAX_FILTER_BYTES, MAX_FILTER_DEPTH};

fn equal(name: &str, value: &str) -> Expression {
    Expression::Compare {
        attribute: AttributePath {
            schema: None,
            name: name.into(),
            sub: None,
        },
        operator: Operator::Equal,
        value: Literal::Text(value.into()),
    }
}

#[test]
fn reads_comparisons() {
    assert_eq!(
        Expression::parse(r#"userName eq "alice@example.com""#),
        Ok(equal("userName", "alice@example.com"))
    );
    assert_eq!(
        Expression::parse(r#" userName  EQ  "a \" \\ \u00e9" "#),
        Ok(equal("userName", "a \" \\ é"))
    );
    for text in [
        "not pr",
        "not eq 1 and and pr",
        "active eq true",
        "active ne null",
        "x gt -1.5e+3",
        "title pr",
    ] {
        assert_eq!(Expression::parse(text).unwrap().to_string(), text);
    }
    let urn = "urn:ietf:params:scim:schemas:core:2.0:User:name.givenName";
    let Expression::Present(path) = Expression::parse(&format!("{urn} pr")).unwrap() else {
        panic!("not a presence");
    };
    assert_eq!(
        (path.name.as_str(), path.sub.as_deref()),
        ("name", Some("givenName"))
    );
    assert!(path.belongs_to("URN:ietf:params:scim:schemas:core:2.0:User"));
}

#[test]
fn and_binds_more_than_or_and_less_than_not() {
    let read = Expression::parse(r#"a eq "1" or b eq "2" and not (c eq "3") or d eq "4""#);
    let expected = Expression::Any(vec![
        equal("a", "1"),
        Expression::All(vec![
            equal("b", "2"),
            Expression::Not(Box::new(equal("c", "3"))),
        ]),
        equal("d", "4"),
    ]);
    assert_eq!(read, Ok(expected));
    let read = Expression::parse(r#"(a eq "1" or b eq "2") and c eq "3""#).unwrap();
    assert_eq!(read.to_string(), r#"(a eq "1" or b eq "2") and c eq "3""#);
}

#[test]
fn brackets_hold_a_filter_of_their_own() {
    let text = r#"emails[type eq "work" and value pr]"#;
    assert_eq!(Expression::parse(text).unwrap().to_string(), text);
    assert!(Expression::parse(r#"a[b[c eq "1"]]"#).is_err());
    assert!(Expression::parse(r#"a[b eq "1"] and c[d pr]"#).is_ok());
}

#[test]
fn depth_and_length_have_limits() {
    let nested = |levels: usize| format!("{}a pr{}", "(".repeat(levels), ")".repeat(levels));
    assert!(Expression::parse(&nested(MAX_FILTER_DEPTH)).is_ok());
    assert!(Expression::parse(&nested(MAX_FILTER_DEPTH + 1)).is_err());
    let long = |bytes: usize| format!("{} pr", "a".repeat(bytes - 3));
    assert!(Expression::parse(&long(MAX_FILTER_BYTES)).is_ok());
    assert!(Expression::parse(&long(MAX_FILTER_BYTES + 1)).is_err());
}

#[test]
fn what_is_no_filter_is_refused() {
    for text in [
        "",
        " ",
        "userName",
        "userName eq",
        "userName eq ",
        r#"userName eq"a""#,
        "userName eq a",
        r#"userName eq "a"#,
        r#"userName eq "a\""#,
        r#"userName eq "a" and"#,
        r#"and userName eq "a""#,
        r#"userName eq "a" userName eq "b""#,
        r#"userName is "a""#,
        r#"userName eq "\q""#,
        "userName eq 'a'",
        r#"(userName eq "a""#,
        r#"userName eq "a")"#,
        r#"not userName eq "a""#,
        r#"1a eq "a""#,
        r#".a eq "a""#,
        r#"a. eq "a""#,
        r#"a.b.c eq "a""#,
        r#"a:b eq "a""#,
        r#"a[] eq "a""#,
        r#"a[b eq "c""#,
        "a eq 01",
        "a eq -",
        "é pr",
        "a\tpr",
        "a pr\n",
        "(a pr)and b pr",
        "a pr and(b pr)",
        "a pr andb pr",
        "() pr",
        "a eq [1]",
        "a eq {}",
        "a\u{0} pr",
    ] {
        assert!(Expression::parse(text).is_err(), "{text:?}");
    }
}
