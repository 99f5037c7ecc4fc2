//! The loop around the hub core.
