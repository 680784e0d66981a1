//! `orrery schedule`: files in, answers out.

use orrery_sim::scheduler::answer_table::table;
use orrery_sim::scheduler::what_if::{Answers, FileError, Question, Source, what_if};
use orrery_sim::value::Value;

/// As `kubectl get nodes,pods,priorityclasses -A -o yaml` prints a small cluster, shortened.
const CLUSTER: &str = r#"
apiVersion: v1
kind: List
metadata:
  resourceVersion: ""
items:
- apiVersion: v1
  kind: Node
  metadata:
    name: cp
    labels: {kubernetes.io/hostname: cp}
    managedFields:
    - manager: kubelet
      operation: Update
  spec:
    taints:
    - key: node-role.kubernetes.io/control-plane
      effect: NoSchedule
  status:
    allocatable: {cpu: "4", memory: 8Gi, pods: "110"}
- apiVersion: v1
  kind: Node
  metadata: {name: w1, labels: {kubernetes.io/hostname: w1, disk: ssd}}
  status:
    allocatable: {cpu: "4", memory: 8Gi, pods: "110"}
- apiVersion: v1
  kind: Node
  metadata: {name: w2, labels: {kubernetes.io/hostname: w2}}
  status:
    allocatable: {cpu: "4", memory: 8Gi, pods: "110"}
- apiVersion: v1
  kind: Pod
  metadata: {name: low, namespace: default}
  spec:
    nodeName: w1
    priority: 0
    containers:
    - name: c
      image: pause
      resources: {requests: {cpu: "3", memory: 1Gi}}
  status: {phase: Running}
- apiVersion: scheduling.k8s.io/v1
  kind: PriorityClass
  metadata: {name: high}
  value: 1000
- apiVersion: v1
  kind: Secret
  metadata: {name: s, namespace: default}
- apiVersion: v1
  kind: Secret
  metadata: {name: t, namespace: default}
"#;

fn pod(name: &str, more: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\nspec:\n  containers:\n  - name: c\n    image: pause\n{more}"
    )
}

const CPU_3: &str = "    resources: {requests: {cpu: \"3\"}}\n";

fn ask_with(cluster: &str, config: Option<&str>, pods: &str) -> Result<Answers, FileError> {
    what_if(&Question {
        cluster: vec![Source { name: "cluster.yaml", text: cluster }],
        config: config.map(|text| Source { name: "config.yaml", text }),
        pods: Source { name: "pods.yaml", text: pods },
        seed: 1,
    })
}

fn ask(pods: &str) -> Vec<Value> {
    ask_with(CLUSTER, None, pods).unwrap().pods
}

fn error(pods: &str) -> String {
    ask_with(CLUSTER, None, pods).unwrap_err().to_string()
}

