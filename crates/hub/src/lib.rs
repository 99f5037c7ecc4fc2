//! The pure core of the hub.
