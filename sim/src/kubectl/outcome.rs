//! What a changing command prints of each object: `pod/nginx created`, or the object with `-o`; after cli-runtime's `name_flags.go`.

use super::error::Error;
use super::invocation::Invocation;
use super::options::DryRun;
use super::print::{Format, Printer, name_of};
use crate::flow::Io;
use crate::value::Value;

/// Prints objects after they were changed.
#[derive(Clone, Debug)]
pub struct Outcome {
    format: Format,
    printer: Printer,
    dry_run: DryRun,
}

impl Outcome {
    /// The printer that `-o` and `--dry-run` ask for.
    pub fn new(inv: &Invocation, dry_run: DryRun) -> Result<Self, Error> {
        let format = Format::of(inv, false)?;
        let printer = Printer::new(format.clone(), inv.is("show-managed-fields"));
        Ok(Self { format, printer, dry_run })
    }

    /// Prints an object of which `operation` was done, such as `created`.
    pub fn print(&mut self, io: &mut Io, object: &Value, operation: &str) -> Result<(), Error> {
        if self.format.is_human() {
            io.print(&format!("{} {operation}{}\n", name_of(object), self.dry_run.suffix()));
        } else {
            io.print(&self.printer.print(object)?);
        }
        Ok(())
    }

    /// Whether whole objects are printed, not only their names.
    pub fn shows_objects(&self) -> bool {
        !self.format.is_human() && !matches!(self.format, Format::Name)
    }
}
