//! The hub inside `ikpdb dap`.
