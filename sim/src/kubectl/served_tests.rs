//! kubectl against the simulated api-server.

use crate::core::Time;
use crate::flow::{Answer, Ask, Halt, Io, Log, Stream};
use crate::kubectl::invocation::printed;
use crate::lab::Lab;
use crate::shell::Env;
use crate::value;
use crate::value::Value;

/// Runs a line of words; (stdout, stderr, exit code).
fn run(lab: &mut Lab, line: &str) -> (String, String, i32) {
    let argv: Vec<String> = line.split(' ').map(|word| word.replace('~', " ")).collect();
    let started = lab.cluster.now();
    let mut log = Log::default();
    let mut answered = 0;
    loop {
        let mut io = Io::new(started, &log);
        let result = super::main(&argv, &Env::default(), &mut io);
        let code = match result {
            Ok(()) => 0,
            Err(Halt::Exit(code)) => code,
            Err(Halt::Pending) => {
                let asks: Vec<Ask> = io.asks()[answered..].to_vec();
                assert!(!asks.is_empty(), "{line} waits for nothing");
                for ask in asks {
                    match ask {
                        Ask::Request(request) => {
                            let response = lab.request(request);
                            log.push(lab.cluster.now(), answered, Answer::Response(response.into()));
                        }
                        Ask::WakeAt(at) => {
                            lab.run(at.since(lab.cluster.now()));
                            log.push(at, answered, Answer::Awake);
                        }
                        other => panic!("{line} asks {other:?}"),
                    }
                    answered += 1;
                }
                continue;
            }
        };
        return (printed(&io, Stream::Out), printed(&io, Stream::Err), code);
    }
}

fn check(lab: &mut Lab, line: &str, out: &str, err: &str) {
    let (seen_out, seen_err, code) = run(lab, line);
    assert_eq!((seen_out.as_str(), seen_err.as_str()), (out, err), "{line}");
    assert_eq!(code, i32::from(err.starts_with("error") || err.starts_with("Error")), "{line}");
}

fn lab() -> Lab {
    use crate::api::resource::{CONFIGMAPS, DEPLOYMENTS, SERVICES};
    use crate::core::Request;
    let mut lab = Lab::new(1, &[]);
    let meta = |name: &'static str| value!({"name": name, "namespace": "default", "labels": {"app": name}});
    let mut create = |resource, object: Value| {
        let response = lab.request(Request::create(resource, object));
        assert!(response.ok(), "{:?}", response.body.to_json());
    };
    create(CONFIGMAPS, value!({"metadata": meta("settings"), "data": {"color": "blue"}}));
    create(
        DEPLOYMENTS,
        value!({"metadata": meta("web"), "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "nginx", "image": "nginx:1.27"}]}}}}),
    );
    create(
        SERVICES,
        value!({"metadata": meta("web"), "spec": {"clusterIP": "10.96.10.10", "selector": {"app": "web"}, "ports": [{"port": 80}]}}),
    );
    lab
}

#[test]
fn tables_come_from_the_server() {
    let mut lab = lab();
    let lab = &mut lab;
    check(lab, "kubectl get cm settings", "NAME       DATA   AGE\nsettings   1      0s\n", "");
    check(
        lab,
        "kubectl get deploy,svc",
        "NAME                  READY   UP-TO-DATE   AVAILABLE   AGE\n\
         deployment.apps/web   0/2     0            0           0s\n\n\
         NAME                 TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)   AGE\n\
         service/kubernetes   ClusterIP   10.96.0.1     <none>        443/TCP   0s\n\
         service/web          ClusterIP   10.96.10.10   <none>        80/TCP    0s\n",
        "",
    );
    check(
        lab,
        "kubectl get svc -l app=web -o wide --no-headers",
        "web   ClusterIP   10.96.10.10   <none>   80/TCP   0s    app=web\n",
        "",
    );
    check(lab, "kubectl get pods", "", "No resources found in default namespace.\n");
    check(lab, "kubectl get svc -o name", "service/kubernetes\nservice/web\n", "");
    check(lab, "kubectl get cm settings -o jsonpath={.data.color}/{.metadata.labels.app}", "blue/settings", "");
    check(
        lab,
        "kubectl get ns --sort-by=.metadata.name -o custom-columns=NAME:.metadata.name",
        "NAME\ndefault\nkube-node-lease\nkube-public\nkube-system\n",
        "",
    );
    let (yaml, _, _) = run(lab, "kubectl get deploy web -o yaml");
    assert!(yaml.starts_with("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n"), "{yaml}");
    assert!(yaml.contains("\n  strategy:\n    rollingUpdate:\n      maxSurge: 25%\n"), "{yaml}");
}

#[test]
fn the_servers_errors_are_shown_as_recorded() {
    let mut lab = lab();
    let lab = &mut lab;
    check(lab, "kubectl get pod nope", "", "Error from server (NotFound): pods \"nope\" not found\n");
    check(lab, "kubectl describe deployment nope", "", "Error from server (NotFound): deployments.apps \"nope\" not found\n");
    check(
        lab,
        "kubectl get pods -l a~in~b",
        "",
        "Error from server (BadRequest): Unable to find \"/v1, Resource=pods\" that match label selector \"a in b\", field selector \
         \"\": unable to parse requirement: found 'b' expected: '('\n",
    );
    check(
        lab,
        "kubectl get pods --field-selector spec.foo=1",
        "",
        "Error from server (BadRequest): Unable to find \"/v1, Resource=pods\" that match label selector \"\", field selector \
         \"spec.foo=1\": field label not supported: spec.foo\n",
    );
    check(lab, "kubectl get --raw /nope", "", "Error from server (NotFound): the server could not find the requested resource\n");
    check(lab, "kubectl top pods", "", "error: Metrics API not available\n");
}

#[test]
fn descriptions_and_versions() {
    let mut lab = lab();
    let lab = &mut lab;
    check(
        lab,
        "kubectl describe cm settings",
        "Name:         settings\nNamespace:    default\nLabels:       app=settings\nAnnotations:  <none>\n\nData\n====\ncolor:\n----\n\
         blue\n\n\nBinaryData\n====\n\nEvents:  <none>\n",
        "",
    );
    let (out, _, _) = run(lab, "kubectl describe svc web");
    assert!(
        out.contains(
            "IP Family Policy:         SingleStack\nIP Families:              IPv4\nIP:                       10.96.10.10\n"
        ),
        "{out}"
    );
    let (out, _, _) = run(lab, "kubectl describe deployment web");
    assert!(out.contains("Replicas:               2 desired | 0 updated | 0 total | 0 available | 0 unavailable\n"), "{out}");
    let (out, err, _) = run(lab, "kubectl version");
    assert!(out.contains("Server Version: v1.36."), "{out}");
    assert_eq!(err, "");
    let (out, _, _) = run(lab, "kubectl api-versions");
    assert!(out.starts_with("apps/v1\n") && out.ends_with("\nv1\n"), "{out}");
    assert!(lab.cluster.now() > Time::ZERO);
}
