//! Keys that are not taken.

use custos_signatures::{SignatureError, SshKey};
use custos_testkit::{PATIENCE, run};

use crate::blob::{base64, key_line, string};
use crate::keygen::{KINDS, KeyPair, keygen};

#[test]
fn short_rsa_keys_and_unknown_types_are_refused() {
    let short = KeyPair::new(&["-t", "rsa", "-b", "1024"]).public();
    assert_eq!(SshKey::parse(&short), Err(SignatureError::KeyRsaSize));
    let dsa = KeyPair::new(&["-t", "dsa"]).public();
    assert_eq!(SshKey::parse(&dsa), Err(SignatureError::KeyUnsupported));
}

#[test]
fn certificates_are_refused() {
    let authority = KeyPair::new(KINDS[0]);
    for kind in KINDS {
        let pair = KeyPair::new(kind);
        let mut command = keygen();
        command.args(["-q", "-I", "bob", "-s"]);
        command.arg(authority.file("key")).arg(pair.file("key.pub"));
        run(&mut command, PATIENCE).success();
        let line = std::fs::read_to_string(pair.file("key-cert.pub")).expect("it was written");
        assert_eq!(SshKey::parse(&line), Err(SignatureError::KeyCertificate));
    }
}

#[test]
fn a_line_has_one_spelling() {
    let good = KeyPair::new(KINDS[0]).key().openssh().to_owned();
    for line in [
        format!("{good}\n"),
        format!("{good}\r\n"),
        format!("{good} bob@laptop at home"),
    ] {
        assert_eq!(SshKey::parse(&line).expect("good").openssh(), good);
    }
    let (name, bytes) = good.split_once(' ').expect("two words");
    for line in [
        String::new(),
        name.to_owned(),
        format!("{name} "),
        format!(" {good}"),
        format!("{name}  {bytes}"),
        format!("{name}\t{bytes}"),
        format!("{good}\n\n"),
        format!("{good}\n{good}"),
        format!("{good}\0"),
        format!("{good}="),
        format!("{good}AAAA"),
        good[..good.len() - 1].to_owned(),
        format!("restrict {good}"),
        format!("ssh-rsa {bytes}"),
        format!("{good} {}", "x".repeat(8 * 1024)),
    ] {
        assert_eq!(
            SshKey::parse(&line).map(|_| ()),
            Err(SignatureError::KeyMalformed),
            "{line:?}"
        );
    }
}

#[test]
fn numbers_that_make_no_good_key() {
    let modulus = |bytes: usize| [&[0][..], &vec![0xff; bytes]].concat();
    let rsa = |e: &[u8], n: &[u8]| key_line("ssh-rsa", &[e, n]);
    let f4 = &[1, 0, 1];
    let mut even = modulus(256);
    even[256] = 0xfe;
    let point = |tag: u8, length: usize| [&[tag][..], &vec![7; length]].concat();
    let ecdsa = |curve: &str, point: &[u8]| {
        let name = format!("ecdsa-sha2-{curve}");
        key_line(&name, &[curve.as_bytes(), point])
    };
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let security = KeyPair::new(KINDS[6]).public();
    let site = security.replace(&base64(&string(b"ssh:")), &base64(&string(b"ab.c")));
    assert_ne!(security, site);
    let cases = [
        (rsa(f4, &modulus(255)), SignatureError::KeyRsaSize),
        (rsa(f4, &modulus(1025)), SignatureError::KeyRsaSize),
        (rsa(&[1], &modulus(256)), SignatureError::KeyRsaSize),
        (rsa(&[2], &modulus(256)), SignatureError::KeyRsaSize),
        (
            rsa(&[1, 0, 0, 0, 1], &modulus(256)),
            SignatureError::KeyRsaSize,
        ),
        (rsa(f4, &even), SignatureError::KeyMalformed),
        (rsa(f4, &[0xff; 256]), SignatureError::KeyMalformed),
        (
            rsa(f4, &[&[0], &modulus(256)[..]].concat()),
            SignatureError::KeyMalformed,
        ),
        (rsa(f4, &[]), SignatureError::KeyMalformed),
        (rsa(&[], &modulus(256)), SignatureError::KeyMalformed),
        (
            ecdsa("nistp256", &point(4, 64)),
            SignatureError::KeyMalformed,
        ),
        (
            ecdsa("nistp256", &point(2, 32)),
            SignatureError::KeyMalformed,
        ),
        (
            ecdsa("nistp384", &point(4, 64)),
            SignatureError::KeyMalformed,
        ),
        (
            ecdsa("nistp521", &point(4, 132)),
            SignatureError::KeyMalformed,
        ),
        (ecdsa("nistp256", &[0]), SignatureError::KeyMalformed),
        (ecdsa("nistp256", &[]), SignatureError::KeyMalformed),
        (
            key_line("ssh-ed25519", &[&neutral]),
            SignatureError::KeyWeak,
        ),
        (
            key_line("sk-ssh-ed25519@openssh.com", &[&neutral, b"ssh:"]),
            SignatureError::KeyWeak,
        ),
        (
            key_line("ssh-ed25519", &[&[0xff; 32]]),
            SignatureError::KeyMalformed,
        ),
        (
            key_line("ssh-ed25519", &[&[7; 31]]),
            SignatureError::KeyMalformed,
        ),
        (site, SignatureError::KeyApplication),
        (
            key_line("ssh-xmss@openssh.com", &[&[7; 64]]),
            SignatureError::KeyUnsupported,
        ),
    ];
    for (line, reason) in cases {
        assert_eq!(SshKey::parse(&line).map(|_| ()), Err(reason), "{line}");
    }
}
