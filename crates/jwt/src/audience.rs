//! Whether a token is for us.

use crate::claims::{Audience, Claims, needed};
use crate::issuer::Issuer;
use crate::rejection::Rejection;

/// `aud` names one of the record's audiences.
pub(crate) fn ours<'a>(claims: Claims<'a>, issuer: &Issuer) -> Result<Audience<'a>, Rejection> {
    let audience = needed("aud", claims.audience())?;
    let mut names = audience.names.iter();
    if !names.any(|name| issuer.accepts_audience(name)) {
        return Err(Rejection::AudienceWrong);
    }
    Ok(audience)
}

/// `aud` names the client, and beside it only whom the record trusts (OpenID Connect Core 3.1.3.7 rule 3).
pub(crate) fn client<'a>(
    claims: Claims<'a>,
    issuer: &Issuer,
    client_id: &str,
) -> Result<Audience<'a>, Rejection> {
    let audience = needed("aud", claims.audience())?;
    if !audience.names.contains(&client_id) {
        return Err(Rejection::AudienceWrong);
    }
    let mut names = audience.names.iter();
    if names.any(|name| *name != client_id && !issuer.accepts_audience(name)) {
        return Err(Rejection::AudienceUntrusted);
    }
    Ok(audience)
}

/// `azp` is the client; with several audiences it must be there (OpenID Connect Core 3.1.3.7 rules 4 and 5).
pub(crate) fn authorized_party(
    claims: Claims<'_>,
    audience: &Audience<'_>,
    client_id: &str,
) -> Result<(), Rejection> {
    match claims.text("azp")? {
        Some(party) if party == client_id => Ok(()),
        Some(_) => Err(Rejection::AuthorizedPartyWrong),
        None if audience.names.len() > 1 => Err(Rejection::AuthorizedPartyMissing),
        None => Ok(()),
    }
}

/// `aud` is this one string and no list: a list could make an assertion good at two servers.
pub(crate) fn exactly<'a>(claims: Claims<'a>, expected: &str) -> Result<Audience<'a>, Rejection> {
    let audience = needed("aud", claims.audience())?;
    if audience.is_list {
        return Err(Rejection::AudienceList);
    }
    if audience.names != [expected] {
        return Err(Rejection::AudienceWrong);
    }
    Ok(audience)
}
