use super::super::testing::{Outcome, run_at, run_offline};
use crate::api::decode::parse_documents;
use crate::api::selector::{FieldSelector, LabelSelector};
use crate::api::{ApiError, Resource};
use crate::core::{Request, Time, Verb};
use crate::shell::Env;
use crate::value;
use crate::value::Value;

/// Objects of a recorded cluster: what the api-server answered.
fn objects() -> Vec<Value> {
    parse_documents(include_str!("testdata/objects.yaml")).unwrap()
}

fn server(request: &Request) -> Result<Value, ApiError> {
    let resource = request.resource.expect("describe asks for objects");
    let here = |object: &Value| {
        Resource::of_kind(object["apiVersion"].str(), object.kind()) == Some(resource)
            && (request.namespace.is_empty() || object.namespace() == &*request.namespace)
    };
    let mut found: Vec<Value> = objects().into_iter().filter(here).collect();
    if request.verb == Verb::Get {
        let object = found.into_iter().find(|object| object.name() == &*request.name);
        return object.ok_or_else(|| ApiError::not_found(&resource.group_resource(), &request.name));
    }
    let labels = LabelSelector::parse(request.query("labelSelector").unwrap_or("")).unwrap();
    let fields = FieldSelector::parse(request.query("fieldSelector").unwrap_or(""), resource).unwrap();
    found.retain(|object| labels.matches_object(object) && fields.matches(resource, object));
    Ok(value!({"items": found}))
}

fn describe(words: &str) -> Outcome {
    let argv: Vec<String> = format!("kubectl -n shop describe {words}").split(' ').map(str::to_string).collect();
    run_at(Time::parse_rfc3339("2026-11-22T17:02:22Z").unwrap(), &argv, &Env::default(), server)
}

fn check(words: &str, expected: &str) {
    let seen = describe(words);
    assert_eq!((seen.err.as_str(), seen.code), ("", Some(0)), "{words}");
    assert!(seen.out == expected, "{words}:\n{}\n--- expected:\n{expected}", seen.out);
}

#[test]
fn descriptions_are_those_of_the_recording() {
    check("pod -l app=web", include_str!("testdata/pod-web.txt"));
    check("pod pending", include_str!("testdata/pod-pending.txt"));
    check("node kind-worker", include_str!("testdata/node.txt"));
    check("deployment web", include_str!("testdata/deployment.txt"));
    check("rs", include_str!("testdata/replicaset.txt"));
    check("ds agent", include_str!("testdata/daemonset.txt"));
    check("svc web", include_str!("testdata/service.txt"));
    check("endpointslices --show-events=false", include_str!("testdata/endpointslice.txt"));
    check("cm settings", include_str!("testdata/configmap.txt"));
    check("pdb", include_str!("testdata/pdb.txt"));
    check("sa default", include_str!("testdata/serviceaccount.txt"));
    check("ns shop", include_str!("testdata/namespace.txt"));
}

#[test]
fn a_prefix_finds_all_that_begin_with_it() {
    let seen = describe("pod web-6d");
    let expected = include_str!("testdata/pod-web.txt");
    assert_eq!(seen.out, format!("{}\n", &expected[..expected.find("Events:").unwrap()]));
    let seen = describe("pod nope");
    assert_eq!((seen.err.as_str(), seen.code), ("Error from server (NotFound): pods \"nope\" not found\n", Some(1)));
    let seen = describe("secret");
    assert_eq!((seen.err.as_str(), seen.code), ("No resources found in shop namespace.\n", Some(0)));
}

#[test]
fn requests_are_those_of_kubectl() {
    let node = describe("node kind-worker").requests;
    assert_eq!(
        node,
        [
            "GET /api/v1/nodes/kind-worker",
            "GET /api/v1/nodes/kind-worker",
            "GET /api/v1/pods?fieldSelector=spec.nodeName=kind-worker,status.phase!=Failed,status.phase!=Succeeded&limit=500",
            "GET /api/v1/events?fieldSelector=involvedObject.name=kind-worker,involvedObject.namespace=,\
             involvedObject.kind=Node,involvedObject.uid=65ef3b3a-0000-4000-8000-000000000001&limit=500",
            "GET /api/v1/events?fieldSelector=involvedObject.name=kind-worker,involvedObject.namespace=,\
             involvedObject.kind=Node,involvedObject.uid=kind-worker&limit=500",
            "GET /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/kind-worker",
        ]
    );
    let deployment = describe("deployment web").requests;
    assert_eq!(deployment[3], "GET /apis/apps/v1/namespaces/shop/replicasets?labelSelector=app=web&limit=500");
}

#[test]
fn a_type_is_required() {
    assert_eq!(
        run_offline("kubectl describe").err,
        "error: You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete list of \
         supported resources.\n"
    );
}
