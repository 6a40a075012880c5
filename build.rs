//! Makes cargo notice a console that was built after the binary: `web/dist` is embedded by `src/hub/web.rs`.

fn main() {
    // A path that does not exist would count as changed at every build, so the folder is made; it is not in version control.
    // A read-only source tree only loses the notice.
    let _ = std::fs::create_dir_all("web/dist");
    println!("cargo:rerun-if-changed=web/dist");
    println!("cargo:rerun-if-changed=build.rs");
}
