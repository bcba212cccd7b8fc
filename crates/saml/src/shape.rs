//! One pass over the text before it is parsed: finds the markup that is refused, and bounds what parsing can cost.
//!
//! It decides nothing that the parser decides. For a well-formed text both see the same tags; the parser refuses
//! every other text, and has then seen no more than this pass has counted.

use crate::XmlError;

/// Deepest element, the root being 1.
const DEPTH_MAX: usize = 32;
/// Attributes of one element, namespace declarations included.
const ATTRIBUTES_MAX: usize = 64;
/// Namespace declarations of an element and its ancestors. Parsing costs its square for every element.
const NAMESPACES_IN_SCOPE_MAX: usize = 48;

/// What differs between the kinds of document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// As received.
    pub(crate) bytes: usize,
    /// After canonicalization, which writes namespaces more often than they were declared.
    pub(crate) canonical_bytes: usize,
    pub(crate) elements: usize,
    pub(crate) comments: Comments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comments {
    Refused,
    /// Read over. A text with one in it is still no single text node.
    Allowed,
}

/// Responses and logout requests.
pub(crate) const MESSAGE: Limits = Limits {
    bytes: 256 << 10,
    canonical_bytes: 1 << 20,
    elements: 8192,
    comments: Comments::Refused,
};

/// Metadata, which people write too.
pub(crate) const METADATA: Limits = Limits {
    bytes: 1 << 20,
    canonical_bytes: 4 << 20,
    elements: 16_384,
    comments: Comments::Allowed,
};

impl Limits {
    /// For parsing what canonicalization wrote.
    pub(crate) fn canonical(self) -> Self {
        Self {
            bytes: self.canonical_bytes,
            ..self
        }
    }
}

/// Returns the text behind the XML declaration.
pub(crate) fn check<'a>(text: &'a str, limits: &Limits) -> Result<&'a str, XmlError> {
    if text.len() > limits.bytes {
        return Err(XmlError::TooLarge);
    }
    let body = behind_declaration(text)?;
    let mut open = Vec::new();
    let mut elements = 0;
    let mut rest = body;
    while let Some((_, markup)) = rest.split_once('<') {
        rest = if let Some(comment) = markup.strip_prefix("!--") {
            if limits.comments == Comments::Refused {
                return Err(XmlError::Comment);
            }
            behind(comment, "-->")?
        } else if let Some(text) = markup.strip_prefix("![CDATA[") {
            behind(text, "]]>")?
        } else if markup.starts_with('!') {
            return Err(XmlError::Dtd);
        } else if markup.starts_with('?') {
            return Err(XmlError::ProcessingInstruction);
        } else if let Some(end_tag) = markup.strip_prefix('/') {
            open.pop();
            end_tag
        } else {
            elements += 1;
            let tag = StartTag::read(markup)?;
            open.push(tag.namespaces);
            let namespaces: usize = open.iter().sum();
            if elements > limits.elements
                || open.len() > DEPTH_MAX
                || tag.attributes > ATTRIBUTES_MAX
                || namespaces > NAMESPACES_IN_SCOPE_MAX
            {
                return Err(XmlError::TooComplex);
            }
            if tag.is_empty {
                open.pop();
            }
            tag.rest
        };
    }
    Ok(body)
}

struct StartTag<'a> {
    attributes: usize,
    namespaces: usize,
    is_empty: bool,
    rest: &'a str,
}

impl<'a> StartTag<'a> {
    /// `markup` begins behind the `<`.
    fn read(markup: &'a str) -> Result<Self, XmlError> {
        let (mut attributes, mut namespaces) = (0, 0);
        let mut rest = markup;
        loop {
            let mark = rest.find(['"', '\'', '>']).ok_or(XmlError::Malformed)?;
            let (before, from_mark) = rest.split_at(mark);
            let mut characters = from_mark.chars();
            let Some(quote @ ('"' | '\'')) = characters.next() else {
                return Ok(Self {
                    attributes,
                    namespaces,
                    is_empty: before.ends_with('/'),
                    rest: characters.as_str(),
                });
            };
            // The parser takes `a:xmlns` for a declaration of the default namespace; others take it for an attribute.
            if before.contains(":xmlns") {
                return Err(XmlError::Namespace);
            }
            attributes += 1;
            namespaces += usize::from(before.contains("xmlns"));
            rest = characters
                .as_str()
                .split_once(quote)
                .ok_or(XmlError::Malformed)?
                .1;
        }
    }
}

fn behind<'a>(text: &'a str, end: &str) -> Result<&'a str, XmlError> {
    text.split_once(end)
        .map(|(_, rest)| rest)
        .ok_or(XmlError::Malformed)
}

