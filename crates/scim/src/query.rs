//! The query string: filter, paging, and which attributes to return (RFC 7644 section 3.4.2).

use crate::filter::{Filter, Term, filter};
use crate::projection::Projection;
use crate::{DEFAULT_PAGE, Expression, MAX_PAGE, MAX_QUERY_BYTES, Page, ScimError};

/// The parameters that are understood; others are ignored.
#[derive(Debug, Default)]
pub(crate) struct Query {
    filter: Option<String>,
    start_index: Option<String>,
    count: Option<String>,
    attributes: Option<String>,
    excluded_attributes: Option<String>,
}

impl Query {
    pub(crate) fn parse(text: &str) -> Result<Self, ScimError> {
        if text.len() > MAX_QUERY_BYTES {
            return Err(ScimError::Syntax("the query is longer than 8 KiB"));
        }
        let mut query = Self::default();
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(slot) = query.slot(name) else {
                continue;
            };
            if slot.replace(decoded(value)?).is_some() {
                return Err(ScimError::Syntax("a parameter is given twice"));
            }
        }
        Ok(query)
    }

    fn slot(&mut self, name: &str) -> Option<&mut Option<String>> {
        match name {
            "filter" => Some(&mut self.filter),
            "startIndex" => Some(&mut self.start_index),
            "count" => Some(&mut self.count),
            "attributes" => Some(&mut self.attributes),
            "excludedAttributes" => Some(&mut self.excluded_attributes),
            _ => None,
        }
    }

    pub(crate) fn filter<T: Term>(&self) -> Result<Option<Filter<T>>, ScimError> {
        match &self.filter {
            Some(text) => filter(&Expression::parse(text)?).map(Some),
            None => Ok(None),
        }
    }

    /// The page asked for. An index below one means one, a count below zero none (RFC 7644 section 3.4.2.4).
    pub(crate) fn page(&self) -> Result<Page, ScimError> {
        let start = number(self.start_index.as_deref(), 1)?;
        let count = number(self.count.as_deref(), i64::from(DEFAULT_PAGE))?;
        Ok(Page {
            offset: u64::try_from(start.max(1) - 1).unwrap_or_default(),
            limit: u32::try_from(count.clamp(0, i64::from(MAX_PAGE))).unwrap_or_default(),
        })
    }

    pub(crate) fn projection(&self, schema: &'static str) -> Projection {
        Projection::new(
            schema,
            self.attributes.as_deref(),
            self.excluded_attributes.as_deref(),
        )
    }
}

fn number(text: Option<&str>, otherwise: i64) -> Result<i64, ScimError> {
    let number = text.map_or(Ok(otherwise), str::parse);
    number.map_err(|_| ScimError::Syntax("startIndex or count is not a number"))
}

/// Decodes `%XX` and `+`; what does not decode to UTF-8 is refused and not replaced.
pub(crate) fn decoded(text: &str) -> Result<String, ScimError> {
    let malformed = ScimError::Syntax("the query is not encoded properly");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => match (digit(rest.next()), digit(rest.next())) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(malformed),
            },
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| malformed)
}

fn digit(byte: Option<u8>) -> Option<u8> {
    let digit = char::from(byte?).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::{Query, decoded};
    use crate::filter::{Filter, UserTerm};
    use crate::{MAX_QUERY_BYTES, Page};

    #[test]
    fn decodes_both_ways_of_writing_a_space() {
        for text in [
            "userName%20eq%20%22a%2Bb%40x%22",
            "userName+eq+%22a%2Bb@x%22",
            "userName eq \"a%2bb@x\"",
        ] {
            assert_eq!(decoded(text).unwrap(), r#"userName eq "a+b@x""#);
        }
        for text in ["%", "%2", "%zz", "%+1", "%ff", "%c3%28"] {
            assert!(decoded(text).is_err(), "{text}");
        }
    }

    #[test]
    fn reads_the_page() {
        let page = |text: &str| Query::parse(text).unwrap().page();
        assert_eq!(
            page(""),
            Ok(Page {
                offset: 0,
                limit: 100
            })
        );
        assert_eq!(
            page("startIndex=101&count=2"),
            Ok(Page {
                offset: 100,
                limit: 2
            })
        );
        assert_eq!(
            page("startIndex=-5&count=-5"),
            Ok(Page {
                offset: 0,
                limit: 0
            })
        );
        assert_eq!(
            page("count=100000"),
            Ok(Page {
                offset: 0,
                limit: 200
            })
        );
        for text in [
            "count=",
            "count=1.5",
            "startIndex=x",
            "startIndex=9223372036854775808",
        ] {
            assert!(page(text).is_err(), "{text}");
        }
    }

    #[test]
    fn other_parameters_are_ignored_and_own_ones_come_once() {
        let query = Query::parse("aadOptscim062020&filter=id+eq+%221%22&x=%zz&sortBy=id").unwrap();
        assert_eq!(
            query.filter(),
            Ok(Some(Filter::Is(UserTerm::Id("1".into()))))
        );
        assert!(Query::parse("count=1&count=2").is_err());
        assert!(Query::parse(&"x".repeat(MAX_QUERY_BYTES)).is_ok());
        assert!(Query::parse(&"x".repeat(MAX_QUERY_BYTES + 1)).is_err());
    }
}
