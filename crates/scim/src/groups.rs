//! The endpoint /Groups.

use std::collections::BTreeSet;

use crate::document::{GroupDocument, ListDocument, group_location};
use crate::error::Failure;
use crate::filter::{Filter, GroupTerm};
use crate::group::{Draft, SCHEMA};
use crate::patch::{operations, schemas};
use crate::provider::{Answer, Call, Outcome};
use crate::value::wrong;
use crate::{
    Change, Directory, Group, MAX_GROUP_MEMBERS, MAX_MEMBERS_LISTED, Page, Response, ScimError,
    json,
};

impl<D: Directory> Call<'_, D> {
    pub(crate) fn list_groups(&self) -> Outcome<D> {
        let page = self.query.page()?;
        let filter = self.query.filter::<GroupTerm>()?;
        let found = self.directory.groups(filter.as_ref(), page);
        let found = found.map_err(Failure::Directory)?;
        let projection = self.query.projection(SCHEMA);
        let mut members = Vec::with_capacity(found.resources.len());
        let mut listed = 0;
        for group in &found.resources {
            let of_group = if projection.keeps("members") {
                Some(self.members(&group.id)?)
            } else {
                None
            };
            listed += of_group.as_ref().map_or(0, BTreeSet::len);
            if listed > MAX_MEMBERS_LISTED {
                return Err(ScimError::TooMany.into());
            }
            members.push(of_group);
        }
        let mut documents = Vec::with_capacity(members.len());
        for (group, members) in found.resources.iter().zip(&members) {
            let members = members.as_ref().map(BTreeSet::iter);
            let document = GroupDocument::new(group, members, self.base_url, &projection);
            documents.push(document);
        }
        let list = ListDocument::new(found.total, page, documents);
        Ok(Answer::unchanged(Response::document(200, &list)))
    }

    pub(crate) fn read_group(&self, id: &str) -> Outcome<D> {
        let group = self.group(id)?;
        let members = if self.query.projection(SCHEMA).keeps("members") {
            self.members(id)?
        } else {
            BTreeSet::new()
        };
        let response = self.group_response(200, &Draft::new(group, members));
        Ok(Answer::unchanged(response))
    }

    pub(crate) fn create_group(&self) -> Outcome<D> {
        let body = json::object(self.request.body)?;
        schemas(&body, SCHEMA)?;
        let group = Group {
            id: self.request.new_id(),
            external_id: None,
            display_name: String::new(),
            created: self.request.now,
            last_modified: self.request.now,
        };
        let mut draft = Draft::new(group, []);
        draft.replace(&body)?;
        self.only_group(&draft.group)?;
        let mut changes = vec![Change::GroupCreated(draft.group.clone())];
        self.member_changes(&BTreeSet::new(), &draft, &mut changes)?;
        let response = Response {
            location: Some(group_location(self.base_url, &draft.group.id)),
            ..self.group_response(201, &draft)
        };
        Ok(Answer { response, changes })
    }

    pub(crate) fn replace_group(&self, id: &str) -> Outcome<D> {
        let body = json::object(self.request.body)?;
        schemas(&body, SCHEMA)?;
        let before = self.group(id)?;
        let members = self.members(id)?;
        let mut draft = Draft::new(before.clone(), members.iter().cloned());
        draft.replace(&body)?;
        let changes = self.update_group(before, &members, &mut draft)?;
        Ok(Answer {
            response: self.group_response(200, &draft),
            changes,
        })
    }

    /// Answers without a body, as Entra ID asks for: the group may be large. A request that names the attributes that
    /// it wants gets them (RFC 7644 section 3.5.2).
    pub(crate) fn patch_group(&self, id: &str) -> Outcome<D> {
        let operations = operations(&json::object(self.request.body)?)?;
        let before = self.group(id)?;
        let members = self.members(id)?;
        let mut draft = Draft::new(before.clone(), members.iter().cloned());
        draft.patch(&operations)?;
        let changes = self.update_group(before, &members, &mut draft)?;
        let response = if self.query.projection(SCHEMA).is_explicit() {
            self.group_response(200, &draft)
        } else {
            Response::no_content()
        };
        Ok(Answer { response, changes })
    }

    pub(crate) fn delete_group(&self, id: &str) -> Outcome<D> {
        let group = self.group(id)?;
        let gone = |user_id| Change::MemberRemoved {
            group_id: group.id.clone(),
            user_id,
        };
        let mut changes: Vec<Change> = self.members(id)?.into_iter().map(gone).collect();
        changes.push(Change::GroupDeleted(group));
        Ok(Answer {
            response: Response::no_content(),
            changes,
        })
    }

    /// What is different from before; the draft gets its new time.
    fn update_group(
        &self,
        before: Group,
        members: &BTreeSet<String>,
        draft: &mut Draft,
    ) -> Result<Vec<Change>, Failure<D::Error>> {
        if draft.group == before && draft.members == *members {
            return Ok(Vec::new());
        }
        self.only_group(&draft.group)?;
        draft.group.last_modified = self.request.now;
        let after = draft.group.clone();
        let mut changes = vec![Change::GroupUpdated { before, after }];
        self.member_changes(members, draft, &mut changes)?;
        Ok(changes)
    }

    /// Removals first. Who is added has to be a user of this directory.
    fn member_changes(
        &self,
        before: &BTreeSet<String>,
        draft: &Draft,
        changes: &mut Vec<Change>,
    ) -> Result<(), Failure<D::Error>> {
        if draft.members.len() > MAX_GROUP_MEMBERS {
            return Err(ScimError::GroupFull.into());
        }
        for user_id in before.difference(&draft.members) {
            changes.push(Change::MemberRemoved {
                group_id: draft.group.id.clone(),
                user_id: user_id.clone(),
            });
        }
        for user_id in draft.members.difference(before) {
            let user = self.directory.user(user_id).map_err(Failure::Directory)?;
            if user.is_none() {
                return Err(wrong("members", "names a user who does not exist").into());
            }
            changes.push(Change::MemberAdded {
                group_id: draft.group.id.clone(),
                user_id: user_id.clone(),
            });
        }
        Ok(())
    }

    fn group(&self, id: &str) -> Result<Group, Failure<D::Error>> {
        let group = self.directory.group(id).map_err(Failure::Directory)?;
        group.ok_or(Failure::Refused(ScimError::NotFound))
    }

    fn members(&self, id: &str) -> Result<BTreeSet<String>, Failure<D::Error>> {
        let members = self.directory.members(id).map_err(Failure::Directory)?;
        Ok(members.into_iter().collect())
    }

    fn group_response(&self, status: u16, draft: &Draft) -> Response {
        let projection = self.query.projection(SCHEMA);
        let members = projection.keeps("members").then(|| draft.members.iter());
        let document = GroupDocument::new(&draft.group, members, self.base_url, &projection);
        Response::document(status, &document)
    }

    /// Refuses a group whose name or key another one has: policy speaks of groups by their names.
    fn only_group(&self, group: &Group) -> Result<(), Failure<D::Error>> {
        let name = Some(GroupTerm::DisplayName(group.display_name.clone()));
        let key = group.external_id.clone().map(GroupTerm::ExternalId);
        for (attribute, term) in [("displayName", name), ("externalId", key)] {
            let Some(term) = term else { continue };
            let first = Page {
                offset: 0,
                limit: 2,
            };
            let found = self.directory.groups(Some(&Filter::Is(term)), first);
            let found = found.map_err(Failure::Directory)?;
            if found.resources.iter().any(|other| other.id != group.id) {
                return Err(ScimError::Uniqueness(attribute).into());
            }
        }
        Ok(())
    }
}
