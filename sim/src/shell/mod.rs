//! The user's shell: command lines, pipes, files, and the programs that run in them.
//!
//! In reading order: [`env`] is what a program sees of the session.

pub mod env;

pub use env::Env;
