//! What the authenticator says of itself (WebAuthn Level 3 section 6.1).

use crate::encoding::sha256;
use crate::error::SignatureError;

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const ATTESTED_CREDENTIAL: u8 = 1 << 6;
const EXTENSIONS: u8 = 1 << 7;

/// What a good assertion says besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The authenticator's counter of signatures; 0 when it has none. One that does not grow speaks of a copy
    /// (section 6.1.1).
    pub sign_count: u32,
    /// The passkey may be copied to other devices of its owner.
    pub backup_eligible: bool,
    /// It is copied, or was.
    pub backed_up: bool,
}

/// Section 7.2, steps 15 to 18. No extensions are asked for and none are taken, so there is nothing behind the counter.
pub(crate) fn check(data: &[u8], rp_id: &str) -> Result<Facts, SignatureError> {
    let Some((hash, [flags, counter @ ..])) = data.split_last_chunk::<5>() else {
        return Err(SignatureError::AuthenticatorDataMalformed);
    };
    let flag = |flag: u8| flags & flag != 0;
    if hash.len() != 32 || flag(ATTESTED_CREDENTIAL) || flag(EXTENSIONS) {
        return Err(SignatureError::AuthenticatorDataMalformed);
    }
    if hash != sha256(&[rp_id.as_bytes()]) {
        return Err(SignatureError::RelyingPartyWrong);
    }
    if !flag(USER_PRESENT) {
        return Err(SignatureError::PresenceMissing);
    }
    if !flag(USER_VERIFIED) {
        return Err(SignatureError::UserNotVerified);
    }
    if flag(BACKED_UP) && !flag(BACKUP_ELIGIBLE) {
        return Err(SignatureError::AuthenticatorDataMalformed);
    }
    Ok(Facts {
        sign_count: u32::from_be_bytes(*counter),
        backup_eligible: flag(BACKUP_ELIGIBLE),
        backed_up: flag(BACKED_UP),
    })
}
