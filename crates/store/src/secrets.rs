//! Small named secrets of the node itself.

use custos_model::Secret;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::database::Store;
use crate::error::StoreError;
use crate::resources::secret_text;
use crate::seal::Place;

impl Store {
    /// The secret of that name.
    pub fn secret(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        check_name(name)?;
        let sealed = read(&self.reading(), name)?;
        sealed
            .map(|sealed| self.open_secret(name, &sealed))
            .transpose()
    }

    /// Sets the secret of that name, whether it was there or not.
    pub fn put_secret(
        &self,
        name: &str,
        secret: &Secret,
        random: impl Fn(&mut [u8]),
    ) -> Result<(), StoreError> {
        check_name(name)?;
        let sealed = self
            .sealer()
            .seal(place(name), secret.expose().as_bytes(), random)?;
        write(&self.connection(), name, &sealed)
    }

    /// Forgets the secret of that name; tells whether there was one.
    pub fn delete_secret(&self, name: &str) -> Result<bool, StoreError> {
        check_name(name)?;
        let deleted = self
            .connection()
            .execute("DELETE FROM secrets WHERE name = ?1", [name])
            .map_err(StoreError::database("delete a secret"))?;
        Ok(deleted > 0)
    }

    /// The secret of that name; where there is none, `make` makes it. All callers get the same one.
    pub fn secret_or_create(
        &self,
        name: &str,
        make: impl FnOnce() -> Secret,
        random: impl Fn(&mut [u8]),
    ) -> Result<Secret, StoreError> {
        check_name(name)?;
        let failed = || StoreError::database("make a secret");
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed())?;
        if let Some(sealed) = read(&transaction, name)? {
            return self.open_secret(name, &sealed);
        }
        let secret = make();
        let sealed = self
            .sealer()
            .seal(place(name), secret.expose().as_bytes(), random)?;
        write(&transaction, name, &sealed)?;
        transaction.commit().map_err(failed())?;
        Ok(secret)
    }

    fn open_secret(&self, name: &str, sealed: &[u8]) -> Result<Secret, StoreError> {
        let clear = self.sealer().open(place(name), sealed)?;
        secret_text(&clear).ok_or_else(|| StoreError::Damaged {
            what: format!("secret {name}"),
        })
    }
}

fn read(connection: &Connection, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    connection
        .query_row("SELECT value FROM secrets WHERE name = ?1", [name], |row| {
            row.get(0)
        })
        .optional()
        .map_err(StoreError::database("read a secret"))
}

fn write(connection: &Connection, name: &str, sealed: &[u8]) -> Result<(), StoreError> {
    connection
        .execute(
            "INSERT INTO secrets (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            params![name, sealed],
        )
        .map_err(StoreError::database("write a secret"))?;
    Ok(())
}

fn place(name: &str) -> Place<'_> {
    Place {
        table: "secrets",
        row: name,
        column: "value",
        bound: b"",
    }
}

fn check_name(name: &str) -> Result<(), StoreError> {
    let valid = (1..=64).contains(&name.len())
        && name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte)
        });
    if valid {
        Ok(())
    } else {
        Err(StoreError::SecretName(name.to_owned()))
    }
}
