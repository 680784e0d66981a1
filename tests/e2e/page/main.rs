//! End-to-end tests of the built page, one module a subject.

mod camera;
mod causes;
mod deciding;
mod embedding;
mod field;
mod foreign;
mod lessons;
mod looks;
mod motion;
mod opening;
mod panels;
mod pictures;
mod playing;
mod simulation;
