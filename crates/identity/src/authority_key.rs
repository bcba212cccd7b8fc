//! The keys that authorities sign certificates with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_model::Secret;
use custos_ssh_wire::PrivateKey;
use custos_store::Store;
use zeroize::Zeroizing;

use crate::error::IdentityError;

/// The key whose seed is kept under this name; it is made where there is none.
pub(crate) fn authority_key(
    store: &Store,
    name: &str,
    random: &impl Fn(&mut [u8]),
) -> Result<PrivateKey, IdentityError> {
    let make = || {
        let mut seed = Zeroizing::new([0; 32]);
        random(seed.as_mut_slice());
        Secret::new(STANDARD.encode(seed.as_slice()))
    };
    let kept = store
        .secret_or_create(name, make, random)
        .map_err(IdentityError::store("read the SSH authority's key"))?;
    let seed = STANDARD.decode(kept.expose()).map(Zeroizing::new);
    let seed: Option<[u8; 32]> = seed.ok().and_then(|seed| seed.as_slice().try_into().ok());
    let seed = Zeroizing::new(seed.ok_or(IdentityError::AuthorityDamaged)?);
    PrivateKey::from_seed(&seed).map_err(|_| IdentityError::AuthorityDamaged)
}
