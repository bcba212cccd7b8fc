//! A device code for tokens (RFC 8628 section 3.4).

use crate::device::Purpose;
use crate::event::Event;
use crate::grant_type::GrantType;
use crate::opaque::SecretHash;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::server::AuthorizationServer;
use crate::token::Request;
use crate::token::issue::Earned;
use crate::token_response::TokenResponse;

impl AuthorizationServer {
    pub(super) fn redeem_device_code(
        &mut self,
        request: &Request<'_>,
        events: &mut Vec<Event>,
    ) -> Result<TokenResponse, Refusal> {
        let presented = SecretHash::of(request.parameters.require("device_code")?);
        let mono_ns = request.call.mono_ns();
        let approved = self.devices.poll(&presented, &request.client.id, mono_ns)?;
        let Purpose::Tokens(scopes) = approved.purpose else {
            return Err(Reason::DeviceCodeOtherClient.into());
        };
        let sign_in = request
            .state
            .sign_ins
            .live(approved.sign_in, request.call.now)?
            .ok_or(Reason::SignInEnded)?;
        let earned = Earned::by(GrantType::DeviceCode, sign_in, scopes, approved.grant);
        self.first_tokens(&earned, request, events)
    }
}
