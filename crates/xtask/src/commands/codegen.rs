//! `cargo xtask codegen`: writes the TypeScript of the wire types, and the pages that say what holds where and what differs from IKPdb 1.3.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use crate::{api_reference, ikpdb_differences, shell, support_table};

/// Write the generated files: the TypeScript of the wire types, docs/support.md, docs/ikpdb-differences.md,
/// docs/ikpdb/api.md
#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: Arguments) -> Result<ExitCode> {
    let folder = shell::root().join(GENERATED);
    shell::step("TypeScript of the wire types", || {
        if folder.is_dir() {
            std::fs::remove_dir_all(&folder)?;
        }
        export(&folder)
    })?;
    shell::step("what holds where", || shell::write(support_table::path(), support_table::current()?))?;
    shell::step("what differs from IKPdb 1.3", || {
        shell::write(ikpdb_differences::path(), ikpdb_differences::current()?)
    })?;
    shell::step("the API of the package", || shell::write(api_reference::path(), api_reference::current()?))?;
    Ok(ExitCode::SUCCESS)
}

/// Where the generated TypeScript lies.
pub(crate) const GENERATED: &str = "web/src/socket/generated";

/// Generates into `folder`.
pub(crate) fn export(folder: &Path) -> Result<()> {
    let arguments = ["test", "--quiet", "--package", "ikpdb-proto", "--features", "ts", "--lib", "export_bindings"];
    let mut command = shell::cargo(arguments);
    shell::output(command.env("TS_RS_EXPORT_DIR", folder)).map(drop)
}
