//! Sentences: what each part does, and what a message says. `{a}` stands for the sender, `{b}` for the receiver, `{c}` for
//! what it is about, `{d}` for the rest.

use orrery_sim::core::{Controller, Part};

/// The sentences of a language.
#[derive(Debug)]
#[allow(missing_docs)] // Each field's text in `EN` says what it is.
pub struct Say {
    /// What a part does, in one sentence.
    pub does: fn(Part) -> &'static str,
    pub party: &'static str,
    pub sub: &'static str,
    pub get: &'static str,
    pub list: &'static str,
    pub watch: &'static str,
    pub create: &'static str,
    pub update: &'static str,
    pub patch: &'static str,
    pub delete: &'static str,
    pub delete_all: &'static str,
    pub raw: &'static str,
    pub status: &'static str,
    pub bind: &'static str,
    pub evict: &'static str,
    pub token: &'static str,
    pub event: &'static str,
    pub lease: &'static str,
    pub answer: &'static str,
    pub refuse: &'static str,
    pub added: &'static str,
    pub modified: &'static str,
    pub deleted: &'static str,
    pub bookmark: &'static str,
    pub changes: &'static str,
    pub etcd_get: &'static str,
    pub etcd_put: &'static str,
    pub etcd_delete: &'static str,
    pub etcd_watch: &'static str,
    pub etcd_other: &'static str,
    pub etcd_answer: &'static str,
    pub etcd_event: &'static str,
    pub peer: &'static str,
    pub call: &'static str,
    pub done: &'static str,
    pub undone: &'static str,
    pub report: &'static str,
    pub pull: &'static str,
    pub pulled: &'static str,
    pub failure: &'static str,
    pub lost: &'static str,
    // Names of facts in the inspector.
    pub f_machine: &'static str,
    pub f_running: &'static str,
    pub f_yes: &'static str,
    pub f_no: &'static str,
    pub f_from: &'static str,
    pub f_to: &'static str,
    pub f_sent: &'static str,
    pub f_way: &'static str,
    pub f_kind: &'static str,
    pub f_request: &'static str,
    pub f_error: &'static str,
    pub f_after_entry: &'static str,
    pub f_of_term: &'static str,
    pub f_term: &'static str,
    pub f_entries: &'static str,
    pub f_committed: &'static str,
    pub f_address: &'static str,
    pub f_processes: &'static str,
    pub f_owner: &'static str,
    pub f_looked_at: &'static str,
    /// Not all objects were looked at: how many.
    pub only_first: &'static str,
    pub f_keys: &'static str,
    pub f_size: &'static str,
    pub f_compacted: &'static str,
    pub f_requests: &'static str,
    pub f_watches: &'static str,
    pub f_in_line: &'static str,
    pub f_backing_off: &'static str,
    pub f_unschedulable: &'static str,
    pub f_last_decision: &'static str,
    pub f_no_node: &'static str,
    pub f_leads: &'static str,
    pub f_queue: &'static str,
    pub f_waiting: &'static str,
    pub f_working: &'static str,
    pub f_pods_run: &'static str,
    pub f_last_lease: &'static str,
    pub f_statuses: &'static str,
    pub f_sandboxes: &'static str,
    pub f_containers: &'static str,
    pub f_images: &'static str,
    pub f_rules: &'static str,
    pub f_syncs: &'static str,
    pub f_endpoints_none: &'static str,
    pub f_exit: &'static str,
    pub f_owns: &'static str,
    pub f_about: &'static str,
    pub f_selects: &'static str,
    pub f_selected_by: &'static str,
    pub f_in_etcd: &'static str,
    pub f_caches: &'static str,
}

/// A template with its gaps filled.
pub fn fill(template: &str, gaps: &[(&str, &str)]) -> String {
    gaps.iter().fold(template.to_string(), |text, (gap, value)| text.replace(gap, value))
}

