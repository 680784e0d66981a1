//! End-to-end tests of the built page, one module a subject.

mod camera;
mod causes;
mod deciding;
mod embedding;
mod field;
mod lessons;
mod looks;
mod motion;
mod opening;
mod panels;
mod playing;
mod simulation;
