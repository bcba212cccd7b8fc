//! The examples of the specifications that concern whole elements without comments.

use super::exclusive;
use crate::XmlError;

fn canonical(xml: &str) -> String {
    exclusive(xml, None, false, "").unwrap()
}

fn part(xml: &str, id: &str, prefixes: &str) -> String {
    exclusive(xml, Some(id), false, prefixes).unwrap()
}

/// Exclusive C14N, section 2.2: `elem2` is the same in both contexts.
#[test]
fn the_context_does_not_matter() {
    let in_n0 = "<n0:local xmlns:n0=\"foo:bar\" xmlns:n3=\"ftp://example.org\">\
        <n1:elem2 ID=\"e\" xmlns:n1=\"http://example.net\" xml:lang=\"en\"><n3:stuff xmlns:n3=\"ftp://example.org\"/></n1:elem2></n0:local>";
    let in_n2 = "<n2:pdu xmlns:n1=\"http://example.com\" xmlns:n2=\"http://foo.example\" xml:lang=\"fr\" xml:space=\"retain\">\
        <n1:elem2 ID=\"e\" xmlns:n1=\"http://example.net\" xml:lang=\"en\"><n3:stuff xmlns:n3=\"ftp://example.org\"/></n1:elem2></n2:pdu>";
    let expected = "<n1:elem2 xmlns:n1=\"http://example.net\" ID=\"e\" xml:lang=\"en\">\
        <n3:stuff xmlns:n3=\"ftp://example.org\"></n3:stuff></n1:elem2>";
    assert_eq!(part(in_n0, "e", ""), expected);
    assert_eq!(part(in_n2, "e", ""), expected);
}

/// Canonical XML 1.0, section 3.3: order, defaults and superfluous declarations. Exclusive C14N leaves out what is
/// not visibly used.
#[test]
fn start_and_end_tags() {
    let xml = "<doc>\n   <e1   />\n   <e2   ></e2>\n   <e3   name = \"elem3\"   id=\"elem3\"   />\n   \
        <e4   name=\"elem4\"   id=\"elem4\"   ></e4>\n   \
        <e5 a:attr=\"out\" b:attr=\"sorted\" attr2=\"all\" attr=\"I'm\"\n      xmlns:b=\"http://www.ietf.org\"\n      \
        xmlns:a=\"http://www.w3.org\"\n      xmlns=\"http://example.org\"/>\n   \
        <e6 xmlns=\"\" xmlns:a=\"http://www.w3.org\">\n      <e7 xmlns=\"http://www.ietf.org\">\n         \
        <e8 xmlns=\"\" xmlns:a=\"http://www.w3.org\">\n            <e9 xmlns=\"\" xmlns:a=\"http://www.ietf.org\"/>\n         \
        </e8>\n      </e7>\n   </e6>\n</doc>";
    let expected = "<doc>\n   <e1></e1>\n   <e2></e2>\n   <e3 id=\"elem3\" name=\"elem3\"></e3>\n   \
        <e4 id=\"elem4\" name=\"elem4\"></e4>\n   \
        <e5 xmlns=\"http://example.org\" xmlns:a=\"http://www.w3.org\" xmlns:b=\"http://www.ietf.org\" \
        attr=\"I'm\" attr2=\"all\" b:attr=\"sorted\" a:attr=\"out\"></e5>\n   \
        <e6>\n      <e7 xmlns=\"http://www.ietf.org\">\n         <e8 xmlns=\"\">\n            <e9></e9>\n         \
        </e8>\n      </e7>\n   </e6>\n</doc>";
    assert_eq!(canonical(xml), expected);
}

