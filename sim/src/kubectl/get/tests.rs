use std::rc::Rc;

use super::super::testing::{run, run_offline};
use crate::api::table::table;
use crate::api::{ApiError, Resource};
use crate::core::{EnvelopeId, Request, Response, Time, Verb, WatchBatch, WatchEvent, WatchType};
use crate::flow::{Answer, Io, Log, Stream};
use crate::shell::Env;
use crate::value;
use crate::value::Value;

fn pod(name: &str, phase: &str) -> Value {
    value!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name.to_string(), "namespace": "default", "creationTimestamp": "2026-01-05T09:00:00Z", "labels": {"run": name.to_string()}},
        "spec": {"nodeName": "kind-worker", "containers": [{"name": "c", "image": "nginx"}]},
        "status": {"phase": phase.to_string(), "podIPs": [{"ip": "10.244.1.2"}], "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "c", "ready": true, "restartCount": 0, "state": {"running": {}}}]}})
}

fn deployment() -> Value {
    value!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default",
        "creationTimestamp": "2026-01-05T09:00:00Z"}, "spec": {"replicas": 1},
        "status": {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, "availableReplicas": 1}})
}

/// An api-server with two pods and a deployment.
fn server(request: &Request) -> Result<Value, ApiError> {
    let resource = request.resource.ok_or_else(|| ApiError::new(404, "NotFound", "no such path"))?;
    let stored: Vec<Value> = match resource.plural {
        "pods" => vec![pod("web-10", "Running"), pod("web-9", "Running")],
        "deployments" => vec![deployment()],
        _ => Vec::new(),
    };
    let now = Time(5_000_000);
    if request.verb == Verb::Get {
        let object = stored.into_iter().find(|object| object.name() == &*request.name);
        let object = object.ok_or_else(|| ApiError::not_found(&resource.group_resource(), &request.name))?;
        return Ok(if request.as_table { table(resource, &[object], now, "7", false) } else { object });
    }
    let whole = request.query("includeObject") == Some("Object");
    Ok(if request.as_table {
        table(resource, &stored, now, "7", whole)
    } else {
        let items: Value = stored
            .into_iter()
            .map(|mut object| {
                object.remove("kind");
                object.remove("apiVersion");
                object
            })
            .collect();
        value!({"kind": "List", "metadata": {"resourceVersion": "7"}, "items": items})
    })
}

fn check(line: &str, out: &str, err: &str, code: i32) {
    let seen = run(line, &Env::default(), server);
    assert_eq!((seen.out.as_str(), seen.err.as_str(), seen.code), (out, err, Some(code)), "{line}");
}

#[test]
fn tables() {
    check(
        "kubectl get pods",
        "NAME     READY   STATUS    RESTARTS   AGE\nweb-10   1/1     Running   0          5s\nweb-9    1/1     Running   0          5s\n",
        "",
        0,
    );
    check(
        "kubectl get po web-9 -o wide --no-headers",
        "web-9   1/1   Running   0     5s    10.244.1.2   kind-worker   <none>   <none>\n",
        "",
        0,
    );
    check(
        "kubectl get pods --sort-by=.metadata.name --no-headers -L run",
        "web-9    1/1   Running   0     5s    web-9\nweb-10   1/1   Running   0     5s    web-10\n",
        "",
        0,
    );
    check(
        "kubectl get deploy,svc,pods -A",
        "NAMESPACE   NAME                  READY   UP-TO-DATE   AVAILABLE   AGE\n\
         default     deployment.apps/web   1/1     1            1           5s\n\n\
         NAMESPACE   NAME         READY   STATUS    RESTARTS   AGE\n\
         default     pod/web-10   1/1     Running   0          5s\n\
         default     pod/web-9    1/1     Running   0          5s\n",
        "",
        0,
    );
    check("kubectl get svc", "", "No resources found in default namespace.\n", 0);
    check("kubectl get svc -n shop", "", "No resources found in shop namespace.\n", 0);
    check("kubectl get svc -A", "", "No resources found\n", 0);
    check("kubectl get nodes", "", "No resources found\n", 0);
    check("kubectl get svc --ignore-not-found", "", "", 0);
    check(
        "kubectl get ep -A",
        "",
        "Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice\nNo resources found\n",
        0,
    );
}

#[test]
fn formats_for_programs() {
    check("kubectl get pods -o name", "pod/web-10\npod/web-9\n", "", 0);
    check("kubectl get deploy,pods -o name", "deployment.apps/web\npod/web-10\npod/web-9\n", "", 0);
    check("kubectl get pod web-9 -o jsonpath={.metadata.name}", "web-9", "", 0);
    check("kubectl get pod -o jsonpath={.items[*].kind}", "Pod Pod", "", 0);
    check("kubectl get pod -o custom-columns=N:.metadata.name", "N\nweb-10\nweb-9\n", "", 0);
    check("kubectl get svc -o yaml", "apiVersion: v1\nitems: []\nkind: List\nmetadata:\n  resourceVersion: \"\"\n", "", 0);
    assert!(run("kubectl get pod web-9 -o json", &Env::default(), server).out.starts_with("{\n    \"apiVersion\": \"v1\",\n"));
}

