//! Resources and their upstream passwords.

use custos_model::{ResourceName, Secret};
use rusqlite::{OptionalExtension, params};
use zeroize::Zeroizing;

use crate::database::Store;
use crate::error::StoreError;
use crate::resource::Resource;
use crate::seal::Place;

impl Store {
    /// Adds a resource with the password of its account. The password is sealed to this very definition: with another
    /// host, account or TLS mode written into the file, it does not open.
    pub fn add_resource(
        &self,
        resource: &Resource,
        password: &Secret,
        random: impl Fn(&mut [u8]),
    ) -> Result<(), StoreError> {
        let name = &resource.name;
        resource
            .check()
            .map_err(|source| StoreError::ResourceInvalid {
                name: name.clone(),
                source,
            })?;
        let definition = serde_json::to_string(resource).map_err(|source| StoreError::Encode {
            what: format!("resource {name}"),
            source,
        })?;
        let place = password_place(name.as_str(), &definition);
        let sealed = self
            .sealer()
            .seal(place, password.expose().as_bytes(), random)?;
        let added = self
            .connection()
            .execute(
                "INSERT INTO resources (name, definition, password) VALUES (?1, ?2, ?3)
                 ON CONFLICT (name) DO NOTHING",
                params![name.as_str(), definition, sealed],
            )
            .map_err(StoreError::database("add a resource"))?;
        if added == 0 {
            Err(StoreError::ResourceExists(name.clone()))
        } else {
            Ok(())
        }
    }

    /// Removes a resource and its password; tells whether there was one.
    pub fn remove_resource(&self, name: &ResourceName) -> Result<bool, StoreError> {
        self.connection()
            .execute("DELETE FROM resources WHERE name = ?1", [name.as_str()])
            .map(|removed| removed > 0)
            .map_err(StoreError::database("remove a resource"))
    }

    /// The resource of that name.
    pub fn resource(&self, name: &ResourceName) -> Result<Option<Resource>, StoreError> {
        Ok(self
            .resource_with_password(name)?
            .map(|(resource, _)| resource))
    }

    /// The resource of that name and the password of its account, from one moment.
    pub fn resource_with_password(
        &self,
        name: &ResourceName,
    ) -> Result<Option<(Resource, Secret)>, StoreError> {
        let row = self
            .reading()
            .query_row(
                "SELECT name, definition, password FROM resources WHERE name = ?1",
                [name.as_str()],
                read_row,
            )
            .optional()
            .map_err(StoreError::database("read a resource"))?;
        row.map(|row| self.open_row(&row)).transpose()
    }

    /// All resources, by name.
    pub fn resources(&self) -> Result<Vec<Resource>, StoreError> {
        let rows = self
            .resource_rows()
            .map_err(StoreError::database("list the resources"))?;
        rows.iter()
            .map(|row| self.open_row(row).map(|(resource, _)| resource))
            .collect()
    }

    /// The password of the resource's account.
    pub fn upstream_password(&self, name: &ResourceName) -> Result<Secret, StoreError> {
        let (_, password) = self
            .resource_with_password(name)?
            .ok_or_else(|| StoreError::ResourceUnknown(name.clone()))?;
        Ok(password)
    }

    /// The password of the resource's account, provided that the resource is still defined as given. A resource that was
    /// removed and added again under the same name may be another server, which the old one's address must not learn
    /// the password of.
    pub fn upstream_password_for(&self, resource: &Resource) -> Result<Secret, StoreError> {
        let name = &resource.name;
        match self.resource_with_password(name)? {
            Some((stored, password)) if stored == *resource => Ok(password),
            Some(_) => Err(StoreError::ResourceChanged(name.clone())),
            None => Err(StoreError::ResourceUnknown(name.clone())),
        }
    }

    fn resource_rows(&self) -> rusqlite::Result<Vec<Row>> {
        let connection = self.reading();
        let mut statement =
            connection.prepare("SELECT name, definition, password FROM resources ORDER BY name")?;
        statement.query_map([], read_row)?.collect()
    }

    /// Opens the password always, even where only the definition is wanted: this is what shows that the definition is
    /// the one that was added.
    fn open_row(&self, row: &Row) -> Result<(Resource, Secret), StoreError> {
        let damaged = || StoreError::Damaged {
            what: format!("resource {}", row.name),
        };
        let clear = self
            .sealer()
            .open(password_place(&row.name, &row.definition), &row.password)?;
        let resource: Resource = serde_json::from_str(&row.definition).map_err(|_| damaged())?;
        let password = secret_text(&clear).ok_or_else(damaged)?;
        Ok((resource, password))
    }
}

struct Row {
    name: String,
    definition: String,
    password: Vec<u8>,
}

fn read_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        name: row.get(0)?,
        definition: row.get(1)?,
        password: row.get(2)?,
    })
}

fn password_place<'a>(name: &'a str, definition: &'a str) -> Place<'a> {
    Place {
        table: "resources",
        row: name,
        column: "password",
        bound: definition.as_bytes(),
    }
}

/// The opened bytes as text, without leaving a copy behind.
pub(crate) fn secret_text(clear: &Zeroizing<Vec<u8>>) -> Option<Secret> {
    std::str::from_utf8(clear)
        .ok()
        .map(|text| Secret::new(text.to_owned()))
}
