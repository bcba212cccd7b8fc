//! `custos-verify`: the offline verifier as a program of its own.

use std::process::ExitCode;

#[expect(
    clippy::disallowed_methods,
    reason = "a binary reads its own arguments"
)]
fn main() -> ExitCode {
    let code = custos_verify::main_with_args(
        std::env::args_os().skip(1),
        &mut std::io::stdout().lock(),
        &mut std::io::stderr().lock(),
    );
    ExitCode::from(code)
}
