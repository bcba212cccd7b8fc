//! The database's tables. A migration, once released, is never changed; a later one follows it.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::error::StoreError;

/// `CUST`, in the header of the file (file format, section 1.3.13).
const APPLICATION_ID: i64 = 0x4355_5354;

/// `MIGRATIONS[n]` leads from schema n to n + 1.
const MIGRATIONS: [&str; 4] = [
    "
    CREATE TABLE meta (
        name TEXT PRIMARY KEY,
        value BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE resources (
        name TEXT PRIMARY KEY,
        definition TEXT NOT NULL,
        password BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE credentials (
        id TEXT PRIMARY KEY,
        login_name TEXT NOT NULL,
        expires_utc_ns INTEGER NOT NULL,
        revoked_utc_ns INTEGER,
        body BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX credentials_by_login_name
        ON credentials (login_name, revoked_utc_ns IS NOT NULL, expires_utc_ns DESC);
    CREATE INDEX credentials_by_expiry ON credentials (expires_utc_ns);
    CREATE TABLE secrets (
        name TEXT PRIMARY KEY,
        value BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE sign_ins (
        id TEXT PRIMARY KEY,
        issuer TEXT NOT NULL,
        subject TEXT NOT NULL,
        provider TEXT NOT NULL,
        provider_session TEXT,
        expires_utc_ns INTEGER NOT NULL,
        revoked_utc_ns INTEGER,
        body BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sign_ins_by_principal ON sign_ins (issuer, subject);
    CREATE INDEX sign_ins_by_provider_session ON sign_ins (provider, provider_session);
    CREATE INDEX sign_ins_by_expiry ON sign_ins (expires_utc_ns);
    ALTER TABLE credentials ADD COLUMN sign_in TEXT;
    ALTER TABLE credentials ADD COLUMN uses INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX credentials_by_sign_in ON credentials (sign_in);
    CREATE TABLE refresh_tokens (
        hash BLOB PRIMARY KEY,
        grant_id BLOB NOT NULL,
        client TEXT NOT NULL,
        sign_in TEXT NOT NULL,
        scopes TEXT NOT NULL,
        expires_utc_ns INTEGER NOT NULL,
        used INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_utc_ns);
    CREATE TABLE revoked_grants (
        grant_id BLOB PRIMARY KEY,
        keep_utc_ns INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE provider_sessions (
        sign_in TEXT PRIMARY KEY REFERENCES sign_ins (id) ON DELETE CASCADE,
        provider TEXT NOT NULL,
        due_utc_ns INTEGER,
        body BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX provider_sessions_by_due ON provider_sessions (provider, due_utc_ns);
    CREATE TABLE saml_metadata (
        provider TEXT PRIMARY KEY,
        document BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE provisioned_users (
        provider TEXT NOT NULL,
        id TEXT NOT NULL,
        external_id TEXT,
        user_name_folded TEXT NOT NULL,
        active INTEGER NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (provider, id),
        UNIQUE (provider, external_id),
        UNIQUE (provider, user_name_folded)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE provisioned_groups (
        provider TEXT NOT NULL,
        id TEXT NOT NULL,
        external_id TEXT,
        display_name_folded TEXT NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (provider, id),
        UNIQUE (provider, external_id),
        UNIQUE (provider, display_name_folded)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE provisioned_members (
        provider TEXT NOT NULL,
        group_id TEXT NOT NULL,
        user_id TEXT NOT NULL,
        seal BLOB NOT NULL,
        PRIMARY KEY (provider, group_id, user_id),
        FOREIGN KEY (provider, group_id) REFERENCES provisioned_groups (provider, id),
        FOREIGN KEY (provider, user_id) REFERENCES provisioned_users (provider, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX provisioned_members_by_user ON provisioned_members (provider, user_id);
    CREATE TABLE provisioned_sign_ins (
        sign_in TEXT PRIMARY KEY REFERENCES sign_ins (id) ON DELETE CASCADE,
        provider TEXT NOT NULL,
        user_id TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX provisioned_sign_ins_by_user ON provisioned_sign_ins (provider, user_id);
    CREATE TABLE administrators (
        issuer TEXT NOT NULL,
        subject TEXT NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (issuer, subject)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE administrator_token (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        body BLOB NOT NULL
    ) STRICT;
",
    "
    CREATE TABLE kept (
        shelf TEXT NOT NULL,
        id TEXT NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (shelf, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE outbox (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        webhook TEXT NOT NULL,
        event TEXT NOT NULL,
        queued_utc_ns INTEGER NOT NULL,
        due_utc_ns INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        body BLOB NOT NULL,
        UNIQUE (webhook, event)
    ) STRICT;
    CREATE INDEX outbox_by_due ON outbox (webhook, due_utc_ns, number);
    CREATE INDEX outbox_by_number ON outbox (webhook, number);
",
];

/// Sets the connection's behaviour. Nothing is written to a file that is not ours.
pub(crate) fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection
        .execute_batch(
            "PRAGMA busy_timeout = 5000;
             PRAGMA trusted_schema = OFF;
             PRAGMA cell_size_check = ON;
             PRAGMA foreign_keys = ON;
             PRAGMA secure_delete = ON;
             PRAGMA synchronous = FULL;",
        )
        .map_err(StoreError::database("configure the control database"))
}

/// Brings the file to this build's schema. A new file also gets `key_check`, in the same transaction.
pub(crate) fn migrate(
    connection: &mut Connection,
    path: &Path,
    key_check: &[u8; 32],
) -> Result<(), StoreError> {
    let failed = || StoreError::database("bring the control database up to date");
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    refuse_foreign(connection, path)?;
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .map_err(failed())?;
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed())?;
    let found = number(&transaction, "user_version")?;
    if found > known {
        return Err(StoreError::NewerSchema {
            path: path.to_owned(),
            found,
            known,
        });
    }
    if found == known {
        return Ok(());
    }
    let done = usize::try_from(found).map_err(|_| StoreError::NotOurs {
        path: path.to_owned(),
    })?;
    for migration in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(migration).map_err(failed())?;
    }
    if done == 0 {
        transaction
            .execute(
                "INSERT INTO meta (name, value) VALUES ('key_check', ?1)",
                [key_check],
            )
            .map_err(failed())?;
    }
    transaction
        .pragma_update(None, "application_id", APPLICATION_ID)
        .map_err(failed())?;
    transaction
        .pragma_update(None, "user_version", known)
        .map_err(failed())?;
    transaction.commit().map_err(failed())
}

/// A file is ours when its header says so, or when there is nothing in it.
fn refuse_foreign(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(StoreError::database("read the control database"))?;
    if tables > 0 && number(connection, "application_id")? != APPLICATION_ID {
        return Err(StoreError::NotOurs {
            path: path.to_owned(),
        });
    }
    Ok(())
}

fn number(connection: &Connection, pragma: &str) -> Result<i64, StoreError> {
    connection
        .pragma_query_value(None, pragma, |row| row.get(0))
        .map_err(StoreError::database("read the control database's header"))
}