/// English.
pub static EN: Say = Say {
    does: does_en,
    party: "{a} on {b}",
    sub: "{d} of {c}",
    get: "{a} reads {c}.",
    list: "{a} asks for the list of {c}.",
    watch: "{a} asks to be told of every change of {c}.",
    create: "{a} creates {c}.",
    update: "{a} replaces {c} by a new version.",
    patch: "{a} changes {c}.",
    delete: "{a} asks to delete {c}.",
    delete_all: "{a} asks to delete all {c}.",
    raw: "{a} asks for {c}.",
    status: "{a} reports the status of {c}.",
    bind: "{a} binds {c} to node {d}.",
    evict: "{a} asks to evict {c}.",
    token: "{a} asks for a token of {c}.",
    event: "{a} records the event {d} about {c}.",
    lease: "{a} renews the lease {c}: a sign of life.",
    answer: "{a} answers {b} with {d}. The question was: {c}.",
    refuse: "{a} refuses what {b} asked ({c}): {d}.",
    added: "{a} tells {b}, who watches: {c} is there.",
    modified: "{a} tells {b}, who watches: {c} has changed.",
    deleted: "{a} tells {b}, who watches: {c} is gone.",
    bookmark: "{a} tells {b}, who watches, how far it has come: nothing new.",
    changes: "{a} tells {b}, who watches, of {d} changes of {c}.",
    etcd_get: "{a} reads {c} from etcd.",
    etcd_put: "{a} writes {c} into etcd.",
    etcd_delete: "{a} removes {c} from etcd.",
    etcd_watch: "{a} asks etcd to be told of every change below {c}.",
    etcd_other: "{a} asks etcd: {c}.",
    etcd_answer: "etcd answers; its revision is {d}.",
    etcd_event: "etcd tells {b} what has changed up to revision {d}.",
    peer: "{a} and {b} are members of etcd and agree by Raft: {c}.",
    call: "{a} has {b} carry out {c}.",
    done: "{a} tells {b} that it is done: {c}.",
    undone: "{a} tells {b} that it failed ({c}): {d}.",
    report: "{a} reports to {b}: {c}.",
    pull: "{a} asks the registry: {c}.",
    pulled: "The registry answers {b}: {c}.",
    failure: "The connection of {b} to {a} failed: {d}.",
    lost: "Nobody was there to receive it.",
    f_machine: "Machine",
    f_running: "Running",
    f_yes: "yes",
    f_no: "no",
    f_from: "From",
    f_to: "To",
    f_sent: "Sent",
    f_way: "On its way",
    f_kind: "Kind",
    f_request: "Request",
    f_error: "Error",
    f_after_entry: "After entry",
    f_of_term: "of term",
    f_term: "Term",
    f_entries: "Entries",
    f_committed: "Committed",
    f_address: "Address",
    f_processes: "Processes",
    f_owner: "Controlled by",
    f_looked_at: "Looked at",
    only_first: "only the first {} of a kind",
    f_keys: "Keys",
    f_size: "Size",
    f_compacted: "Compacted up to",
    f_requests: "Requests served",
    f_watches: "Open requests and watches",
    f_in_line: "Pods in line",
    f_backing_off: "Pods in back-off",
    f_unschedulable: "Unschedulable pods",
    f_last_decision: "Last decision",
    f_no_node: "no node fits",
    f_leads: "Holds the lease",
    f_queue: "Work queue",
    f_waiting: "{} wait",
    f_working: "{} in work",
    f_pods_run: "Pods",
    f_last_lease: "Last lease",
    f_statuses: "Statuses to report",
    f_sandboxes: "Sandboxes",
    f_containers: "Containers",
    f_images: "Images",
    f_rules: "Rules",
    f_syncs: "Syncs",
    f_endpoints_none: "no endpoint",
    f_exit: "Exit code",
    f_owns: "Owns",
    f_about: "About",
    f_selects: "Selects",
    f_selected_by: "Selected by",
    f_in_etcd: "In etcd",
    f_caches: "Informers' caches",
};

