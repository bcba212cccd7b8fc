//! The endpoint /Users.

use crate::document::{ListDocument, UserDocument, user_location};
use crate::error::Failure;
use crate::filter::{Filter, GroupTerm, UserTerm};
use crate::patch::{operations, schemas};
use crate::provider::{Answer, Call, Outcome};
use crate::user::SCHEMA;
use crate::{Change, Directory, MAX_PAGE, Page, Response, ScimError, User, json};

impl<D: Directory> Call<'_, D> {
    pub(crate) fn list_users(&self) -> Outcome<D> {
        let page = self.query.page()?;
        let filter = self.query.filter::<UserTerm>()?;
        let found = self.directory.users(filter.as_ref(), page);
        let found = found.map_err(Failure::Directory)?;
        let projection = self.query.projection(SCHEMA);
        let document = |user| UserDocument::new(user, self.base_url, &projection);
        let resources = found.resources.iter().map(document).collect();
        let list = ListDocument::new(found.total, page, resources);
        Ok(Answer::unchanged(Response::document(200, &list)))
    }

    pub(crate) fn read_user(&self, id: &str) -> Outcome<D> {
        let user = self.user(id)?;
        Ok(Answer::unchanged(self.user_response(200, &user)))
    }

    pub(crate) fn create_user(&self) -> Outcome<D> {
        let body = json::object(self.request.body)?;
        schemas(&body, SCHEMA)?;
        let mut user = User::new(self.request.new_id(), self.request.now);
        user.replace(&body)?;
        self.only_user(&user)?;
        let response = Response {
            location: Some(user_location(self.base_url, &user.id)),
            ..self.user_response(201, &user)
        };
        Ok(Answer {
            response,
            changes: vec![Change::UserCreated(user)],
        })
    }

    pub(crate) fn replace_user(&self, id: &str) -> Outcome<D> {
        let body = json::object(self.request.body)?;
        schemas(&body, SCHEMA)?;
        let before = self.user(id)?;
        let mut after = before.clone();
        after.replace(&body)?;
        self.update_user(before, after)
    }

    pub(crate) fn patch_user(&self, id: &str) -> Outcome<D> {
        let operations = operations(&json::object(self.request.body)?)?;
        let before = self.user(id)?;
        let mut after = before.clone();
        after.patch(&operations)?;
        self.update_user(before, after)
    }

    pub(crate) fn delete_user(&self, id: &str) -> Outcome<D> {
        let user = self.user(id)?;
        let mut changes = Vec::new();
        for group_id in self.groups_of(id)? {
            changes.push(Change::MemberRemoved {
                group_id,
                user_id: user.id.clone(),
            });
        }
        changes.push(Change::UserDeleted(user));
        Ok(Answer {
            response: Response::no_content(),
            changes,
        })
    }

    fn update_user(&self, before: User, mut after: User) -> Outcome<D> {
        let mut changes = Vec::new();
        if after != before {
            self.only_user(&after)?;
            after.last_modified = self.request.now;
            let user_id = after.id.clone();
            let switched = match (before.active, after.active) {
                (false, true) => Some(Change::UserActivated { user_id }),
                (true, false) => Some(Change::UserDeactivated { user_id }),
                _ => None,
            };
            changes.push(Change::UserUpdated {
                before: Box::new(before),
                after: Box::new(after.clone()),
            });
            changes.extend(switched);
        }
        Ok(Answer {
            response: self.user_response(200, &after),
            changes,
        })
    }

    fn user(&self, id: &str) -> Result<User, Failure<D::Error>> {
        let user = self.directory.user(id).map_err(Failure::Directory)?;
        user.ok_or(Failure::Refused(ScimError::NotFound))
    }

    fn user_response(&self, status: u16, user: &User) -> Response {
        let projection = self.query.projection(SCHEMA);
        Response::document(status, &UserDocument::new(user, self.base_url, &projection))
    }

    /// Refuses a user whose name or key another one has.
    fn only_user(&self, user: &User) -> Result<(), Failure<D::Error>> {
        let name = Some(UserTerm::UserName(user.user_name.clone()));
        let key = user.external_id.clone().map(UserTerm::ExternalId);
        for (attribute, term) in [("userName", name), ("externalId", key)] {
            let Some(term) = term else { continue };
            let first = Page {
                offset: 0,
                limit: 2,
            };
            let found = self.directory.users(Some(&Filter::Is(term)), first);
            let found = found.map_err(Failure::Directory)?;
            if found.resources.iter().any(|other| other.id != user.id) {
                return Err(ScimError::Uniqueness(attribute).into());
            }
        }
        Ok(())
    }

    fn groups_of(&self, user_id: &str) -> Result<Vec<String>, Failure<D::Error>> {
        let filter = Filter::Is(GroupTerm::Member(user_id.to_owned()));
        let mut ids = Vec::new();
        loop {
            let page = Page {
                offset: ids.len() as u64,
                limit: MAX_PAGE,
            };
            let found = self.directory.groups(Some(&filter), page);
            let found = found.map_err(Failure::Directory)?;
            if found.resources.is_empty() {
                return Ok(ids);
            }
            ids.extend(found.resources.into_iter().map(|group| group.id));
        }
    }
}
