//! Paths of fields, after `apimachinery/pkg/util/validation/field/path.go`.

use std::fmt;

/// The way to a field: `spec.containers[0].resources.requests[cpu]`. Steps refer to their parents, so that a path costs nothing
/// until it is written into an error.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Field(&'a str),
    Index(usize),
    Key(&'a str),
}

impl<'a> Path<'a> {
    /// A field of the object itself.
    pub fn new(field: &'a str) -> Self {
        Self { parent: None, step: Step::Field(field) }
    }
    /// A field below.
    #[must_use]
    pub fn field(&'a self, name: &'a str) -> Path<'a> {
        Self { parent: Some(self), step: Step::Field(name) }
    }
    /// An item of a list.
    #[must_use]
    pub fn index(&'a self, at: usize) -> Path<'a> {
        Self { parent: Some(self), step: Step::Index(at) }
    }
    /// An entry of a map.
    #[must_use]
    pub fn key(&'a self, key: &'a str) -> Path<'a> {
        Self { parent: Some(self), step: Step::Key(key) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Field(name) => write!(f, "{}{name}", if self.parent.is_some() { "." } else { "" }),
            Step::Index(at) => write!(f, "[{at}]"),
            Step::Key(key) => write!(f, "[{key}]"),
        }
    }
}

impl From<&Path<'_>> for String {
    fn from(path: &Path<'_>) -> Self {
        path.to_string()
    }
}
