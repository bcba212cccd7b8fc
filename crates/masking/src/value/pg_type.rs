/// How a value is written (PostgreSQL documentation, "Formats and Format Codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As the type's output function writes it.
    Text,
    /// As the type's send function writes it.
    Binary,
}

/// A type, as far as masking it differs. A domain is its base type, which the caller knows from the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PgType {
    /// `boolean`
    Bool,
    /// `bytea`, in hex or escape format
    Bytea,
    /// `"char"`, one byte
    Char,
    /// `name`, at most 63 bytes
    Name,
    /// `text`, `varchar`, `citext`, `cstring` and `unknown`
    Text,
    /// `character(n)`, padded with spaces
    Bpchar,
    /// `smallint`
    Int2,
    /// `integer`
    Int4,
    /// `bigint`
    Int8,
    /// `oid`, `xid` and `cid`
    Oid,
    /// `real`
    Float4,
    /// `double precision`
    Float8,
    /// `numeric`
    Numeric,
    /// `money`
    Money,
    /// `date`, `time`, `timestamp`, `interval` and their forms with a time zone
    Temporal,
    /// `uuid`
    Uuid,
    /// `inet` and `cidr`
    Inet,
    /// `macaddr` and `macaddr8`
    Macaddr,
    /// `bit` and `bit varying`
    Bit,
    /// `json`
    Json,
    /// `jsonb`
    Jsonb,
    /// `xml`
    Xml,
    /// `hstore`, of the extension
    Hstore,
    /// An enumeration: only its labels are values
    Enum,
    /// An array, of any number of dimensions
    Array(Box<PgType>),
    /// A range, by the type of its bounds
    Range(Box<PgType>),
    /// A multirange, by the type of its bounds
    Multirange(Box<PgType>),
    /// A composite type, by the types of its columns
    Composite(Vec<PgType>),
    /// `record`: in binary it says the types of its columns itself
    Record,
    /// Any other type: its values can be withheld, but not changed
    Opaque,
}

impl PgType {
    /// The built-in type of an OID (`pg_type.dat` of PostgreSQL 15 and later). [`Self::Opaque`] for others, among them
    /// all types that users make: the caller finds those in the catalogue.
    pub fn from_oid(oid: u32) -> Self {
        let array = |element: Self| Self::Array(Box::new(element));
        match oid {
            16 => Self::Bool,
            17 => Self::Bytea,
            18 => Self::Char,
            19 => Self::Name,
            20 => Self::Int8,
            21 => Self::Int2,
            23 => Self::Int4,
            25 | 705 | 1043 | 1790 | 2275 => Self::Text,
            26 | 28 | 29 => Self::Oid,
            114 => Self::Json,
            142 => Self::Xml,
            650 | 869 => Self::Inet,
            700 => Self::Float4,
            701 => Self::Float8,
            774 | 829 => Self::Macaddr,
            790 => Self::Money,
            1042 => Self::Bpchar,
            1082 | 1083 | 1114 | 1184 | 1186 | 1266 => Self::Temporal,
            1560 | 1562 => Self::Bit,
            1700 => Self::Numeric,
            2249 => Self::Record,
            2950 => Self::Uuid,
            3802 => Self::Jsonb,
            3904 => Self::Range(Box::new(Self::Int4)),
            3906 => Self::Range(Box::new(Self::Numeric)),
            3908 | 3910 | 3912 => Self::Range(Box::new(Self::Temporal)),
            3926 => Self::Range(Box::new(Self::Int8)),
            4451 => Self::Multirange(Box::new(Self::Int4)),
            4532 => Self::Multirange(Box::new(Self::Numeric)),
            4533..=4535 => Self::Multirange(Box::new(Self::Temporal)),
            4536 => Self::Multirange(Box::new(Self::Int8)),
            _ => element_of(oid).map_or(Self::Opaque, |element| array(Self::from_oid(element))),
        }
    }
}

/// The element type of a built-in array type.
fn element_of(oid: u32) -> Option<u32> {
    let element = match oid {
        143 => 142,
        199 => 114,
        651 => 650,
        775 => 774,
        791 => 790,
        1000 => 16,
        1001 => 17,
        1002 => 18,
        1003 => 19,
        1005 => 21,
        1007 => 23,
        1009 => 25,
        1011 => 28,
        1012 => 29,
        1014 => 1042,
        1015 => 1043,
        1016 => 20,
        1021 => 700,
        1022 => 701,
        1028 => 26,
        1040 => 829,
        1041 => 869,
        1115 => 1114,
        1182 => 1082,
        1183 => 1083,
        1185 => 1184,
        1187 => 1186,
        1231 => 1700,
        1263 => 2275,
        1270 => 1266,
        1561 => 1560,
        1563 => 1562,
        2201 => 1790,
        2287 => 2249,
        2951 => 2950,
        3643 => 3614,
        3807 => 3802,
        3905 => 3904,
        3907 => 3906,
        3909 => 3908,
        3911 => 3910,
        3913 => 3912,
        3927 => 3926,
        6150 => 4451,
        6151 => 4532,
        6152 => 4533,
        6153 => 4534,
        6155 => 4535,
        6157 => 4536,
        _ => return None,
    };
    Some(element)
}
