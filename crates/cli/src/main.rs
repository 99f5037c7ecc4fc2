//! The `ikpdb` command.

mod embedded;

fn main() {}
