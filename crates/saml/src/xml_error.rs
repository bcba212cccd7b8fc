//! Why bytes are no document that is read here.

/// Why bytes are no document that is read here. The texts hold nothing of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// Longer than the limit, also after canonicalization.
    #[error("the document is longer than allowed")]
    TooLarge,
    /// The bytes are not UTF-8.
    #[error("the document is not UTF-8")]
    NotUtf8,
    /// A byte order mark, or an XML declaration that does not say version 1.0 and UTF-8.
    #[error("the document does not begin like XML 1.0 in UTF-8")]
    Declaration,
    /// A document type declaration, or another `<!` than CDATA.
    #[error("the document has a document type declaration")]
    Dtd,
    /// A comment, which hides text from some readers and not from others.
    #[error("the document has a comment")]
    Comment,
    /// A processing instruction.
    #[error("the document has a processing instruction")]
    ProcessingInstruction,
    /// Too deep, or too many elements, attributes or namespaces.
    #[error("the document is deeper or has more elements, attributes or namespaces than allowed")]
    TooComplex,
    /// Not well-formed.
    #[error("the document is not well-formed")]
    Malformed,
    /// A namespace declaration that implementations understand differently.
    #[error("the document has an ambiguous namespace declaration")]
    Namespace,
    /// Two elements with one ID.
    #[error("the document has two elements with the same ID")]
    DuplicateId,
}

impl XmlError {
    /// A word that stays the same, for records and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "too-large",
            Self::NotUtf8 => "not-utf8",
            Self::Declaration => "xml-declaration",
            Self::Dtd => "dtd",
            Self::Comment => "comment",
            Self::ProcessingInstruction => "processing-instruction",
            Self::TooComplex => "too-complex",
            Self::Malformed => "malformed-xml",
            Self::Namespace => "namespace",
            Self::DuplicateId => "duplicate-id",
        }
    }
}
