//! The `ikpdb` command.

fn main() {}
