//! Documents that others write and read whole, by their id: what approvers were asked, and with which keys they sign.

use std::sync::MutexGuard;

use rusqlite::{Connection, params};

use crate::database::Store;
use crate::error::StoreError;
use crate::seal::Place;

/// Where a document is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// Operations that wait. They are kept over a crash, though perhaps not over a loss of power, so that nobody waits for
    /// the disk.
    Held,
    /// Requests for rights, and rights.
    Requests,
    /// Keys of approvers.
    ApproverKeys,
}

impl Shelf {
    fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Requests => "requests",
            Self::ApproverKeys => "approver_keys",
        }
    }

    fn place(self, id: &str) -> Place<'_> {
        Place {
            table: "kept",
            row: id,
            column: self.as_str(),
            bound: b"",
        }
    }
}

impl Store {
    fn shelf(&self, shelf: Shelf) -> MutexGuard<'_, Connection> {
        match shelf {
            Shelf::Held => self.hasty(),
            Shelf::Requests | Shelf::ApproverKeys => self.connection(),
        }
    }

    /// Keeps a document, in place of the one of this id before. It is on disk when this returns ([`Shelf::Held`]: with the
    /// operating system), and sealed to its id.
    pub fn keep(
        &self,
        shelf: Shelf,
        id: &str,
        body: &[u8],
        random: impl Fn(&mut [u8]),
    ) -> Result<(), StoreError> {
        let sealed = self.sealer().seal(shelf.place(id), body, random)?;
        self.shelf(shelf)
            .execute(
                "INSERT INTO kept (shelf, id, body) VALUES (?1, ?2, ?3)
                 ON CONFLICT (shelf, id) DO UPDATE SET body = excluded.body",
                params![shelf.as_str(), id, sealed],
            )
            .map(drop)
            .map_err(StoreError::database("keep a document"))
    }

    /// Deletes a document; tells whether there was one.
    pub fn discard(&self, shelf: Shelf, id: &str) -> Result<bool, StoreError> {
        self.shelf(shelf)
            .execute(
                "DELETE FROM kept WHERE shelf = ?1 AND id = ?2",
                params![shelf.as_str(), id],
            )
            .map(|deleted| deleted > 0)
            .map_err(StoreError::database("discard a document"))
    }

    /// All documents of a shelf with their ids, by id.
    pub fn kept(&self, shelf: Shelf) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let failed = || StoreError::database("list documents");
        let rows: Vec<(String, Vec<u8>)> = {
            let connection = self.reading();
            let mut statement = connection
                .prepare_cached("SELECT id, body FROM kept WHERE shelf = ?1 ORDER BY id")
                .map_err(failed())?;
            let rows = statement.query_map([shelf.as_str()], |row| Ok((row.get(0)?, row.get(1)?)));
            rows.and_then(Iterator::collect).map_err(failed())?
        };
        rows.into_iter()
            .map(|(id, sealed)| {
                let body = self.sealer().open(shelf.place(&id), &sealed)?.to_vec();
                Ok((id, body))
            })
            .collect()
    }
}
