//! What a statement does to what.

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Rows are read.
    Read,
    /// Rows are added: INSERT, COPY FROM STDIN, MERGE.
    Insert,
    /// Rows are changed: UPDATE, ON CONFLICT DO UPDATE, MERGE, `nextval`.
    Update,
    /// Rows are deleted.
    Delete,
    /// All rows are deleted.
    Truncate,
    /// Something is created, altered or commented on.
    Define,
    /// Something is dropped.
    Destroy,
    /// Rights, roles, owners, servers, the running of the server itself.
    Administer,
    /// Out of what the gateway can see: files, programs, other servers, code in a text.
    Escape,
    /// BEGIN, COMMIT, SAVEPOINT and the like.
    Transaction,
    /// A setting without influence on what is seen or allowed; `search_path` too, which [`crate::Shape`] notes.
    Set,
    /// Any other setting.
    SetGuarded,
    /// DECLARE, FETCH, MOVE, CLOSE.
    Cursor,
    /// PREPARE and DEALLOCATE.
    Prepare,
    /// Runs what was prepared or stored before: EXECUTE, CALL.
    Execute,
    /// LISTEN, NOTIFY, UNLISTEN: a channel between sessions.
    Notify,
    /// Locks taken by name: LOCK, SELECT FOR UPDATE, advisory locks.
    Lock,
    /// Upkeep that changes no data: VACUUM, ANALYZE, CHECKPOINT.
    Maintain,
    /// SHOW.
    Show,
    /// Not understood.
    Unknown,
}

/// What kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A table, view, materialized view, foreign table or sequence: one name space.
    Relation,
    /// A function, procedure or aggregate.
    Function,
    /// A schema.
    Schema,
    /// A database.
    Database,
    /// A role.
    Role,
    /// A setting.
    Setting,
    /// A cursor.
    Cursor,
    /// A prepared statement.
    Prepared,
    /// A channel of LISTEN.
    Channel,
    /// A file or program on the server.
    File,
    /// A column: its relation's name, then its own.
    Column,
    /// Anything else that has a name.
    Other,
    /// Nothing that has a name.
    Session,
}

/// Whether something is acted on, or only supplies what is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// It is changed.
    Target,
    /// It is read.
    Source,
}

/// A thing as the statement names it. Quoted names are what they stand for, the others in lower case, as PostgreSQL
/// has it; a caller resolves them with the session's `search_path`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object {
    /// What kind of thing.
    pub kind: ObjectKind,
    /// Catalog, schema and name, as far as written. Empty where there is none.
    pub name: Vec<String>,
    /// Acted on, or read.
    pub role: Role,
    /// The columns that are named as written to. Empty: all, or none are named.
    pub columns: Vec<String>,
}

/// One thing done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Effect {
    /// What is done.
    pub verb: Verb,
    /// To what.
    pub object: Object,
}

impl Object {
    pub(crate) fn new(kind: ObjectKind, name: Vec<String>, role: Role) -> Self {
        Self {
            kind,
            name,
            role,
            columns: Vec::new(),
        }
    }

    /// Its name with dots; for people only, since a name may have dots in it.
    pub fn dotted(&self) -> String {
        self.name.join(".")
    }
}

impl Verb {
    /// The word for it in corpora and documents.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Truncate => "truncate",
            Self::Define => "define",
            Self::Destroy => "destroy",
            Self::Administer => "administer",
            Self::Escape => "escape",
            Self::Transaction => "transaction",
            Self::Set => "set",
            Self::SetGuarded => "set-guarded",
            Self::Cursor => "cursor",
            Self::Prepare => "prepare",
            Self::Execute => "execute",
            Self::Notify => "notify",
            Self::Lock => "lock",
            Self::Maintain => "maintain",
            Self::Show => "show",
            Self::Unknown => "unknown",
        }
    }
}
