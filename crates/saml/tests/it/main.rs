//! Messages as identity providers send them, and as attackers do, against the whole service provider.

mod certificates;
mod differential;
mod fields;
mod fixture;
mod golden;
mod good;
mod hostile;
mod logout;
mod metadata;
mod oracle;
mod properties;
mod replay;
mod request;
mod wrapping;
