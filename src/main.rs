//! The `isogram` command.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    quiet_device_selection();
    cli::main()
}

/// Mesa's device-selection layer asks a desktop which GPU it prefers, and complains on standard error where there is
/// no desktop. Isogram makes its own choice.
#[allow(unsafe_code)]
fn quiet_device_selection() {
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() && std::env::var_os("NODEVICE_SELECT").is_none() {
        // SAFETY: no other thread exists yet.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}
