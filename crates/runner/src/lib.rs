//! Owns one program.
