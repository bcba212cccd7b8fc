//! What is accepted here must be good to two other implementations too, and what was signed must be the same bytes to
//! all three: `xmlsec1` on libxml2, and the JDK.

use std::fmt::Write as _;

use custos_saml::c14n;

use crate::fixture::{Sign, edit, finish, signature_template, unsigned, verdict};
use crate::oracle::{Opinion, jdk, opinion, signatures};
use crate::{fields, good, hostile, wrapping};

const KEYS: [(&str, &str); 3] = [
    ("#ecdsa-sha256\"", "keys/idp-p256.crt.pem"),
    ("#ecdsa-sha384\"", "keys/idp-p384.crt.pem"),
    ("", "keys/idp-rsa.crt.pem"),
];

fn certificate_for(xml: &str) -> &'static str {
    let mut keys = KEYS.iter();
    keys.find(|(algorithm, _)| xml.contains(algorithm))
        .unwrap()
        .1
}

/// The canonical form of the element whose digest another implementation made.
fn same_element(xml: &str, digested: &str) -> String {
    let id = digested.split(" ID=\"").nth(1).unwrap();
    let id = id.split('"').next().unwrap();
    let prefixes = xml.split_once("PrefixList=\"");
    let prefixes = prefixes.map_or("", |(_, rest)| rest.split('"').next().unwrap());
    c14n::exclusive(xml, Some(id), true, prefixes).unwrap()
}

fn compare(name: &str, xml: &str, opinion: &Opinion) {
    assert!(opinion.is_good, "{name}");
    let [digested] = opinion.digested.as_slice() else {
        panic!("{name}: {opinion:?}")
    };
    assert_eq!(&same_element(xml, digested), digested, "{name}");
}

#[test]
fn xmlsec1_agrees_with_what_is_accepted() {
    let mut compared = 0;
    for (name, xml) in good::all() {
        assert_eq!(verdict(&xml), "accepted", "{name}");
        for position in 1..=signatures(&xml) {
            compare(name, &xml, &opinion(&xml, position, certificate_for(&xml)));
            compared += 1;
        }
    }
    assert!(compared >= 25, "{compared}");
}

#[test]
fn the_jdk_agrees_with_what_is_accepted() {
    let mut compared = 0;
    for (_, certificate) in KEYS {
        let of_this_key = |(_, xml): &(&str, String)| certificate_for(xml) == certificate;
        let cases: Vec<(&str, String)> = good::all().into_iter().filter(of_this_key).collect();
        let texts: Vec<&str> = cases.iter().map(|(_, xml)| xml.as_str()).collect();
        for (number, opinion) in jdk(&texts, certificate) {
            let (name, xml) = &cases[number];
            compare(name, xml, &opinion);
            compared += 1;
        }
    }
    assert!(compared >= 25, "{compared}");
}

/// Also where both refuse: a document that `xmlsec1` calls bad must never be accepted.
#[test]
fn nothing_is_accepted_that_xmlsec1_refuses() {
    let (mut refused_by_both, mut refused_here) = (0, 0);
    let all = hostile::all()
        .into_iter()
        .chain(wrapping::all())
        .chain(fields::all());
    for (name, xml) in all {
        assert_ne!(verdict(&xml), "accepted", "{name}");
        let count = signatures(&xml);
        let is_good = |position| opinion(&xml, position, certificate_for(&xml)).is_good;
        if count > 0 && (1..=count).all(is_good) {
            refused_here += 1;
        } else {
            refused_by_both += 1;
        }
    }
    // Wrapping and wrong fields are nothing that a signature tells; forged bytes are.
    assert!(
        refused_here >= 50 && refused_by_both >= 25,
        "{refused_here} {refused_by_both}"
    );
}

/// Namespaces declared, hidden, undeclared, listed and unused, attributes in any order, text in any spelling.
#[test]
fn canonical_forms_of_made_up_documents_are_the_same() {
    let documents: Vec<String> = (1..=60).map(made_up).collect();
    for (number, xml) in documents.iter().enumerate() {
        compare(
            &format!("{number}: {xml}"),
            xml,
            &opinion(xml, 1, "keys/idp-rsa.crt.pem"),
        );
    }
    let texts: Vec<&str> = documents.iter().map(String::as_str).collect();
    let opinions = jdk(&texts, "keys/idp-rsa.crt.pem");
    assert_eq!(opinions.len(), documents.len());
    for (number, opinion) in opinions {
        compare(
            &format!("{number}: {}", documents[number]),
            &documents[number],
            &opinion,
        );
    }
}

fn made_up(seed: u64) -> String {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut content = String::new();
    dice.element(&mut content, &mut vec!["saml"], 0);
    let list = ["", "a", "a b #default", "c saml"][dice.roll(4)];
    let mut template = signature_template("_assertion");
    if !list.is_empty() {
        let exclusive = "Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"";
        let with_list = format!(
            "<ds:Transform {exclusive}><ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"{list}\"/></ds:Transform>"
        );
        template = edit(
            &template,
            &format!("<ds:Transform {exclusive}/>"),
            &with_list,
        );
    }
    let xml = Sign::Neither.templates(&unsigned().replace("[assertion]", &template));
    let xml = edit(
        &xml,
        "<samlp:Response ",
        "<samlp:Response xmlns:a=\"urn:outer\" xmlns=\"urn:default\" ",
    );
    let statement = "</saml:Assertion>";
    finish(
        &edit(&xml, statement, &format!("{content}{statement}")),
        "idp-rsa",
    )
}

/// Xorshift: the same documents at every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn element(&mut self, out: &mut String, scope: &mut Vec<&'static str>, depth: usize) {
        let outside = scope.len();
        let mut declarations = String::new();
        for prefix in ["a", "b", "c"] {
            if self.roll(4) == 0 {
                let _ = write!(declarations, " xmlns:{prefix}='urn:{}'", self.roll(3));
                scope.push(prefix);
            }
        }
        if self.roll(4) == 0 {
            let _ = write!(
                declarations,
                " xmlns=\"{}\"",
                ["", "urn:0", "urn:default"][self.roll(3)]
            );
        }
        let name = match self.roll(2) {
            0 => format!("e{}", self.roll(3)),
            _ => format!("{}:e", scope[self.roll(scope.len())]),
        };
        let mut attributes = String::new();
        for number in 0..self.roll(4) {
            let prefix = ["", "xml:", "prefixed"][self.roll(3)].to_owned();
            let prefix = if prefix == "prefixed" {
                format!("{}:", scope[self.roll(scope.len())])
            } else {
                prefix
            };
            let value = [
                "v",
                "&#9;&#10;&#13;",
                "a\tb\nc",
                "&lt;&amp;&quot;'>",
                "\u{e9}\u{1f600}",
            ][self.roll(5)];
            let _ = write!(
                attributes,
                "\n {prefix}n{}{number}=\"{value}\"",
                self.roll(9)
            );
        }
        let (first, second) = if self.roll(2) == 0 {
            (declarations, attributes)
        } else {
            (attributes, declarations)
        };
        let _ = write!(out, "<{name}{first}{second}");
        if depth == 5 || self.roll(5) == 0 {
            out.push_str("/>");
        } else {
            out.push('>');
            for _ in 0..=self.roll(3) {
                out.push_str(
                    [
                        "",
                        "text\r\n\t",
                        "&lt;&gt;&amp;&quot;",
                        "<![CDATA[<x>&amp;]]>",
                        "&#13;x",
                        "]] >",
                    ][self.roll(6)],
                );
                self.element(out, scope, depth + 1);
            }
            let _ = write!(out, "</{name} >");
        }
        scope.truncate(outside);
    }
}
