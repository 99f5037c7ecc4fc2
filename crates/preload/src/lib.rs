//! The tiny library that loads the agent.
