//! Makes cargo notice a console that was built after the binary (`web/dist` is embedded by `src/hub/web.rs`), and has the linker
//! pack the relocations of the binary.

use std::process::Command;

fn main() {
    // A path that does not exist would count as changed at every build, so the folder is made; it is not in version control.
    // A read-only source tree only loses the notice.
    let _ = std::fs::create_dir_all("web/dist");
    println!("cargo:rerun-if-changed=web/dist");
    println!("cargo:rerun-if-changed=build.rs");
    if unpacks_relocations() {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// A static program relocates itself at its start with the C library it was linked to, and that understands the packed form
/// (which saves 0.7 MB of file, all of it read at every start) from version 2.36 on.
fn unpacks_relocations() -> bool {
    let Ok(output) = Command::new("getconf").arg("GNU_LIBC_VERSION").output() else {
        return false;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.trim().trim_start_matches("glibc ").split('.').map(str::parse);
    matches!((numbers.next(), numbers.next()), (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= (2u32, 36u32))
}
