//! One file per command; each has its `Arguments` and `run`.

pub(crate) mod bench;
pub(crate) mod codegen;
pub(crate) mod dist;
pub(crate) mod fuzz;
pub(crate) mod run;
pub(crate) mod test;
pub(crate) mod tidy;
pub(crate) mod web;