const fn does_en(part: Part) -> &'static str {
    match part {
        Part::Shell => "Your command line: it turns a command into requests to the api-server, and the answers into text.",
        Part::Etcd => "The cluster's only memory: a key-value store with revisions. Only the api-server speaks to it.",
        Part::ApiServer => "The hub: checks every request, stores objects in etcd, and tells all who watch what has changed.",
        Part::Scheduler => {
            "Watches for pods without a node, filters and scores the nodes, and writes its choice as a binding. It starts nothing."
        }
        Part::Kubelet => {
            "The node's agent: watches for pods bound to its node, has the container runtime start and stop them, and reports their status."
        }
        Part::Runtime => {
            "The container runtime: pulls images and runs pods' sandboxes and containers as the kubelet asks by CRI."
        }
        Part::KubeProxy => {
            "Watches Services and EndpointSlices and writes the node's packet rules, so that a Service's address leads to its pods."
        }
        Part::Kindnet => "kind's network plugin: routes between the nodes' pod networks.",
        Part::CoreDns => "The cluster's DNS server: answers names of Services and pods.",
        Part::LocalPathProvisioner => "kind's storage provisioner: makes volumes out of folders of a node.",
        Part::Kubeadm => "Sets up a control plane or joins a node to one, then ends.",
        Part::Systemd => "The node's first process: starts and restarts containerd and the kubelet.",
        Part::Registry => "Where images come from; it is outside of the cluster.",
        Part::Docker => "Runs kind's nodes as containers on your computer.",
        Part::LoadBalancer => "Passes connections on to one of several api-servers.",
        Part::Controller(controller) => match controller {
            Controller::Manager => {
                "Runs the controllers: each watches objects and acts until what is there matches what is wanted."
            }
            Controller::Deployment => {
                "Keeps a ReplicaSet for each version of a Deployment and shifts replicas from the old to the new one."
            }
            Controller::ReplicaSet => "Creates and deletes pods until as many exist as the ReplicaSet wants.",
            Controller::DaemonSet => "Keeps one pod of each DaemonSet on every node that suits it.",
            Controller::Node => {
                "Watches the nodes' leases: taints a node that falls silent, evicts its pods, and gives new nodes their pod network."
            }
            Controller::Ttl => "Notes on each node how long kubelets may cache Secrets and ConfigMaps.",
            Controller::Endpoint => "Keeps the older Endpoints objects of Services.",
            Controller::EndpointSlice => "Lists the addresses of the pods behind each Service in EndpointSlices.",
            Controller::Namespace => "Deletes everything in a namespace that is being deleted.",
            Controller::GarbageCollector => "Deletes objects whose owner is gone.",
            Controller::ServiceAccount => "Makes the ServiceAccount `default` in every namespace.",
            Controller::RootCa => "Puts the cluster's root certificate into every namespace as a ConfigMap.",
            Controller::Disruption => "Counts for each PodDisruptionBudget how many pods may be evicted.",
            Controller::PodGc => "Removes pods whose node is gone, and ended pods when there are too many.",
        },
    }
}