/// XML 1.0, section 2.8. A declaration of another version or encoding would make others read other characters.
fn behind_declaration(text: &str) -> Result<&str, XmlError> {
    if text.starts_with('\u{feff}') {
        return Err(XmlError::Declaration);
    }
    let Some(declaration) = text.strip_prefix("<?xml") else {
        return Ok(text);
    };
    if !declaration.starts_with([' ', '\t', '\r', '\n']) {
        return Err(XmlError::ProcessingInstruction);
    }
    let (declaration, body) = declaration.split_once("?>").ok_or(XmlError::Declaration)?;
    let mut words = declaration.split_ascii_whitespace().peekable();
    let version = words
        .next()
        .and_then(|word| pseudo_attribute(word, "version"));
    let encoding = words
        .next_if(|word| word.starts_with("encoding"))
        .map_or(Some("UTF-8"), |word| pseudo_attribute(word, "encoding"));
    let standalone = words
        .next_if(|word| word.starts_with("standalone"))
        .map_or(Some("no"), |word| pseudo_attribute(word, "standalone"));
    let good = version == Some("1.0")
        && encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case("UTF-8"))
        && matches!(standalone, Some("yes" | "no"))
        && words.next().is_none();
    if good {
        Ok(body)
    } else {
        Err(XmlError::Declaration)
    }
}

fn pseudo_attribute<'a>(word: &'a str, name: &str) -> Option<&'a str> {
    let value = word.strip_prefix(name)?.strip_prefix('=')?;
    ['"', '\''].into_iter().find_map(|quote| {
        value
            .strip_prefix(quote)
            .and_then(|value| value.strip_suffix(quote))
    })
}

#[cfg(test)]
mod tests {
    use super::{MESSAGE, METADATA, check};
    use crate::XmlError;

    #[test]
    fn declarations() {
        for good in [
            "<a/>",
            "<?xml version=\"1.0\"?><a/>",
            "<?xml version='1.0' encoding='utf-8'?>\n<a/>",
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\" ?><a/>",
        ] {
            assert!(
                check(good, &MESSAGE).is_ok_and(|body| !body.contains("<?")),
                "{good}"
            );
        }
        for bad in [
            "\u{feff}<a/>",
            "<?xml version='1.1'?><a/>",
            "<?xml version='1.0' encoding='ISO-8859-1'?><a/>",
            "<?xml encoding='UTF-8'?><a/>",
            "<?xml version='1.0' encoding='UTF-8' other='x'?><a/>",
            "<?xml version = '1.0'?><a/>",
            "<?xml version='1.0'",
        ] {
            assert_eq!(check(bad, &MESSAGE), Err(XmlError::Declaration), "{bad}");
        }
    }

    #[test]
    fn refused_markup() {
        for (text, error) in [
            ("<a><!-- x --></a>", XmlError::Comment),
            ("<!DOCTYPE a><a/>", XmlError::Dtd),
            ("<a><!ENTITY b 'c'></a>", XmlError::Dtd),
            ("<a><?b c?></a>", XmlError::ProcessingInstruction),
            (
                "<?xml-stylesheet href='x'?><a/>",
                XmlError::ProcessingInstruction,
            ),
            ("<a b:xmlns='c'/>", XmlError::Namespace),
            ("<a b='", XmlError::Malformed),
            ("<a", XmlError::Malformed),
        ] {
            assert_eq!(check(text, &MESSAGE), Err(error), "{text}");
        }
        assert!(check("<a><!-- x --></a>", &METADATA).is_ok());
        assert!(check("<a><![CDATA[<!DOCTYPE <?]]></a>", &MESSAGE).is_ok());
        assert!(check("<a b='<>'/>", &MESSAGE).is_ok(), "left to the parser");
    }

    #[test]
    fn limits_are_exact() {
        let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(check(&nested(32), &MESSAGE).is_ok());
        assert_eq!(check(&nested(33), &MESSAGE), Err(XmlError::TooComplex));
        let wide = |elements: usize| format!("<a>{}</a>", "<b/>".repeat(elements - 1));
        assert!(check(&wide(8192), &MESSAGE).is_ok());
        assert_eq!(check(&wide(8193), &MESSAGE), Err(XmlError::TooComplex));
        let attributes = |count: usize| format!("<a{}/>", " b='c'".repeat(count));
        assert!(check(&attributes(64), &MESSAGE).is_ok());
        assert_eq!(check(&attributes(65), &MESSAGE), Err(XmlError::TooComplex));
        let spaces = |count: usize| {
            format!(
                "<a{}><b xmlns:c='d'/><b/></a>",
                " xmlns:c='d'".repeat(count)
            )
        };
        assert!(check(&spaces(47), &MESSAGE).is_ok());
        assert_eq!(check(&spaces(48), &MESSAGE), Err(XmlError::TooComplex));
        let long = format!("<a>{}</a>", " ".repeat((256 << 10) - 7));
        assert!(check(&long, &MESSAGE).is_ok());
        assert_eq!(
            check(&format!("{long} "), &MESSAGE),
            Err(XmlError::TooLarge)
        );
    }
}
