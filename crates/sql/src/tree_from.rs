//! Makes a [`Node`] of anything that the parser's types serialize.

use std::fmt;

use serde::ser::{self, Serialize};

use crate::tree::{Node, Value};

/// The tree of a parsed node.
pub(crate) fn tree(node: &impl Serialize) -> Option<Node> {
    match node.serialize(ToTree) {
        Ok(Value::Node(node)) => Some(node),
        _ => None,
    }
}

/// Serialization into a tree cannot fail, but the trait wants an error type.
#[derive(Debug)]
pub(crate) struct Never(String);

impl fmt::Display for Never {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Never {}

impl ser::Error for Never {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

struct ToTree;

/// Fields or elements as they come.
pub(crate) struct Fields {
    kind: &'static str,
    fields: Vec<(&'static str, Value)>,
}
pub(crate) struct Elements(Vec<Value>);

type Made = Result<Value, Never>;

macro_rules! ints {
    ($($method:ident $kind:ty),*) => { $(
        fn $method(self, value: $kind) -> Made {
            Ok(Value::Int(value.into()))
        }
    )* };
}

impl ser::Serializer for ToTree {
    type Ok = Value;
    type Error = Never;
    type SerializeSeq = Elements;
    type SerializeTuple = Elements;
    type SerializeTupleStruct = Elements;
    type SerializeTupleVariant = Elements;
    type SerializeMap = ser::Impossible<Value, Never>;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Fields;

    ints!(serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_u8 u8, serialize_u16 u16, serialize_u32 u32);

    fn serialize_bool(self, value: bool) -> Made {
        Ok(Value::Bool(value))
    }
    fn serialize_u64(self, value: u64) -> Made {
        Ok(i64::try_from(value).map_or_else(|_| Value::Text(value.to_string()), Value::Int))
    }
    fn serialize_f32(self, value: f32) -> Made {
        Ok(Value::Text(value.to_string()))
    }
    fn serialize_f64(self, value: f64) -> Made {
        Ok(Value::Text(value.to_string()))
    }
    fn serialize_char(self, value: char) -> Made {
        Ok(Value::Text(value.to_string()))
    }
    fn serialize_str(self, value: &str) -> Made {
        Ok(Value::Text(value.to_owned()))
    }
    fn serialize_bytes(self, value: &[u8]) -> Made {
        Ok(Value::Text(String::from_utf8_lossy(value).into_owned()))
    }
    fn serialize_none(self) -> Made {
        Ok(Value::Absent)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Made {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Made {
        Ok(Value::Absent)
    }
    fn serialize_unit_struct(self, kind: &'static str) -> Made {
        Ok(Value::Node(Node {
            kind,
            fields: Vec::new(),
        }))
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Made {
        Ok(Value::Text(name.to_owned()))
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Made {
        value.serialize(self)
    }
    /// A node among its alternatives: only what it holds counts.
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Made {
        value.serialize(self)
    }
    fn serialize_seq(self, length: Option<usize>) -> Result<Elements, Never> {
        Ok(Elements(Vec::with_capacity(length.unwrap_or(0))))
    }
    fn serialize_tuple(self, length: usize) -> Result<Elements, Never> {
        self.serialize_seq(Some(length))
    }
    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Elements, Never> {
        self.serialize_seq(Some(length))
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        length: usize,
    ) -> Result<Elements, Never> {
        self.serialize_seq(Some(length))
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Never> {
        Err(ser::Error::custom("the grammar has no maps"))
    }
    fn serialize_struct(self, kind: &'static str, _: usize) -> Result<Fields, Never> {
        Ok(Fields {
            kind,
            fields: Vec::new(),
        })
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        kind: &'static str,
        length: usize,
    ) -> Result<Fields, Never> {
        self.serialize_struct(kind, length)
    }
}

impl ser::SerializeStruct for Fields {
    type Ok = Value;
    type Error = Never;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        let value = value.serialize(ToTree)?;
        if !value.is_default() {
            self.fields.push((name, value));
        }
        Ok(())
    }

    /// `Node` is an envelope without meaning.
    fn end(mut self) -> Made {
        if self.kind == "Node" {
            return Ok(self.fields.pop().map_or(Value::Absent, |(_, value)| value));
        }
        Ok(Value::Node(Node {
            kind: self.kind,
            fields: self.fields,
        }))
    }
}

impl ser::SerializeStructVariant for Fields {
    type Ok = Value;
    type Error = Never;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        ser::SerializeStruct::serialize_field(self, name, value)
    }

    fn end(self) -> Made {
        ser::SerializeStruct::end(self)
    }
}

macro_rules! elements {
    ($($of:ident $add:ident),*) => { $(
        impl ser::$of for Elements {
            type Ok = Value;
            type Error = Never;

            fn $add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
                self.0.push(value.serialize(ToTree)?);
                Ok(())
            }

            fn end(self) -> Made {
                Ok(Value::List(self.0))
            }
        }
    )* };
}
elements!(
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
);
