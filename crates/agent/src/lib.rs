//! The engine inside CPython.
