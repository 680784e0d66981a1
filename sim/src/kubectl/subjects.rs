//! The objects that a changing command starts from: those of `-f`, of names, or of selectors, as the server has them.

use super::error::Error;
use super::invocation::Invocation;
use super::manifests;
use super::resources::{Choice, Found, Target, objects, select};
use crate::core::Request;
use crate::flow::{Flow, Io};

/// What was found, and what was wrong with others: the command goes on with the former (kubectl's `ContinueOnError`).
pub type Subjects = (Vec<Found>, Vec<Error>);

/// Reads the objects. Those of files are fetched too when `latest`, else taken as the files have them.
/// An error means that the command cannot go on at all.
pub fn read(inv: &Invocation, io: &mut Io, args: &[String], choice: Choice, latest: bool) -> Flow<Result<Subjects, Error>> {
    if manifests::given(inv) {
        if !args.is_empty() {
            let text = "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well";
            return Ok(Err(text.into()));
        }
        return of_files(inv, io, choice, latest);
    }
    let targets = match select(inv, args, choice) {
        Ok(targets) => targets,
        Err(error) => return Ok(Err(error)),
    };
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for target in targets {
        match io.request(unchunked(&target))? {
            Ok(body) => found.extend(objects(&target, body)),
            Err(error) => errors.push(error.into()),
        }
    }
    Ok(Ok((found, errors)))
}

/// Only commands that print lists ask for chunks.
pub fn unchunked(target: &Target) -> Request {
    let mut request = target.request();
    request.query.retain(|(name, _)| *name != "limit");
    request
}

fn of_files(inv: &Invocation, io: &mut Io, choice: Choice, latest: bool) -> Flow<Result<Subjects, Error>> {
    let loaded = manifests::load(inv, false)
        .and_then(|mut loaded| manifests::select(&mut loaded, choice.labels.unwrap_or("")).map(|()| loaded));
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(error) => return Ok(Err(error)),
    };
    let (mut found, mut errors) = (Vec::new(), loaded.errors);
    for manifest in loaded.manifests {
        let resource = manifest.resource;
        if !latest {
            found.push(Found { resource, object: manifest.object });
            continue;
        }
        match io.request(Request::get(resource, manifest.namespace().to_string(), manifest.name().to_string()))? {
            Ok(object) => found.push(Found { resource, object }),
            Err(error) => errors.push(error.into()),
        }
    }
    Ok(Ok((found, errors)))
}
