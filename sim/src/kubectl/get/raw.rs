//! `kubectl get --raw PATH`.

use super::super::invocation::Invocation;
use crate::api::Resource;
use crate::core::{Request, Verb};
use crate::flow::{Flow, Io};

pub(super) fn run(inv: &Invocation, io: &mut Io) -> Flow<()> {
    if !inv.args.is_empty() {
        return inv.fail(io, "arguments may not be passed when --raw is specified");
    }
    if inv.is("watch") || inv.is("watch-only") || inv.given("selector") {
        return inv.fail(io, "--raw may not be specified with other flags that filter the server request or alter the output");
    }
    if inv.given("output") {
        return inv.usage_error(io, "--raw and --output are mutually exclusive");
    }
    let uri = inv.flag("raw");
    if !uri.starts_with('/') {
        return inv.usage_error(io, &format!("--raw must be a valid URL path: parse {uri:?}: invalid URI for request"));
    }
    let request = request_of(uri);
    let request = inv.or_fail(io, request)?;
    match io.request(request)? {
        Ok(body) => {
            let text = body["output"].as_str().map_or_else(|| body.to_json(), str::to_string);
            io.print(&text);
            Ok(())
        }
        Err(error) => inv.fail(io, error),
    }
}

/// The request that a path stands for: `/api/v1/namespaces/default/pods/nginx/status?limit=1`.
fn request_of(uri: &str) -> Result<Request, String> {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (group, rest) = match parts.as_slice() {
        ["api", "v1", rest @ ..] => ("", rest),
        ["apis", group, _version, rest @ ..] => (*group, rest),
        _ => return Ok(Request::raw(path.to_string())),
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if rest.first().is_some_and(|plural| Resource::find(group, plural).is_some()) => {
            (*namespace, rest)
        }
        rest => ("", rest),
    };
    let Some(resource) = rest.first().and_then(|plural| Resource::find(group, plural)) else {
        return Ok(Request::raw(path.to_string()));
    };
    let verb = if rest.len() > 1 { Verb::Get } else { Verb::List };
    let name = rest.get(1).copied().unwrap_or_default();
    let subresource = rest.get(2).copied().unwrap_or_default();
    let mut request = Request::new(verb, resource, namespace.to_string(), name.to_string()).sub(subresource.to_string());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let known = ["container", "fieldSelector", "labelSelector", "limit", "previous", "resourceVersion", "tailLines"];
        match known.into_iter().find(|known| *known == name) {
            Some(known) => request = request.param(known, value.to_string()),
            None => return Err(format!("the query parameter {name:?} is not modelled by kube-orrery")),
        }
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_requests() {
        for path in [
            "/api/v1/namespaces/default/pods/nginx/status",
            "/api/v1/namespaces/default/pods?limit=1",
            "/api/v1/namespaces/default",
            "/apis/apps/v1/deployments",
            "/version",
            "/api/v1/nope",
        ] {
            assert_eq!(request_of(path).unwrap().path(), path);
        }
        assert_eq!(request_of("/api/v1/pods").unwrap().verb, Verb::List);
        assert!(request_of("/api/v1/pods?watch=1").is_err());
    }
}
