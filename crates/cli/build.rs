//! Puts the agent and the preload library into the binary when `IKPDB_EMBED_DIR` names the folder that holds them
//! (`cargo xtask dist` does); without it the binary looks for them beside itself.
//!
//! The folder holds `libikpdb_agent.so`, `libikpdb_preload.so` and `hash`, a hex digest over both.

use std::path::Path;
use std::{env, fs};

const NOTHING: &str = "pub(super) const EMBEDDED: Option<super::Embedded> = None;\n";

fn main() {
    println!("cargo::rerun-if-env-changed=IKPDB_EMBED_DIR");
    println!("cargo::rerun-if-changed=build.rs");
    let code = match env::var_os("IKPDB_EMBED_DIR") {
        Some(folder) => embed(Path::new(&folder)),
        None => NOTHING.to_owned(),
    };
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    fs::write(Path::new(&out).join("embedded_files.rs"), code).expect("cargo made OUT_DIR writable");
}

fn embed(folder: &Path) -> String {
    let file = |name: &str| {
        let path = folder.join(name);
        assert!(path.is_file(), "IKPDB_EMBED_DIR: {} is missing; `cargo xtask dist` makes it", path.display());
        println!("cargo::rerun-if-changed={}", path.display());
        path
    };
    let hash = fs::read_to_string(file("hash")).expect("the file `hash` holds text");
    let hash = hash.trim();
    assert!(hash.len() >= 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "IKPDB_EMBED_DIR: `hash` is not hex");
    format!(
        "pub(super) const EMBEDDED: Option<super::Embedded> = Some(super::Embedded {{\n    \
         hash: {hash:?},\n    agent: include_bytes!({:?}),\n    preload: include_bytes!({:?}),\n}});\n",
        file("libikpdb_agent.so"),
        file("libikpdb_preload.so"),
    )
}