/// Canonical XML 1.0, section 3.4, without the attributes that a document type would normalize.
#[test]
fn character_modifications() {
    let xml = "<doc>\r\n   <text>First line&#x0d;&#10;Second line</text>\r\n   <value>&#x32;</value>\r\n   \
        <compute><![CDATA[value>\"0\" && value<\"10\" ?\"valid\":\"error\"]]></compute>\r\n   \
        <compute expr='value>\"0\" &amp;&amp; value&lt;\"10\" ?\"valid\":\"error\"'>valid</compute>\r\n   \
        <norm attr=' &apos;   &#x20;&#13;&#xa;&#9;   &apos; '/>\r\n</doc>";
    let expected = "<doc>\n   <text>First line&#xD;\nSecond line</text>\n   <value>2</value>\n   \
        <compute>value&gt;\"0\" &amp;&amp; value&lt;\"10\" ?\"valid\":\"error\"</compute>\n   \
        <compute expr=\"value>&quot;0&quot; &amp;&amp; value&lt;&quot;10&quot; ?&quot;valid&quot;:&quot;error&quot;\">valid</compute>\n   \
        <norm attr=\" '    &#xD;&#xA;&#x9;   ' \"></norm>\n</doc>";
    assert_eq!(canonical(xml), expected);
}

/// Canonical XML 1.0, sections 3.1 and 3.6: comments go, characters are UTF-8.
#[test]
fn comments_and_characters() {
    assert_eq!(
        canonical("<!-- a -->\n<doc>b<!-- c -->d</doc>\n<!-- e -->"),
        "<doc>bd</doc>"
    );
    assert_eq!(canonical("<doc>&#169;</doc>"), "<doc>\u{a9}</doc>");
}

/// Exclusive C14N, section 3: listed prefixes are rendered where they are in scope, used or not.
#[test]
fn prefix_lists() {
    let xml =
        "<r xmlns=\"d\" xmlns:a=\"x\" xmlns:b=\"y\"><a:e ID=\"e\"><f xmlns:b=\"z\"/></a:e></r>";
    assert_eq!(
        part(xml, "e", ""),
        "<a:e xmlns:a=\"x\" ID=\"e\"><f xmlns=\"d\"></f></a:e>"
    );
    assert_eq!(
        part(xml, "e", "b absent"),
        "<a:e xmlns:a=\"x\" xmlns:b=\"y\" ID=\"e\"><f xmlns=\"d\" xmlns:b=\"z\"></f></a:e>"
    );
    assert_eq!(
        part(xml, "e", " #default\tb "),
        "<a:e xmlns=\"d\" xmlns:a=\"x\" xmlns:b=\"y\" ID=\"e\"><f xmlns:b=\"z\"></f></a:e>"
    );
}

#[test]
fn namespaces_come_and_go() {
    let xml = "<a:r xmlns:a=\"x\"><e xmlns=\"d\"><f xmlns=\"\"><a:g xmlns:a=\"y\" a:h=\"\"/><a:i/></f></e><e/></a:r>";
    let expected = "<a:r xmlns:a=\"x\"><e xmlns=\"d\"><f xmlns=\"\"><a:g xmlns:a=\"y\" a:h=\"\"></a:g><a:i></a:i></f></e><e></e></a:r>";
    assert_eq!(canonical(xml), expected);
    assert_eq!(canonical(expected), expected);
}

#[test]
fn only_the_own_signature_is_enveloped() {
    let xml = "<r ID=\"r\"><s:Signature xmlns:s=\"http://www.w3.org/2000/09/xmldsig#\"/>\
        <a ID=\"a\"><s:Signature xmlns:s=\"http://www.w3.org/2000/09/xmldsig#\"/>x</a></r>";
    assert_eq!(
        exclusive(xml, Some("a"), true, "").unwrap(),
        "<a ID=\"a\">x</a>"
    );
    let outer = exclusive(xml, Some("r"), true, "").unwrap();
    assert_eq!(outer.matches("<s:Signature").count(), 1);
    assert_eq!(
        exclusive(xml, Some("b"), true, ""),
        Err(XmlError::Malformed)
    );
}

/// Each of the small elements repeats a long namespace.
#[test]
fn the_output_has_a_limit() {
    let long = "u".repeat(100_000);
    let xml = format!("<r xmlns:a=\"{long}\">{}</r>", "<a:e/>".repeat(1000));
    assert_eq!(exclusive(&xml, None, false, ""), Err(XmlError::TooLarge));
}