/// German.
pub static DE: Say = Say {
    does: does_de,
    party: "{a} auf {b}",
    sub: "{d} von {c}",
    get: "{a} liest {c}.",
    list: "{a} fragt nach der Liste: {c}.",
    watch: "{a} will jede Änderung erfahren von: {c}.",
    create: "{a} legt {c} an.",
    update: "{a} ersetzt {c} durch eine neue Fassung.",
    patch: "{a} ändert {c}.",
    delete: "{a} will {c} löschen.",
    delete_all: "{a} will alles löschen von: {c}.",
    raw: "{a} fragt nach {c}.",
    status: "{a} meldet den Status von {c}.",
    bind: "{a} bindet {c} an den Node {d}.",
    evict: "{a} will {c} verdrängen.",
    token: "{a} bittet um ein Token für {c}.",
    event: "{a} schreibt das Event {d} zu {c}.",
    lease: "{a} erneuert die Lease {c}: ein Lebenszeichen.",
    answer: "{a} antwortet {b} mit {d}. Die Frage war: {c}.",
    refuse: "{a} weist ab, was {b} wollte ({c}): {d}.",
    added: "{a} sagt {b} über den Watch: {c} ist da.",
    modified: "{a} sagt {b} über den Watch: {c} hat sich geändert.",
    deleted: "{a} sagt {b} über den Watch: {c} ist weg.",
    bookmark: "{a} sagt {b} über den Watch, wie weit er ist: nichts Neues.",
    changes: "{a} meldet {b} über den Watch {d} Änderungen von: {c}.",
    etcd_get: "{a} liest {c} aus etcd.",
    etcd_put: "{a} schreibt {c} in etcd.",
    etcd_delete: "{a} entfernt {c} aus etcd.",
    etcd_watch: "{a} will von etcd jede Änderung unter {c} erfahren.",
    etcd_other: "{a} verlangt von etcd: {c}.",
    etcd_answer: "etcd antwortet; seine Revision ist {d}.",
    etcd_event: "etcd sagt {b}, was sich bis Revision {d} geändert hat.",
    peer: "{a} und {b} gehören zu etcd und einigen sich mit Raft: {c}.",
    call: "{a} lässt {b} ausführen: {c}.",
    done: "{a} meldet {b}, dass es erledigt ist: {c}.",
    undone: "{a} meldet {b}, dass es misslang ({c}): {d}.",
    report: "{a} meldet {b}: {c}.",
    pull: "{a} fragt die Registry: {c}.",
    pulled: "Die Registry antwortet {b}: {c}.",
    failure: "Die Verbindung von {b} zu {a} schlug fehl: {d}.",
    lost: "Niemand war da, um es anzunehmen.",
    f_machine: "Maschine",
    f_running: "Läuft",
    f_yes: "ja",
    f_no: "nein",
    f_from: "Von",
    f_to: "An",
    f_sent: "Abgeschickt",
    f_way: "Unterwegs",
    f_kind: "Art",
    f_request: "Anfrage",
    f_error: "Fehler",
    f_after_entry: "Nach Eintrag",
    f_of_term: "der Amtszeit",
    f_term: "Amtszeit",
    f_entries: "Einträge",
    f_committed: "Bestätigt bis",
    f_address: "Adresse",
    f_processes: "Prozesse",
    f_owner: "Gehört zu",
    f_looked_at: "Durchsucht",
    only_first: "nur die ersten {} einer Art",
    f_keys: "Schlüssel",
    f_size: "Größe",
    f_compacted: "Verdichtet bis",
    f_requests: "Beantwortete Anfragen",
    f_watches: "Offene Anfragen und Watches",
    f_in_line: "Pods an der Reihe",
    f_backing_off: "Pods in Wartefrist",
    f_unschedulable: "Pods ohne passenden Node",
    f_last_decision: "Letzte Entscheidung",
    f_no_node: "kein Node passt",
    f_leads: "Hält die Lease",
    f_queue: "Arbeitsschlange",
    f_waiting: "{} warten",
    f_working: "{} in Arbeit",
    f_pods_run: "Pods",
    f_last_lease: "Letzte Lease",
    f_statuses: "Noch zu meldende Status",
    f_sandboxes: "Sandboxes",
    f_containers: "Container",
    f_images: "Images",
    f_rules: "Regeln",
    f_syncs: "Abgleiche",
    f_endpoints_none: "kein Endpunkt",
    f_exit: "Rückgabewert",
    f_owns: "Besitzt",
    f_about: "Betrifft",
    f_selects: "Wählt aus",
    f_selected_by: "Ausgewählt von",
    f_in_etcd: "In etcd liegt",
    f_caches: "Caches der Informer",
};

