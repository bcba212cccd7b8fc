//! SSH keys and SSHSIG (OpenSSH PROTOCOL.sshsig and PROTOCOL.u2f, RFC 4253 section 6.6, RFC 5656, RFC 8332, RFC 8709).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256, Sha512};

use super::crypto::PublicKey;
use super::signature::Wrong;

const NAMESPACE: &[u8] = b"custos-approval";
const MAGIC: &[u8] = b"SSHSIG";
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----\n";
/// Characters of base64 in a line, as `ssh-keygen` writes it.
const LINE: usize = 70;
/// `flags` of a security key: somebody touched it.
const PRESENT: u8 = 1;

/// The bytes of a line such as `ssh-ed25519 AAAA…`, with or without a comment.
pub(super) fn key_bytes(line: &str) -> Option<Vec<u8>> {
    let mut words = line.splitn(3, ' ');
    let (name, base64) = (words.next()?, words.next()?);
    let bytes = BASE64.decode(base64).ok()?;
    (Reader(&bytes).string()? == name.as_bytes()).then_some(bytes)
}

/// Verifies the armored signature of `key`, in the form of its type, over a statement.
pub(super) fn verify(key: &[u8], statement: &[u8], armored: &[u8]) -> Result<(), Wrong> {
    let blob = dearmor(armored).ok_or(Wrong::Malformed("the armor of the signature"))?;
    let (signed, signature) = signed_data(&blob, key, statement)?;
    let mut key = Reader(key);
    let kind = key.string().ok_or(Wrong::Key)?;
    let mut signature = Reader(signature);
    let algorithm = signature.string().ok_or(MALFORMED)?;
    let raw = signature.string().ok_or(MALFORMED)?;
    let matches = algorithm == kind || (kind == b"ssh-rsa" && algorithm.starts_with(b"rsa-sha2-"));
    let tail = signature.0;
    if !matches || tail.is_empty() == kind.starts_with(b"sk-") {
        return Err(MALFORMED);
    }
    let good = match kind {
        b"ssh-ed25519" => {
            let public = key
                .string()
                .and_then(PublicKey::ed25519)
                .ok_or(Wrong::Key)?;
            public.verify_ed25519(&signed, raw)
        }
        b"ecdsa-sha2-nistp256" => {
            point(&mut key)?.verify_p256(&signed, &numbers(raw).ok_or(MALFORMED)?)
        }
        b"ssh-rsa" => rsa(&mut key, algorithm, &signed, raw)?,
        b"sk-ssh-ed25519@openssh.com" => {
            let public = key
                .string()
                .and_then(PublicKey::ed25519)
                .ok_or(Wrong::Key)?;
            public.verify_ed25519(&by_security_key(&mut key, &signed, tail)?, raw)
        }
        b"sk-ecdsa-sha2-nistp256@openssh.com" => {
            let public = point(&mut key)?;
            let signed = by_security_key(&mut key, &signed, tail)?;
            public.verify_p256(&signed, &numbers(raw).ok_or(MALFORMED)?)
        }
        other => return Err(Wrong::Unknown(String::from_utf8_lossy(other).into_owned())),
    };
    if !key.0.is_empty() {
        return Err(Wrong::Key);
    }
    if good { Ok(()) } else { Err(Wrong::Signature) }
}

const MALFORMED: Wrong = Wrong::Malformed("the signature");

/// The bytes between the lines of the armor; nothing if it is not exactly as `ssh-keygen` writes it.
fn dearmor(armored: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(armored).ok()?;
    let body = text.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let base64: String = body.split('\n').collect();
    let mut lines = body.split_terminator('\n').peekable();
    while let Some(line) = lines.next() {
        let whole = line.len() == LINE || (lines.peek().is_none() && line.len() < LINE);
        if line.is_empty() || !whole {
            return None;
        }
    }
    body.ends_with('\n').then_some(())?;
    BASE64.decode(base64).ok()
}

/// What the key signed, and the signature, from the parts of an SSHSIG.
fn signed_data<'b>(
    blob: &'b [u8],
    key: &[u8],
    statement: &[u8],
) -> Result<(Vec<u8>, &'b [u8]), Wrong> {
    let mut reader = Reader(blob.strip_prefix(MAGIC).ok_or(MALFORMED)?);
    let string = |reader: &mut Reader<'b>| reader.string().ok_or(MALFORMED);
    if reader.number() != Some(1) {
        return Err(MALFORMED);
    }
    let by = string(&mut reader)?;
    let (namespace, reserved) = (string(&mut reader)?, string(&mut reader)?);
    let (hash, signature) = (string(&mut reader)?, string(&mut reader)?);
    if !reader.0.is_empty() || !reserved.is_empty() {
        return Err(MALFORMED);
    }
    if by != key {
        return Err(Wrong::OtherKey);
    }
    if namespace != NAMESPACE {
        return Err(Wrong::Purpose("the namespace is another"));
    }
    let digest = match hash {
        b"sha256" => Sha256::digest(statement).to_vec(),
        b"sha512" => Sha512::digest(statement).to_vec(),
        _ => return Err(MALFORMED),
    };
    let mut signed = MAGIC.to_vec();
    for part in [namespace, reserved, hash, &digest] {
        let length = u32::try_from(part.len()).map_err(|_| MALFORMED)?;
        signed.extend_from_slice(&length.to_be_bytes());
        signed.extend_from_slice(part);
    }
    Ok((signed, signature))
}

