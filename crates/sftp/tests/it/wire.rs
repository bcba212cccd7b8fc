//! Packets by hand.

/// Values of a packet, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body(Vec<u8>);

impl Body {
    pub(crate) fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(crate) fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(crate) fn string(self, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        let mut with_length = self.u32(u32::try_from(value.len()).unwrap());
        with_length.0.extend(value);
        with_length
    }

    /// A whole packet of this type.
    pub(crate) fn packet(self, kind: u8) -> Vec<u8> {
        let length = u32::try_from(self.0.len() + 1).unwrap();
        [&length.to_be_bytes()[..], &[kind], &self.0].concat()
    }
}

pub(crate) const READ: u32 = 0x01;
pub(crate) const WRITE: u32 = 0x02;
pub(crate) const APPEND: u32 = 0x04;
pub(crate) const CREATE: u32 = 0x08;
pub(crate) const TRUNCATE: u32 = 0x10;

/// Flags of a file that is uploaded from its beginning.
pub(crate) const PUT: u32 = WRITE | CREATE | TRUNCATE;

pub(crate) fn init(version: u32) -> Vec<u8> {
    Body::default().u32(version).packet(1)
}

pub(crate) fn version(version: u32) -> Vec<u8> {
    Body::default()
        .u32(version)
        .string("posix-rename@openssh.com")
        .string("1")
        .packet(2)
}

pub(crate) fn open(id: u32, path: impl AsRef<[u8]>, flags: u32) -> Vec<u8> {
    Body::default()
        .u32(id)
        .string(path)
        .u32(flags)
        .u32(0)
        .packet(3)
}

pub(crate) fn close(id: u32, handle: &[u8]) -> Vec<u8> {
    on_handle(4, id, handle)
}

pub(crate) fn read(id: u32, handle: &[u8], offset: u64, length: u32) -> Vec<u8> {
    Body::default()
        .u32(id)
        .string(handle)
        .u64(offset)
        .u32(length)
        .packet(5)
}

pub(crate) fn write(id: u32, handle: &[u8], offset: u64, data: &[u8]) -> Vec<u8> {
    Body::default()
        .u32(id)
        .string(handle)
        .u64(offset)
        .string(data)
        .packet(6)
}

pub(crate) fn fstat(id: u32, handle: &[u8]) -> Vec<u8> {
    on_handle(8, id, handle)
}

/// Sets a size.
pub(crate) fn resize(id: u32, handle: &[u8], size: u64) -> Vec<u8> {
    Body::default()
        .u32(id)
        .string(handle)
        .u32(1)
        .u64(size)
        .packet(10)
}

/// Sets permissions.
pub(crate) fn chmod(id: u32, handle: &[u8], mode: u32) -> Vec<u8> {
    Body::default()
        .u32(id)
        .string(handle)
        .u32(4)
        .u32(mode)
        .packet(10)
}

pub(crate) fn opendir(id: u32, path: &str) -> Vec<u8> {
    on_path(11, id, path)
}

pub(crate) fn readdir(id: u32, handle: &[u8]) -> Vec<u8> {
    on_handle(12, id, handle)
}

pub(crate) fn on_path(kind: u8, id: u32, path: impl AsRef<[u8]>) -> Vec<u8> {
    Body::default().u32(id).string(path).packet(kind)
}

pub(crate) fn on_handle(kind: u8, id: u32, handle: &[u8]) -> Vec<u8> {
    on_path(kind, id, handle)
}

pub(crate) fn extended(id: u32, name: &str, values: &[&[u8]]) -> Vec<u8> {
    let mut body = Body::default().u32(id).string(name);
    for value in values {
        body = body.string(value);
    }
    body.packet(200)
}

pub(crate) fn copy_data(id: u32, from: &[u8], to: &[u8]) -> Vec<u8> {
    let body = Body::default().u32(id).string("copy-data").string(from);
    body.u64(0).u64(0).string(to).u64(0).packet(200)
}

pub(crate) fn status(id: u32, code: u32) -> Vec<u8> {
    Body::default()
        .u32(id)
        .u32(code)
        .string("so")
        .string("en")
        .packet(101)
}

pub(crate) fn handle(id: u32, handle: &[u8]) -> Vec<u8> {
    on_handle(102, id, handle)
}

pub(crate) fn data(id: u32, data: &[u8]) -> Vec<u8> {
    Body::default().u32(id).string(data).packet(103)
}

/// One name.
pub(crate) fn name(id: u32, name: &str) -> Vec<u8> {
    Body::default()
        .u32(id)
        .u32(1)
        .string(name)
        .string(name)
        .u32(0)
        .packet(104)
}

pub(crate) fn attributes(id: u32, size: u64) -> Vec<u8> {
    Body::default().u32(id).u32(1).u64(size).packet(105)
}