#[test]
fn every_node_has_its_verdict() {
    let answer = &ask(&pod("p", ""))[0];
    assert_eq!(answer["chosen"].str(), "w2");
    assert_eq!(answer["acceptable"].to_json(), r#"["w2"]"#);
    let nodes = answer["nodes"].items();
    assert_eq!(nodes.iter().map(|node| node["name"].str()).collect::<Vec<_>>(), ["cp", "w1", "w2"]);
    assert_eq!(nodes[0]["rejected_by"].str(), "TaintToleration");
    assert_eq!(nodes[0]["reason"].str(), "node(s) had untolerated taint(s)");
    assert!(nodes[0]["total"].is_null());
    let fit = |node: &Value| node["scores"]["NodeResourcesFit"].int();
    assert!(fit(&nodes[2]) > fit(&nodes[1]), "{}", answer.to_json());
}

#[test]
fn pods_see_what_the_former_left() {
    let pods = pod("a", CPU_3) + &pod("b", CPU_3) + &pod("c", "");
    let answers = ask(&pods);
    assert_eq!(answers[0]["chosen"].str(), "w2");
    assert!(answers[1]["chosen"].is_null());
    assert_eq!(
        answers[1]["message"].str(),
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. no new claims to deallocate, preemption: \
         0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod."
    );
    assert!(!answers[2]["chosen"].is_null());
}

#[test]
fn room_is_made_for_what_is_more_important() {
    let high = format!("{CPU_3}  priorityClassName: high\n");
    let answers = ask(&(pod("a", &high) + &pod("b", &high) + &pod("c", &high)));
    assert_eq!(answers[0]["chosen"].str(), "w2");
    assert_eq!((answers[1]["nominated"].str(), answers[1]["victims"].to_json()), ("w1", r#"["low"]"#.to_string()));
    assert_eq!(answers[1]["message"].str(), "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu.");
    assert!(answers[2]["nominated"].is_null(), "the victim is gone and b is in its place: {}", answers[2].to_json());
}

#[test]
fn pods_that_are_not_the_schedulers_business() {
    let gated = pod("a", "  schedulingGates:\n  - name: example.com/wait\n");
    let answers = ask(&(gated + &pod("b", "  schedulerName: mine\n") + &pod("c", "  nodeName: w1\n")));
    assert_eq!(answers[0]["message"].str(), "Scheduling is blocked due to non-empty scheduling gates");
    assert_eq!(answers[0]["note"].str(), "it is not queued: waiting for scheduling gates: [example.com/wait]");
    assert_eq!(answers[1]["note"].str(), "it waits for a scheduler named \"mine\"; this one is default-scheduler");
    assert!(answers[2]["note"].str().starts_with("it names its node \"w1\" itself"));
    assert!(answers.iter().all(|answer| answer["chosen"].is_null()));
}

#[test]
fn a_configuration_changes_the_choice() {
    let config = "\
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- pluginConfig:
  - name: NodeResourcesFit
    args:
      scoringStrategy: {type: MostAllocated, resources: [{name: cpu, weight: 1}, {name: memory, weight: 1}]}
  plugins:
    score:
      disabled: [{name: NodeResourcesBalancedAllocation}]
";
    let answers = ask_with(CLUSTER, Some(config), &pod("p", "")).unwrap().pods;
    assert_eq!(answers[0]["chosen"].str(), "w1", "the fuller node: {}", answers[0].to_json());
    let wrong = config.replace("MostAllocated", "Cheapest");
    let error = ask_with(CLUSTER, Some(&wrong), &pod("p", "")).unwrap_err().to_string();
    assert!(
        error.starts_with("config.yaml:7:25: profiles[0].pluginConfig[0].args.scoringStrategy.type: Unsupported value"),
        "{error}"
    );
}

#[test]
fn objects_may_come_with_the_pods() {
    let class = "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: own}\nvalue: 5\n";
    let answers =
        ask(&format!("{class}{}", pod("p", &format!("{CPU_3}  priorityClassName: own\n  nodeSelector: {{disk: ssd}}\n"))));
    assert_eq!(answers[0]["victims"].to_json(), r#"["low"]"#);
}

#[test]
fn what_is_of_no_use_is_told_once() {
    let answers = ask_with(CLUSTER, None, &pod("p", "    colour: red\n")).unwrap();
    let warnings: Vec<String> = answers.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "cluster.yaml:47:3: 2 of kind Secret: the scheduler does not look at these",
            "pods.yaml:10:5: unknown field \"spec.containers[0].colour\"",
        ]
    );
}

#[test]
fn errors_have_places() {
    assert_eq!(error("a: b: c\n"), "pods.yaml:1:5: mapping values are not allowed in this context");
    assert_eq!(
        error("{\"kind\": \"Pod\",\n nonsense}"),
        "pods.yaml:2:2: invalid character 'n' looking for beginning of object key string"
    );
    assert_eq!(error("- 1\n"), "pods.yaml:1:1: an object is expected here, with apiVersion, kind and metadata");
    assert_eq!(error("metadata: {name: x}\n"), "pods.yaml:1:1: Object 'Kind' is missing");
    assert_eq!(error("# nothing\n"), "pods.yaml: there is no Pod in it");
    assert_eq!(
        error(&pod("p", "    resources: {requests: {cpu: much}}\n")),
        "pods.yaml:10:28: Pod in version \"v1\" cannot be handled as a Pod: quantities must match the regular expression \
         '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    );
    assert_eq!(
        error(&pod("p", "  nodeSelector: [a]\n")),
        "pods.yaml:10:3: Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal array into Go struct field \
         PodSpec.spec.nodeSelector of type map[string]string"
    );
    assert_eq!(
        error(&pod("p", "  restartPolicy: Sometimes\n")),
        "pods.yaml:10:3: Pod \"p\" is invalid: spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \
         \"OnFailure\", \"Never\""
    );
    assert_eq!(error(&pod("p", "  priorityClassName: nope\n")), "pods.yaml:10:3: no PriorityClass with name nope was found");
    assert_eq!(error(&pod("low", "")), "pods.yaml:5:3: pods \"low\" already exists");
    assert_eq!(
        error("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n"),
        "pods.yaml:2:1: Deployment is of no use to the scheduler: Node, Pod, PriorityClass, Namespace, PersistentVolume, \
         PersistentVolumeClaim, StorageClass, CSINode, CSIDriver, CSIStorageCapacity, Service, ReplicaSet, StatefulSet and PodDisruptionBudget are"
    );
}

#[test]
fn the_table_of_an_answer() {
    let have = table(&ask(&pod("p", "")));
    let mut lines = have.lines();
    assert_eq!(lines.next(), Some("default/p: goes to w2"));
    let heads: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
    assert_eq!(heads[..2], ["NODE", "TOTAL"]);
    let rows: Vec<&str> = lines.map(|line| line.split_whitespace().next().unwrap_or_default()).collect();
    assert_eq!(rows, ["w2", "w1", "cp"]);
}