fn point(key: &mut Reader<'_>) -> Result<PublicKey, Wrong> {
    let curve = key.string();
    let point = key.string().filter(|_| curve == Some(b"nistp256"));
    point.and_then(PublicKey::p256).ok_or(Wrong::Key)
}

fn rsa(key: &mut Reader<'_>, algorithm: &[u8], signed: &[u8], raw: &[u8]) -> Result<bool, Wrong> {
    let (exponent, modulus) = (key.positive(), key.positive());
    let public = modulus
        .zip(exponent)
        .and_then(|(modulus, exponent)| PublicKey::rsa(modulus, exponent))
        .ok_or(Wrong::Key)?;
    match algorithm {
        b"rsa-sha2-256" => Ok(public.verify_rsa_sha256(signed, raw)),
        b"rsa-sha2-512" => Ok(public.verify_rsa_sha512(signed, raw)),
        // SHA-1 is not taken.
        _ => Err(MALFORMED),
    }
}

/// What a security key signs in place of the message.
fn by_security_key(key: &mut Reader<'_>, signed: &[u8], tail: &[u8]) -> Result<Vec<u8>, Wrong> {
    let application = key.string().ok_or(Wrong::Key)?;
    if !application.starts_with(b"ssh:") {
        return Err(Wrong::Key);
    }
    let (flags, counter) = tail
        .split_first()
        .filter(|(_, counter)| counter.len() == 4)
        .ok_or(MALFORMED)?;
    if flags & PRESENT == 0 {
        return Err(Wrong::Purpose("nobody touched the key"));
    }
    let (application, message) = (Sha256::digest(application), Sha256::digest(signed));
    Ok([&application[..], &[*flags], counter, &message[..]].concat())
}

/// The two numbers of an ECDSA signature, 32 bytes each (RFC 5656 section 3.1.2).
fn numbers(raw: &[u8]) -> Option<[u8; 64]> {
    let mut reader = Reader(raw);
    let mut both = [0; 64];
    for half in both.chunks_exact_mut(32) {
        let number = reader.positive()?;
        let place = half.len().checked_sub(number.len())?;
        half.get_mut(place..)?.copy_from_slice(number);
    }
    reader.0.is_empty().then_some(both)
}

/// Reads the data types of RFC 4251 section 5.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (string, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }

    /// A positive `mpint` in its shortest form, without the zero before it.
    fn positive(&mut self) -> Option<&'a [u8]> {
        match self.string()? {
            [0, rest @ ..] if rest.first().is_some_and(|byte| *byte >= 0x80) => Some(rest),
            number if number.first().is_some_and(|byte| (1..0x80).contains(byte)) => Some(number),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn armor_has_one_form() {
        let base64 = BASE64.encode([7; 100]);
        let (first, rest) = base64.split_at(LINE);
        let good = format!("{BEGIN}{first}\n{rest}\n{END}");
        assert_eq!(dearmor(good.as_bytes()), Some(vec![7; 100]));
        for bad in [
            format!("{good}\n"),
            format!(" {good}"),
            good.replace('\n', "\r\n"),
            format!("{BEGIN}{base64}\n{END}"),
            format!("{BEGIN}{first}\n\n{rest}\n{END}"),
            format!("{BEGIN}{END}"),
            format!("{BEGIN}{first}\n{rest}{END}"),
            String::new(),
        ] {
            assert_eq!(dearmor(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn numbers_are_positive_and_short() {
        let mpint = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat();
        assert_eq!(Reader(&mpint(&[0, 0x80])).positive(), Some(&[0x80][..]));
        assert_eq!(Reader(&mpint(&[1, 0])).positive(), Some(&[1, 0][..]));
        for bad in [&[][..], &[0], &[0, 1], &[0x80]] {
            assert_eq!(Reader(&mpint(bad)).positive(), None, "{bad:?}");
        }
        assert_eq!(Reader(&[0, 0, 0, 9, 1]).string(), None);
    }
}
