//! End-to-end tests of the built page, one module a subject.

mod opening;
mod playing;
mod simulation;
