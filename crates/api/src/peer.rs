//! Who is calling, as the kernel says.

use custos_model::{Principal, PrincipalKind};

/// The process at the other end of the admin socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    uid: u32,
    name: String,
}

impl Peer {
    /// A caller by its user id. `passwd`: the text of the user database (passwd(5)), for its name.
    pub fn new(uid: u32, passwd: &str) -> Self {
        let name = name_of(uid, passwd).map_or_else(|| uid.to_string(), str::to_owned);
        Self { uid, name }
    }

    /// The user id.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// Whether it may use the admin socket of a gateway that runs as `own_uid`.
    pub(crate) fn may_call(&self, own_uid: u32) -> bool {
        self.uid == 0 || self.uid == own_uid
    }

    /// As it stands in records.
    pub(crate) fn actor(&self) -> Principal {
        Principal {
            issuer: "local".to_owned(),
            subject: self.uid.to_string(),
            name: self.name.clone(),
            kind: PrincipalKind::Operator,
            groups: Vec::new(),
            on_behalf_of: Vec::new(),
        }
    }
}

impl std::fmt::Display for Peer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} (uid {})", self.name, self.uid)
    }
}

fn name_of(uid: u32, passwd: &str) -> Option<&str> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let found: u32 = fields.nth(1)?.parse().ok()?;
        (found == uid && !name.is_empty() && name.len() <= 63).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::Peer;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/bash\nbroken\ncustos:x:990:990::/:/bin/false\n";

    #[test]
    fn callers_have_names_where_the_host_knows_them() {
        assert_eq!(Peer::new(0, PASSWD).to_string(), "root (uid 0)");
        assert_eq!(Peer::new(990, PASSWD).actor().name, "custos");
        assert_eq!(Peer::new(7, PASSWD).actor().name, "7");
    }

    #[test]
    fn root_and_the_own_user_may_call() {
        assert!(Peer::new(0, "").may_call(990));
        assert!(Peer::new(990, "").may_call(990));
        assert!(!Peer::new(991, "").may_call(990));
        assert!(!Peer::new(990, "").may_call(0));
    }
}
