//! Which algorithms a connection uses (RFC 4253 section 7.1).

use crate::cipher::{Cipher, Mac};
use crate::encoding::{Put as _, Reader, names};
use crate::error::{Broken, WireError, malformed};
use crate::kex::Kex;
use crate::message::number;
use crate::transport::Role;

/// Strict key exchange (OpenSSH PROTOCOL section 1.10), as each side says that it knows it.
const STRICT: [(Role, &str); 2] = [
    (Role::Client, "kex-strict-c-v00@openssh.com"),
    (Role::Server, "kex-strict-s-v00@openssh.com"),
];
/// The peer takes SSH_MSG_EXT_INFO (RFC 8308 section 2.1).
const EXTENSIONS: [(Role, &str); 2] = [(Role::Client, "ext-info-c"), (Role::Server, "ext-info-s")];

fn of_role(names: [(Role, &'static str); 2], role: Role) -> &'static str {
    let [(client, of_client), (_, of_server)] = names;
    if role == client { of_client } else { of_server }
}

/// What one side offers, the preferred ones first.
#[derive(Clone, Debug)]
pub struct Algorithms {
    /// Methods of key exchange.
    pub kex: Vec<Kex>,
    /// Ciphers, the same for both directions.
    pub ciphers: Vec<Cipher>,
    /// Codes, for the ciphers that have none.
    pub macs: Vec<Mac>,
}

impl Default for Algorithms {
    fn default() -> Self {
        Self {
            kex: Kex::ALL.to_vec(),
            ciphers: Cipher::ALL.to_vec(),
            macs: Mac::ALL.to_vec(),
        }
    }
}

impl Algorithms {
    /// What is left for a client whose KEXINIT is there: of ciphers AES-GCM alone, if it knows that both ways. Its own order
    /// counts otherwise, in which OpenSSH puts those first that are fast without instructions for AES, which today's
    /// processors have. `None`: nothing changes.
    pub(crate) fn narrowed(&self, theirs: &[u8]) -> Result<Option<Self>, WireError> {
        let theirs = Init::decode(theirs)?;
        let mut ciphers = Vec::new();
        for cipher in &self.ciphers {
            let mut is_known = matches!(cipher, Cipher::Aes128Gcm | Cipher::Aes256Gcm);
            for list in theirs.ciphers {
                is_known &= names(list)?.any(|name| name == cipher.name());
            }
            if is_known {
                ciphers.push(*cipher);
            }
        }
        Ok((!ciphers.is_empty()).then(|| Self {
            ciphers,
            ..self.clone()
        }))
    }

    /// The KEXINIT message. `host_keys`: names of algorithms of host keys. `is_first`: it is the first of its connection.
    pub(crate) fn init(
        &self,
        role: Role,
        host_keys: &[&str],
        cookie: [u8; 16],
        is_first: bool,
    ) -> Vec<u8> {
        let mut kex: Vec<&str> = self
            .kex
            .iter()
            .flat_map(|kex| kex.names())
            .copied()
            .collect();
        if is_first {
            // A server is told extensions only by clients, which is all that is wanted of either.
            if role == Role::Client {
                kex.push(of_role(EXTENSIONS, role));
            }
            kex.push(of_role(STRICT, role));
        }
        let ciphers: Vec<&str> = self.ciphers.iter().map(|cipher| cipher.name()).collect();
        let macs: Vec<&str> = self.macs.iter().map(|mac| mac.name()).collect();
        let mut out = Vec::with_capacity(1024);
        out.byte(number::KEXINIT).raw(&cookie);
        let lists = [
            &kex,
            host_keys,
            &ciphers,
            &ciphers,
            &macs,
            &macs,
            &["none"][..],
            &["none"],
            &[],
            &[],
        ];
        for list in lists {
            out.string(list.join(","));
        }
        out.boolean(false).uint32(0);
        out
    }
}

/// What both sides use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// Method of key exchange.
    pub kex: Kex,
    /// Algorithm of the host key.
    pub host_key: String,
    /// Cipher of what the client sends.
    pub client_cipher: Cipher,
    /// Cipher of what the server sends.
    pub server_cipher: Cipher,
    /// Code of what the client sends, where its cipher needs one.
    pub client_mac: Option<Mac>,
    /// Code of what the server sends.
    pub server_mac: Option<Mac>,
    /// Packets are numbered anew with each exchange, and nothing else comes between.
    pub(crate) strict: bool,
    /// The peer takes SSH_MSG_EXT_INFO.
    pub(crate) extensions: bool,
    /// A message of a guessed method follows, which is to be ignored.
    pub(crate) ignores_next: bool,
}

/// The lists of a KEXINIT.
struct Init<'a> {
    kex: &'a [u8],
    host_keys: &'a [u8],
    ciphers: [&'a [u8]; 2],
    macs: [&'a [u8]; 2],
    compressions: [&'a [u8]; 2],
    guesses: bool,
}

impl<'a> Init<'a> {
    fn decode(payload: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(payload);
        reader.byte()?;
        reader.bytes(16)?;
        let init = Self {
            kex: reader.string()?,
            host_keys: reader.string()?,
            ciphers: [reader.string()?, reader.string()?],
            macs: [reader.string()?, reader.string()?],
            compressions: [reader.string()?, reader.string()?],
            guesses: {
                reader.string()?;
                reader.string()?;
                reader.boolean()?
            },
        };
        reader.uint32()?;
        reader.end()?;
        Ok(init)
    }
}

/// Agrees on algorithms. `role` is ours; `strict` is known already when keys are exchanged again.
pub(crate) fn negotiate(
    role: Role,
    ours: &[u8],
    theirs: &[u8],
    strict: Option<bool>,
) -> Result<Negotiated, Broken> {
    let bad = malformed("KEXINIT");
    let (ours, theirs) = match (Init::decode(ours), Init::decode(theirs)) {
        (Ok(ours), Ok(theirs)) => (ours, theirs),
        (Err(error), _) | (_, Err(error)) => return Err(bad(error)),
    };
    let (client, server) = match role {
        Role::Client => (&ours, &theirs),
        Role::Server => (&theirs, &ours),
    };
    let peer = role.peer();
    let common = |what, client: &[u8], server: &[u8]| {
        let chosen = first_common(client, server).map_err(malformed("KEXINIT"))?;
        chosen.ok_or_else(|| Broken::NothingInCommon {
            what,
            offered: shown(if peer == Role::Client { client } else { server }),
        })
    };
    let kex_name = common("key exchange method", client.kex, server.kex)?;
    let kex = Kex::named(&kex_name).ok_or(Broken::KeyExchange)?;
    let host_key = common("host key algorithm", client.host_keys, server.host_keys)?;
    let mut ciphers = Vec::with_capacity(2);
    let mut macs = Vec::with_capacity(2);
    for (((client_cipher, server_cipher), client_mac), server_mac) in client
        .ciphers
        .iter()
        .zip(server.ciphers)
        .zip(client.macs)
        .zip(server.macs)
    {
        let cipher = common("cipher", client_cipher, server_cipher)?;
        let cipher = Cipher::named(&cipher).ok_or(Broken::KeyExchange)?;
        let mac = if cipher.needs_mac() {
            let mac = common("integrity code", client_mac, server_mac)?;
            Some(Mac::named(&mac).ok_or(Broken::KeyExchange)?)
        } else {
            None
        };
        ciphers.push(cipher);
        macs.push(mac);
    }
    for (client, server) in client.compressions.iter().zip(server.compressions) {
        common("compression", client, server)?;
    }
    let (&[client_cipher, server_cipher], &[client_mac, server_mac]) =
        (ciphers.as_slice(), macs.as_slice())
    else {
        return Err(Broken::KeyExchange);
    };
    let says = |name| {
        let mut offered = names(theirs.kex).map_err(malformed("KEXINIT"))?;
        Ok(offered.any(|offered| offered == name))
    };
    let strict = match strict {
        Some(strict) => strict,
        None => says(of_role(STRICT, peer))?,
    };
    let negotiated = Negotiated {
        kex,
        client_cipher,
        server_cipher,
        client_mac,
        server_mac,
        strict,
        extensions: says(of_role(EXTENSIONS, peer))?,
        // Right is a guess only where both sides prefer the same (RFC 4253 section 7).
        ignores_next: theirs.guesses
            && (first(theirs.kex) != first(ours.kex)
                || first(theirs.host_keys) != first(ours.host_keys)),
        host_key,
    };
    negotiated.is_safe()?;
    Ok(negotiated)
}

impl Negotiated {
    /// Without strict key exchange messages can be taken from the beginning of a connection unseen, under these ciphers
    /// (CVE-2023-48795).
    fn is_safe(&self) -> Result<(), Broken> {
        if self.strict {
            return Ok(());
        }
        let ciphers = [self.client_cipher, self.server_cipher];
        let macs = [self.client_mac, self.server_mac];
        if ciphers.contains(&Cipher::ChaCha20Poly1305) {
            return Err(Broken::NotStrict(Cipher::ChaCha20Poly1305.name()));
        }
        match macs.into_iter().flatten().find(|mac| mac.encrypts_first()) {
            Some(mac) => Err(Broken::NotStrict(mac.name())),
            None => Ok(()),
        }
    }
}

fn first_common(client: &[u8], server: &[u8]) -> Result<Option<String>, WireError> {
    let server: Vec<&str> = names(server)?.collect();
    let chosen = names(client)?.find(|name| server.contains(name) && !is_a_mark(name));
    Ok(chosen.map(str::to_owned))
}

/// Names that stand among the methods and are none.
fn is_a_mark(name: &str) -> bool {
    let marks = [STRICT, EXTENSIONS];
    let mut marks = marks.iter().flatten();
    marks.any(|(_, mark)| *mark == name)
}

fn first(list: &[u8]) -> Option<&str> {
    names(list).ok()?.next()
}

/// For an error that somebody reads.
fn shown(list: &[u8]) -> String {
    let list = names(list).map(|names| names.take(20).collect::<Vec<_>>());
    list.map_or_else(|_| "nothing readable".to_owned(), |list| list.join(","))
}

#[cfg(test)]
mod tests {
    use super::{Algorithms, Negotiated, negotiate};
    use crate::cipher::{Cipher, Mac};
    use crate::encoding::Put as _;
    use crate::error::Broken;
    use crate::kex::Kex;
    use crate::transport::Role;

    fn offer(role: Role, ciphers: &[Cipher], macs: &[Mac]) -> Vec<u8> {
        let algorithms = Algorithms {
            ciphers: ciphers.to_vec(),
            macs: macs.to_vec(),
            ..Algorithms::default()
        };
        algorithms.init(role, &["ssh-ed25519"], [7; 16], true)
    }

    fn server(ours: &[u8], theirs: &[u8]) -> Result<Negotiated, Broken> {
        negotiate(Role::Server, ours, theirs, None)
    }

    #[test]
    fn the_client_prefers() {
        let ours = offer(Role::Server, &Cipher::ALL, &Mac::ALL);
        let theirs = offer(
            Role::Client,
            &[Cipher::Aes256Ctr, Cipher::Aes128Gcm],
            &[Mac::Sha512],
        );
        let agreed = server(&ours, &theirs).unwrap();
        assert_eq!(agreed.kex, Kex::MlKem768X25519);
        assert_eq!(agreed.client_cipher, Cipher::Aes256Ctr);
        assert_eq!(agreed.server_mac, Some(Mac::Sha512));
        assert!(agreed.strict && agreed.extensions && !agreed.ignores_next);
        let its = negotiate(Role::Client, &theirs, &ours, None).unwrap();
        assert_eq!(
            (its.client_cipher, its.kex),
            (agreed.client_cipher, agreed.kex)
        );
    }

    #[test]
    fn nothing_in_common_says_what_was_offered() {
        let ours = offer(Role::Server, &[Cipher::Aes256Gcm], &Mac::ALL);
        let theirs = offer(Role::Client, &[Cipher::Aes128Ctr], &Mac::ALL);
        let error = server(&ours, &theirs).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no cipher in common; the peer offers aes128-ctr"
        );
    }

    /// Marks are no methods: who offers them alone has nothing in common.
    #[test]
    fn marks_are_not_chosen() {
        let only_marks = |role, mark: &str| {
            let mut out = Vec::new();
            out.byte(20)
                .raw(&[0; 16])
                .string(mark)
                .string("ssh-ed25519");
            for list in [
                "aes128-ctr",
                "aes128-ctr",
                "hmac-sha2-256",
                "hmac-sha2-256",
                "none",
                "none",
                "",
                "",
            ] {
                out.string(list);
            }
            out.boolean(false).uint32(0);
            (role, out)
        };
        let (_, ours) = only_marks(Role::Server, "kex-strict-s-v00@openssh.com,ext-info-c");
        let (_, theirs) = only_marks(Role::Client, "ext-info-c,kex-strict-s-v00@openssh.com");
        assert!(matches!(
            server(&ours, &theirs),
            Err(Broken::NothingInCommon { .. })
        ));
    }

    #[test]
    fn prefixes_cannot_be_cut_off_unseen() {
        let without_strict = |ciphers: &[Cipher], macs: &[Mac]| {
            let theirs = Algorithms {
                ciphers: ciphers.to_vec(),
                macs: macs.to_vec(),
                ..Algorithms::default()
            };
            let theirs = theirs.init(Role::Client, &["ssh-ed25519"], [0; 16], false);
            server(&offer(Role::Server, &Cipher::ALL, &Mac::ALL), &theirs)
        };
        for (cipher, mac) in [
            (Cipher::ChaCha20Poly1305, Mac::Sha256),
            (Cipher::Aes128Ctr, Mac::Sha256Etm),
            (Cipher::Aes256Ctr, Mac::Sha512Etm),
        ] {
            let refused = without_strict(&[cipher], &[mac]);
            assert!(matches!(refused, Err(Broken::NotStrict(_))), "{refused:?}");
        }
        for (cipher, mac) in [
            (Cipher::Aes128Ctr, Mac::Sha256),
            (Cipher::Aes256Gcm, Mac::Sha256Etm),
        ] {
            assert!(!without_strict(&[cipher], &[mac]).unwrap().strict);
        }
    }

    #[test]
    fn what_is_cut_short_is_malformed() {
        let whole = offer(Role::Client, &Cipher::ALL, &Mac::ALL);
        let ours = offer(Role::Server, &Cipher::ALL, &Mac::ALL);
        for length in 1..whole.len() {
            let error = server(&ours, &whole[..length]).unwrap_err();
            assert!(matches!(error, Broken::Malformed("KEXINIT", _)), "{length}");
        }
    }
}