#[test]
fn errors_as_recorded() {
    check("kubectl get foos", "", "error: the server doesn't have a resource type \"foos\"\n", 1);
    check("kubectl get pod,depoyments", "", "error: the server doesn't have a resource type \"depoyments\"\n", 1);
    check(
        "kubectl get ingress -A",
        "",
        "error: the server doesn't have a resource type \"ingress\"\n(Ingress is not modelled by kube-orrery)\n",
        1,
    );
    check("kubectl get pods --sort-by=.spec.nope", "", "No resources found in default namespace.\n", 0);
    check("kubectl get pod nope", "", "Error from server (NotFound): pods \"nope\" not found\n", 1);
    check("kubectl get pod nope --ignore-not-found", "", "", 0);
    check("kubectl get pod nope -o yaml", "", "Error from server (NotFound): pods \"nope\" not found\n", 1);
    check(
        "kubectl get pods nope web-9",
        "NAME    READY   STATUS    RESTARTS   AGE\nweb-9   1/1     Running   0          5s\n",
        "Error from server (NotFound): pods \"nope\" not found\n",
        1,
    );
    check("kubectl get pod nginx -l a=b", "", "error: name cannot be provided when a selector is specified\n", 1);
    check("kubectl get pod nginx -A", "", "error: a resource cannot be retrieved by name across all namespaces\n", 1);
    check(
        "kubectl get pod/nginx deploy",
        "",
        "error: there is no need to specify a resource type as a separate argument when passing arguments in resource/name form \
         (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'\n",
        1,
    );
    check(
        "kubectl get pods -o nope",
        "",
        "error: unable to match a printer suitable for the output format \"nope\", allowed formats are: \
         custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,\
         template,templatefile,wide,yaml\n",
        1,
    );
    check("kubectl get pods --show-labels -o yaml", "", "error: --show-labels option cannot be used with yaml printer\n", 1);
    check("kubectl get pod/a/b", "", "error: arguments in resource/name form may not have more than one slash\n", 1);
    check("kubectl get --raw /nope", "", "Error from server (NotFound): no such path\n", 1);
    check(
        "kubectl get pods -w deploy/web",
        "",
        "error: there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'\n",
        1,
    );
    check("kubectl get pods,deploy -w", "", "error: you may only specify a single resource type\n", 1);
    assert_eq!(
        run_offline("kubectl get").err,
        "You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of supported resources.\n\n\
         error: Required resource not specified.\nUse \"kubectl explain <resource>\" for a detailed description of that resource \
         (e.g. kubectl explain pods).\nSee 'kubectl get -h' for help and examples\n"
    );
}

#[test]
fn requests_are_those_of_kubectl() {
    let requests = |line: &str| run(line, &Env::default(), server).requests;
    assert_eq!(requests("kubectl get pods"), ["GET /api/v1/namespaces/default/pods?limit=500"]);
    assert_eq!(requests("kubectl get pods -A -l a=b"), ["GET /api/v1/pods?labelSelector=a=b&limit=500"]);
    assert_eq!(
        requests("kubectl get events --sort-by=.metadata.creationTimestamp"),
        ["GET /api/v1/namespaces/default/events?includeObject=Object"]
    );
    assert_eq!(requests("kubectl get pods -n x a b"), ["GET /api/v1/namespaces/x/pods/a", "GET /api/v1/namespaces/x/pods/b"]);
}

#[test]
fn a_watch_prints_every_change_on_a_line() {
    let pods = Resource::find("", "pods").unwrap();
    let argv: Vec<String> = "kubectl get pods --watch".split(' ').map(str::to_string).collect();
    let env = Env::default();
    let mut log = Log::default();
    let empty = Response { to: EnvelopeId(0), code: 200, body: table(pods, &[], Time::ZERO, "7", false) };
    log.push(Time(1_000_000), 0, Answer::Response(Rc::new(empty)));
    let mut pending = pod("nginx", "Pending");
    pending["status"].remove("containerStatuses");
    let mut creating = pod("nginx", "Pending");
    creating["status"]["containerStatuses"] =
        value!([{"name": "c", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}}]);
    let states =
        [(WatchType::Added, pending, 0), (WatchType::Modified, creating, 0), (WatchType::Deleted, pod("nginx", "Running"), 2)];
    for (kind, object, age_s) in states {
        let now = Time(age_s * 1_000_000);
        let event = WatchEvent { kind, object: table(pods, &[object], now, "", false) };
        let batch = WatchBatch { stream: EnvelopeId(1), resource: pods, events: vec![event] };
        log.push(Time(2_000_000), 1, Answer::Watch(Rc::new(batch)));
    }
    let mut io = Io::new(Time::ZERO, &log);
    assert_eq!(super::super::main(&argv, &env, &mut io), Err(crate::flow::Halt::Pending));
    assert_eq!(
        super::super::invocation::printed(&io, Stream::Out),
        "NAME    READY   STATUS    RESTARTS   AGE\n\
         nginx   0/1     Pending   0          0s\n\
         nginx   0/1     ContainerCreating   0          0s\n\
         nginx   1/1     Running             0          2s\n"
    );
    let watch = match &io.asks()[1] {
        crate::flow::Ask::Request(request) => request.path(),
        other => panic!("{other:?}"),
    };
    assert_eq!(watch, "/api/v1/namespaces/default/pods?resourceVersion=7&watch=true");
}

#[test]
fn objects_of_files_are_read_one_by_one() {
    let manifest =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web-9}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n";
    let env = Env { stdin: Some(manifest.into()), ..Env::default() };
    let seen = run("kubectl get -f -", &env, server);
    assert_eq!(
        seen.out,
        "NAME        READY   STATUS    RESTARTS   AGE\npod/web-9   1/1     Running   0          5s\n\n\
         NAME                  READY   UP-TO-DATE   AVAILABLE   AGE\ndeployment.apps/web   1/1     1            1           5s\n"
    );
    assert_eq!(
        seen.requests,
        ["GET /api/v1/namespaces/default/pods/web-9", "GET /apis/apps/v1/namespaces/default/deployments/web"]
    );
    assert_eq!(run_offline("kubectl get -f nope.yaml").err, "error: the path \"nope.yaml\" does not exist\n");
    assert_eq!(
        run_offline("kubectl describe -f a pod").err,
        "error: when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well\n"
    );
}
