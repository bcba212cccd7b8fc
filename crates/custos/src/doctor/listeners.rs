//! Whether the listeners' addresses are ours or free.

use std::io::ErrorKind;
use std::net::TcpListener;

use custos_api::Status;

use super::Check;
use crate::config::Config;

pub(super) fn check(config: &Config, status: Option<&Status>) -> Vec<Check> {
    config
        .listeners
        .iter()
        .map(|listener| {
            let (name, address) = (&listener.name, listener.address);
            let ours =
                status.and_then(|status| status.listeners.iter().find(|it| it.name == *name));
            if let Some(ours) = ours {
                return Check::ok(
                    "listener",
                    format!("{name}: the gateway listens on {}", ours.address),
                );
            }
            match TcpListener::bind(address) {
                Ok(_) => Check::ok("listener", format!("{name}: {address} is free")),
                Err(error) => {
                    let hint = match error.kind() {
                        ErrorKind::AddrInUse => {
                            format!("see who has it: ss -ltnp 'sport = :{}'", address.port())
                        }
                        ErrorKind::PermissionDenied => {
                            "ports below 1024 need CAP_NET_BIND_SERVICE".to_owned()
                        }
                        _ => "set the listener's `address` to one of this machine".to_owned(),
                    };
                    Check::fail(
                        "listener",
                        format!("{name}: cannot listen on {address}: {error}"),
                        hint,
                    )
                }
            }
        })
        .collect()
}
