//! A certificate authority for one test process.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};

/// A certificate authority whose root certificate stands in a file.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: PathBuf,
    name: String,
}

/// Certificate and key as PEM files.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its private key, mode 0600.
    pub key: PathBuf,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Authority")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes a root certificate and writes it to `<directory>/<name>.crt`.
    ///
    /// # Panics
    /// When the directory cannot be written.
    pub fn new(directory: &Path, name: &str) -> Self {
        let mut parameters = CertificateParams::default();
        parameters
            .distinguished_name
            .push(DnType::CommonName, format!("Custos test authority {name}"));
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key is made");
        let issuer =
            CertifiedIssuer::self_signed(parameters, key).expect("a root certificate is made");
        let authority = Self {
            issuer,
            directory: directory.to_owned(),
            name: name.to_owned(),
        };
        std::fs::write(authority.file(), authority.issuer.pem())
            .expect("the directory can be written");
        authority
    }

    /// The root certificate as a PEM file.
    pub fn file(&self) -> PathBuf {
        self.directory.join(format!("{}.crt", self.name))
    }

    /// Issues a server certificate for host names and IP addresses, written to `<directory>/<label>.{crt,key}`.
    ///
    /// # Panics
    /// When a name is none, or the directory cannot be written.
    pub fn issue(&self, label: &str, names: &[&str]) -> Pair {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut parameters = CertificateParams::new(names).expect("they are host names");
        parameters
            .distinguished_name
            .push(DnType::CommonName, label);
        let key = KeyPair::generate().expect("a key is made");
        let certificate = parameters
            .signed_by(&key, &self.issuer)
            .expect("a certificate is signed");
        let pair = Pair {
            certificate: self.directory.join(format!("{label}.crt")),
            key: self.directory.join(format!("{label}.key")),
        };
        std::fs::write(&pair.certificate, certificate.pem()).expect("the directory can be written");
        write_private(&pair.key, &key.serialize_pem());
        pair
    }
}

/// Writes a file that only its owner may read.
pub(crate) fn write_private(path: &Path, text: &str) {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let _ = std::fs::remove_file(path);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .expect("the directory can be written");
    file.write_all(text.as_bytes()).expect("the disk has room");
}
