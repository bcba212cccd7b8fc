//! What a request changed.

use crate::{Group, User};

/// One change. Stored in their order, the changes of a request lead to what its answer shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new user, who may be inactive from the start.
    UserCreated(User),
    /// Kept attributes of a user are other ones; `before` and `after` are the whole user, `active` included.
    UserUpdated {
        /// As it was.
        before: Box<User>,
        /// As it is now.
        after: Box<User>,
    },
    /// A user became active. Comes behind the `UserUpdated` that stores it.
    UserActivated {
        /// The user's id.
        user_id: String,
    },
    /// A user became inactive: live sessions end. Comes behind the `UserUpdated` that stores it.
    UserDeactivated {
        /// The user's id.
        user_id: String,
    },
    /// A user is gone: live sessions end. Comes behind a `MemberRemoved` for each group that the user was in.
    UserDeleted(User),
    /// A new group. Its members follow as `MemberAdded`.
    GroupCreated(Group),
    /// A group's attributes or members are other ones; with other members alone, only `last_modified` differs.
    GroupUpdated {
        /// As it was.
        before: Group,
        /// As it is now.
        after: Group,
    },
    /// A group is gone. Comes behind a `MemberRemoved` for each member.
    GroupDeleted(Group),
    /// A user is in a group now.
    MemberAdded {
        /// The group's id.
        group_id: String,
        /// The user's id.
        user_id: String,
    },
    /// A user is not in a group any more.
    MemberRemoved {
        /// The group's id.
        group_id: String,
        /// The user's id.
        user_id: String,
    },
}

impl Change {
    /// The id of the user who may not do anything from now on.
    pub fn ends_access_of(&self) -> Option<&str> {
        match self {
            Self::UserDeactivated { user_id } => Some(user_id),
            Self::UserDeleted(user) => Some(&user.id),
            _ => None,
        }
    }
}
