//! `kubectl set serviceaccount`.

use super::{FLAGS, read, update};
use crate::flow::{Flow, Io};
use crate::kubectl::{Command, Invocation};

pub(super) static COMMAND: Command = Command {
    name: "serviceaccount",
    aliases: &["sa"],
    usage: "serviceaccount (-f FILENAME | TYPE NAME) SERVICE_ACCOUNT",
    short: "Update the service account of a resource",
    examples: &[
        "# Set deployment nginx-deployment's service account to serviceaccount1",
        "kubectl set serviceaccount deployment nginx-deployment serviceaccount1",
    ],
    flags: FLAGS,
    run: Some(run),
    ..Command::NEW
};

fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    let Some((account, args)) = inv.args.split_last() else { return inv.fail(io, "serviceaccount is required") };
    let found = read(inv, io, args)?;
    update(inv, io, &found, ("serviceaccount updated", "ServiceAccountName"), |_, spec| {
        spec.set("serviceAccountName", account);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use crate::kubectl::set::tests::run;

    #[test]
    fn the_last_word_is_the_account() {
        assert_eq!(run("kubectl set sa deployment web builder").out, "deployment.apps/web serviceaccount updated\n");
    }
}