const fn does_de(part: Part) -> &'static str {
    match part {
        Part::Shell => "Die Befehlszeile: Sie macht aus einem Befehl Anfragen an den API-Server und aus den Antworten Text.",
        Part::Etcd => {
            "Das einzige Gedächtnis des Clusters: ein Speicher für Schlüssel und Werte mit Revisionen. Nur der API-Server spricht mit ihm."
        }
        Part::ApiServer => {
            "Die Drehscheibe: prüft jede Anfrage, speichert Objekte in etcd und sagt allen, die zusehen, was sich geändert hat."
        }
        Part::Scheduler => {
            "Wartet auf Pods ohne Node, filtert und bewertet die Nodes und schreibt seine Wahl als Binding. Er startet nichts."
        }
        Part::Kubelet => {
            "Der Agent des Nodes: sieht Pods, die an seinen Node gebunden sind, lässt die Container-Runtime sie starten und beenden und meldet ihren Status."
        }
        Part::Runtime => {
            "Die Container-Runtime: lädt Images und betreibt Sandboxes und Container der Pods, wie es der Kubelet über CRI verlangt."
        }
        Part::KubeProxy => {
            "Beobachtet Services und EndpointSlices und schreibt die Paketregeln des Nodes, damit die Adresse eines Service zu seinen Pods führt."
        }
        Part::Kindnet => "Das Netz-Plugin von kind: leitet Pakete zwischen den Pod-Netzen der Nodes.",
        Part::CoreDns => "Der DNS-Server des Clusters: beantwortet Namen von Services und Pods.",
        Part::LocalPathProvisioner => "Der Speicher-Provisioner von kind: macht Volumes aus Ordnern eines Nodes.",
        Part::Kubeadm => "Richtet eine Control-Plane ein oder nimmt einen Node in sie auf und endet dann.",
        Part::Systemd => "Der erste Prozess des Nodes: startet containerd und Kubelet, auch wieder.",
        Part::Registry => "Woher Images kommen; sie steht außerhalb des Clusters.",
        Part::Docker => "Betreibt die Nodes von kind als Container auf diesem Rechner.",
        Part::LoadBalancer => "Reicht Verbindungen an einen von mehreren API-Servern weiter.",
        Part::Controller(controller) => match controller {
            Controller::Manager => {
                "Betreibt die Controller: Jeder beobachtet Objekte und handelt, bis das Vorhandene dem Gewünschten entspricht."
            }
            Controller::Deployment => {
                "Hält für jede Fassung eines Deployments ein ReplicaSet und verschiebt Replikate vom alten zum neuen."
            }
            Controller::ReplicaSet => "Legt Pods an und löscht sie, bis es so viele gibt, wie das ReplicaSet will.",
            Controller::DaemonSet => "Hält auf jedem passenden Node einen Pod jedes DaemonSets.",
            Controller::Node => {
                "Beobachtet die Leases der Nodes: markiert einen verstummten Node mit Taints, verdrängt seine Pods und gibt neuen Nodes ihr Pod-Netz."
            }
            Controller::Ttl => "Vermerkt an jedem Node, wie lange Kubelets Secrets und ConfigMaps aufheben dürfen.",
            Controller::Endpoint => "Pflegt die älteren Endpoints-Objekte der Services.",
            Controller::EndpointSlice => "Führt die Adressen der Pods hinter jedem Service in EndpointSlices.",
            Controller::Namespace => "Löscht alles in einem Namespace, der gelöscht wird.",
            Controller::GarbageCollector => "Löscht Objekte, deren Besitzer weg ist.",
            Controller::ServiceAccount => "Legt in jedem Namespace den ServiceAccount `default` an.",
            Controller::RootCa => "Legt das Wurzelzertifikat des Clusters als ConfigMap in jeden Namespace.",
            Controller::Disruption => "Zählt für jedes PodDisruptionBudget, wie viele Pods verdrängt werden dürfen.",
            Controller::PodGc => "Entfernt Pods, deren Node weg ist, und beendete Pods, wenn es zu viele sind.",
        },
    }
}
