//! A relying party against providers that do as they should and providers that do not.

mod authorization;
mod callback;
mod discovery;
mod fake;
mod id_token;
mod logout;
mod mapping;
mod outage;
mod properties;
mod refresh;
mod secrets;
mod settings;
mod token_request;
mod token_response;
mod userinfo;
