//! Metadata of SAML identity providers as it was last fetched, so that a provider that is away keeps nobody out.

use rusqlite::{OptionalExtension, params};

use crate::database::Store;
use crate::error::StoreError;
use crate::seal::Place;

impl Store {
    /// The document that was last kept for a provider of the configuration. Whoever could write it would decide who
    /// signs in, so it is sealed.
    pub fn saml_metadata(&self, provider: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let sealed: Option<Vec<u8>> = self
            .reading()
            .query_row(
                "SELECT document FROM saml_metadata WHERE provider = ?1",
                [provider],
                |row| row.get(0),
            )
            .optional()
            .map_err(StoreError::database("read metadata of a provider"))?;
        sealed
            .map(|sealed| {
                let clear = self.sealer().open(place(provider), &sealed)?;
                Ok(clear.to_vec())
            })
            .transpose()
    }

    /// Keeps a provider's document in place of the one before.
    pub fn put_saml_metadata(
        &self,
        provider: &str,
        document: &[u8],
        random: impl Fn(&mut [u8]),
    ) -> Result<(), StoreError> {
        let sealed = self.sealer().seal(place(provider), document, random)?;
        self.connection()
            .execute(
                "INSERT INTO saml_metadata (provider, document) VALUES (?1, ?2)
                 ON CONFLICT (provider) DO UPDATE SET document = excluded.document",
                params![provider, sealed],
            )
            .map_err(StoreError::database("keep metadata of a provider"))?;
        Ok(())
    }
}

fn place(provider: &str) -> Place<'_> {
    Place {
        table: "saml_metadata",
        row: provider,
        column: "document",
        bound: b"",
    }
}
