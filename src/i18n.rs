//! All texts of the interface, one table a language. Kubernetes' own words stay English in all of them. A text that a
//! language lacks does not compile.

mod de;
mod en;
pub mod say;

use crate::scene::model::PodPhase;
use crate::scene::{Colouring, Grouping, MessageKind};
use crate::state::milestones::What;
pub use de::DE;
pub use en::EN;

/// The texts of a language.
#[derive(Debug)]
#[allow(missing_docs)] // Each field's text in `en` says what it is.
pub struct Texts {
    pub lang: &'static str,
    pub say: &'static say::Say,
    // The stage.
    pub cluster: &'static str,
    pub no_cluster: &'static str,
    pub node: &'static str,
    pub powered_off: &'static str,
    /// Of a machine that was disconnected.
    pub off_network: &'static str,
    pub not_registered: &'static str,
    pub you: &'static str,
    pub registry: &'static str,
    pub without_node: &'static str,
    pub pods: (&'static str, &'static str),
    pub nodes: (&'static str, &'static str),
    pub stage: &'static str,
    pub starting: &'static str,
    pub camera: &'static str,
    pub zoom_in: &'static str,
    pub zoom_out: &'static str,
    pub zoom_fit: &'static str,
    pub follow: &'static str,
    pub skipped: &'static str,
    // A decision of the scheduler on the stage. {pod}, {node}, {n}, {k} are filled in.
    pub decide_asked: &'static str,
    pub decide_filtered: &'static str,
    pub decide_scored: &'static str,
    pub decide_chosen: &'static str,
    pub decide_tie: &'static str,
    pub decide_none: &'static str,
    pub decide_preempts: &'static str,
    pub only_one_left: &'static str,
    pub heat_possible: &'static str,
    pub heat_points: &'static str,
    pub heat_rejected: &'static str,
    pub predict: &'static str,
    pub predict_hint: &'static str,
    pub predict_question: &'static str,
    pub predict_how: &'static str,
    pub guess_right: &'static str,
    pub guess_rejected: &'static str,
    pub guess_tie: &'static str,
    pub guess_wrong: &'static str,
    pub guess_none: &'static str,
    /// Reasons of filters: the scheduler's words, ours.
    pub reasons: &'static [(&'static str, &'static str)],
    /// What stands before the name of a resource of which there is too little.
    pub too_little: &'static str,
    /// Plugins that give points: the name, ours.
    pub plugins: &'static [(&'static str, &'static str)],
    // Lessons.
    pub lesson: &'static str,
    pub lessons: &'static str,
    pub lesson_next: &'static str,
    pub lesson_back: &'static str,
    pub lesson_close: &'static str,
    pub reveal: &'static str,
    pub notes: &'static str,
    pub no_lesson: &'static str,
    pub bad_lesson: &'static str,
    pub unreachable: &'static str,
    // The header.
    pub tagline: &'static str,
    pub theme: &'static str,
    pub heartbeats: &'static str,
    pub heartbeats_hint: &'static str,
    pub full_screen: &'static str,
    pub help: &'static str,
    pub panel: &'static str,
    pub language: &'static str,
    // The transport.
    pub to_start: &'static str,
    pub step_back: &'static str,
    pub play: &'static str,
    pub pause: &'static str,
    pub step_forward: &'static str,
    pub to_live: &'static str,
    pub pace: &'static str,
    pub pace_one_by_one: &'static str,
    pub pace_messages: &'static str,
    pub pace_real: &'static str,
    pub pace_fast: &'static str,
    pub timeline: &'static str,
    pub live: &'static str,
    pub past: &'static str,
    // The dock.
    pub terminal: &'static str,
    pub messages: &'static str,
    pub events: &'static str,
    pub charts: &'static str,
    pub dock: &'static str,
    pub dock_edge: &'static str,
    pub larger: &'static str,
    pub smaller: &'static str,
    pub legend_key: &'static str,
    pub terminal_input: &'static str,
    pub interrupt: &'static str,
    pub running: &'static str,
    pub filter: &'static str,
    pub no_messages: &'static str,
    pub no_match: &'static str,
    pub no_events: &'static str,
    pub chart_pods: &'static str,
    pub chart_requests: &'static str,
    pub chart_latency: &'static str,
    pub chart_reads: &'static str,
    pub chart_writes: &'static str,
    pub chart_cpu: &'static str,
    pub chart_work: &'static str,
    pub chart_pending: &'static str,
    pub chart_raft: &'static str,
    pub from: &'static str,
    pub to: &'static str,
    pub time: &'static str,
    // The panel.
    pub try_title: &'static str,
    pub try_text: &'static str,
    pub try_then: &'static str,
    /// What a first visit is told after the first thing to do: title and text.
    pub hints: [(&'static str, &'static str); 3],
    pub hint_number: &'static str,
    pub hint_next: &'static str,
    pub hint_last: &'static str,
    pub hint_enough: &'static str,
    pub run: &'static str,
    pub build: &'static str,
    pub build_hint: &'static str,
    pub legend: &'static str,
    pub add_worker: &'static str,
    pub deploy: &'static str,
    pub scale: &'static str,
    pub update: &'static str,
    pub expose: &'static str,
    pub delete_pod: &'static str,
    pub logs: &'static str,
    pub drain: &'static str,
    pub uncordon: &'static str,
    pub taint: &'static str,
    pub label: &'static str,
    pub break_things: &'static str,
    /// Stop and start a part, cut a link and mend all, slow down and normal speed, off the network and on it, no images, fill the disk and
    /// empty it, take all memory.
    pub faults: [&'static str; 12],
    pub machine: &'static str,
    pub part: &'static str,
    pub link_to: &'static str,
    pub delay: &'static str,
    pub loss: &'static str,
    /// On the stage: of an interface that sends late, and of one that loses packets.
    pub slow: &'static str,
    pub lossy: &'static str,
    pub power_off: &'static str,
    pub power_on: &'static str,
    pub name: &'static str,
    pub image: &'static str,
    pub replicas: &'static str,
    pub deployment: &'static str,
    pub pod: &'static str,
    pub nothing_to_choose: &'static str,
    // The legend.
    pub kind_request: &'static str,
    pub kind_response: &'static str,
    pub kind_watch: &'static str,
    pub kind_etcd: &'static str,
    pub kind_etcd_reply: &'static str,
    pub kind_kubelet_call: &'static str,
    pub kind_cri: &'static str,
    pub kind_pull: &'static str,
    pub kind_machine: &'static str,
    pub kind_retry: &'static str,
    pub kind_failure: &'static str,
    // How pods are shown.
    pub view: &'static str,
    pub boxes: &'static str,
    pub by_node: &'static str,
    pub by_owner: &'static str,
    pub by_namespace: &'static str,
    pub by_zone: &'static str,
    pub colours: &'static str,
    pub colour_state: &'static str,
    pub colour_cpu: &'static str,
    pub colour_memory: &'static str,
    pub colour_owner: &'static str,
    pub colour_zone: &'static str,
    pub hide_system: &'static str,
    pub find: &'static str,
    pub find_none: &'static str,
    pub requested: &'static str,
    pub no_zone: &'static str,
    pub phase_pending: &'static str,
    pub phase_creating: &'static str,
    pub phase_started: &'static str,
    pub phase_running: &'static str,
    pub phase_terminating: &'static str,
    pub phase_failed: &'static str,
    pub phase_succeeded: &'static str,
    pub show_kind: &'static str,
    pub show_speaker: &'static str,
    pub other_components: &'static str,
    pub about_namespace: &'static str,
    pub all_namespaces: &'static str,
    // The inspector.
    pub close: &'static str,
    pub summary: &'static str,
    pub body: &'static str,
    pub why: &'static str,
    pub command: &'static str,
    pub gone: &'static str,
    pub nothing_here: &'static str,
    pub its_node: &'static str,
    pub its_pod: &'static str,
    pub written_since: &'static str,
    pub show_newest: &'static str,
    pub why_hint: &'static str,
    pub followed: &'static str,
    pub followed_title: &'static str,
    pub followed_hint: &'static str,
    pub followed_none: &'static str,
    pub followed_more: &'static str,
    pub compare_with: &'static str,
    pub against_nothing: &'static str,
    pub against_previous: &'static str,
    pub against_command: &'static str,
    pub no_difference: &'static str,
    pub lines_alike: &'static str,
    pub timer: &'static str,
    pub began: &'static str,
    pub why_unknown: &'static str,
    pub decision: &'static str,
    pub feasible: &'static str,
    pub waits: &'static str,
    pub attempt: &'static str,
    pub all_numbers: &'static str,
    pub all_numbers_hint: &'static str,
    pub total: &'static str,
    pub rejected_by: &'static str,
    pub candidates: &'static str,
    pub must_go: &'static str,
    pub room_on: &'static str,
    pub budgets_broken: &'static str,
    pub not_looked_at: &'static str,
    pub no_decision: &'static str,
    // The legend, forms, and what parts say.
    pub queue_empty: &'static str,
    pub revision: &'static str,
    pub not_running: &'static str,
    pub dropped: &'static str,
    pub deploy_first: &'static str,
    pub nothing_broken: &'static str,
    pub legend_arrow: &'static str,
    pub legend_system: &'static str,
    pub legend_busy: &'static str,
    pub legend_skip: &'static str,
    pub legend_lines: &'static [&'static str; 6],
    pub leads: (&'static str, &'static str),
    pub pods_wait: (&'static str, &'static str),
    // Notices.
    pub forked: (&'static str, &'static str, &'static str),
    pub undo: &'static str,
    /// One command; it and one more; it and so many more.
    pub taken_back: (&'static str, &'static str, &'static str),
    pub nothing_to_undo: &'static str,
    pub put_aside: &'static str,
    /// Before the reason.
    pub unreadable: &'static str,
    /// With `{read}` and `{all}`.
    pub damaged: &'static str,
    pub open_rest: &'static str,
    pub too_large: &'static str,
    pub share: &'static str,
    pub share_key: &'static str,
    pub share_intro: &'static str,
    pub share_link: &'static str,
    pub share_frame: &'static str,
    pub share_code: &'static str,
    pub share_long: &'static str,
    pub save_recording: &'static str,
    pub save_video: &'static str,
    pub save_gif: &'static str,
    pub save_works: &'static str,
    pub save_failed: &'static str,
    pub save_no_video: &'static str,
    pub save_no_files: &'static str,
    pub topologies: &'static str,
    /// Shape, control-plane nodes, workers, etcd, how many control-plane nodes and members of etcd it can lose.
    pub topology_heads: [&'static str; 6],
    /// In the order of `orrery_sim::kind::topology::TOPOLOGIES`.
    pub topology_names: [&'static str; 5],
    pub topology_build: &'static str,
    pub etcd_stacked: &'static str,
    pub etcd_external: &'static str,
    pub compare: &'static str,
    pub sequence: &'static str,
    pub answers: &'static str,
    /// What can be done with a taint or a label.
    pub drag_hint: &'static str,
    /// A group of messages is repeated: how often.
    pub repeated: &'static str,
    /// Whether every repetition is shown.
    pub repetitions: &'static str,
    pub outline: &'static str,
    pub outline_more: &'static str,
    pub lifeline: &'static str,
    pub manifest: &'static str,
    pub manifest_edit: &'static str,
    pub manifest_intro: &'static str,
    pub manifest_template: &'static str,
    pub manifest_good: &'static str,
    pub manifest_apply: &'static str,
    pub manifest_fields: &'static str,
    pub editor: &'static str,
    pub editor_key: &'static str,
    pub editor_intro: &'static str,
    pub editor_good: &'static str,
    pub editor_give: &'static str,
    pub editor_anew: &'static str,
    pub presenter_key: &'static str,
    pub copy: &'static str,
    pub copied: &'static str,
    pub bring_back: &'static str,
    /// Created, bound, started, Ready, NotReady, leads.
    pub milestones: [&'static str; 6],
    pub no_window: &'static str,
    pub nothing_more: &'static str,
    pub too_long: &'static str,
    pub dismiss: &'static str,
    pub drop_here: &'static str,
    // The help: (keys, what they do).
    pub help_title: &'static str,
    pub help_intro: &'static str,
    pub keys: &'static [(&'static str, &'static str)],
}

impl PartialEq for Texts {
    fn eq(&self, other: &Self) -> bool {
        self.lang == other.lang
    }
}

impl Texts {
    /// A milestone in words.
    pub fn milestone(&self, what: &What) -> String {
        let (text, first, second) = match what {
            What::Created(object) => (self.milestones[0], object.as_str(), ""),
            What::Bound(pod, node) => (self.milestones[1], pod.as_str(), node.as_str()),
            What::Started(container) => (self.milestones[2], container.as_str(), ""),
            What::Ready(node, true) => (self.milestones[3], node.as_str(), ""),
            What::Ready(node, false) => (self.milestones[4], node.as_str(), ""),
            What::Leads(component, machine) => (self.milestones[5], *component, machine.as_str()),
        };
        text.replacen("{}", first, 1).replacen("{}", second, 1)
    }

    /// A filter's reason in plain words; reasons that are not in the table stay as they are.
    pub fn reason(&self, reason: &str) -> String {
        if let Some(resource) = reason.strip_prefix("Insufficient ") {
            return format!("{}{resource}", self.too_little);
        }
        self.reasons.iter().find(|(have, _)| *have == reason).map_or(reason, |(_, words)| words).to_string()
    }

    /// What a plugin gives points for, in short.
    pub fn plugin<'a>(&self, plugin: &'a str) -> &'a str {
        self.plugins.iter().find(|(have, _)| *have == plugin).map_or(plugin, |(_, words)| words)
    }

    /// `3 pods`
    pub fn pods_count(&self, count: usize) -> String {
        counted(count, self.pods)
    }

    /// `3 nodes`
    pub fn nodes_count(&self, count: usize) -> String {
        counted(count, self.nodes)
    }

    /// The name of a phase.
    pub const fn phase(&self, phase: PodPhase) -> &'static str {
        match phase {
            PodPhase::Pending => self.phase_pending,
            PodPhase::Creating => self.phase_creating,
            PodPhase::Started => self.phase_started,
            PodPhase::Running => self.phase_running,
            PodPhase::Terminating => self.phase_terminating,
            PodPhase::Failed => self.phase_failed,
            PodPhase::Succeeded => self.phase_succeeded,
        }
    }

    /// The name of an order of pods.
    pub const fn grouping(&self, grouping: Grouping) -> &'static str {
        match grouping {
            Grouping::Node => self.by_node,
            Grouping::Owner => self.by_owner,
            Grouping::Namespace => self.by_namespace,
            Grouping::Zone => self.by_zone,
        }
    }

    /// What colours mean.
    pub const fn colouring(&self, colouring: Colouring) -> &'static str {
        match colouring {
            Colouring::State => self.colour_state,
            Colouring::Cpu => self.colour_cpu,
            Colouring::Memory => self.colour_memory,
            Colouring::Owner => self.colour_owner,
            Colouring::Zone => self.colour_zone,
        }
    }

    /// The name of a kind of message.
    pub fn kind(&self, kind: MessageKind) -> &'static str {
        match kind {
            MessageKind::Request => self.kind_request,
            MessageKind::Response => self.kind_response,
            MessageKind::Watch => self.kind_watch,
            MessageKind::Etcd => self.kind_etcd,
            MessageKind::EtcdReply => self.kind_etcd_reply,
            MessageKind::KubeletCall => self.kind_kubelet_call,
            MessageKind::Cri => self.kind_cri,
            MessageKind::Pull => self.kind_pull,
            MessageKind::Machine => self.kind_machine,
            MessageKind::Retry => self.kind_retry,
            MessageKind::Failure => self.kind_failure,
        }
    }

    /// `4 min 50 s skipped`
    pub fn skipped(&self, us: u64) -> String {
        self.skipped.replace("{}", &span(us))
    }

    /// That a fork discarded so many commands.
    pub fn damaged(&self, read: usize, all: usize) -> String {
        self.damaged.replace("{read}", &read.to_string()).replace("{all}", &all.to_string())
    }

    /// That a command was taken back, and so many that came after it.
    pub fn taken_back(&self, line: &str, later: usize) -> String {
        let text = [self.taken_back.0, self.taken_back.1, self.taken_back.2][later.min(2)];
        let first = line.lines().next().unwrap_or_default();
        text.replace("{line}", first).replace("{}", &later.to_string())
    }

    /// How many commands a fork has dropped.
    pub fn forked(&self, commands: usize) -> String {
        let text = [self.forked.0, self.forked.1, self.forked.2][commands.min(2)];
        text.replace("{}", &commands.to_string())
    }
}

fn counted(count: usize, (one, many): (&str, &str)) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A span of time in words: `850 ms`, `12.3 s`, `4 min 50 s`, `2 h 5 min`.
pub fn span(us: u64) -> String {
    let s = us / 1_000_000;
    if us < 1_000_000 {
        format!("{} ms", us / 1000)
    } else if s < 60 {
        format!("{:.1} s", us as f64 / 1e6)
    } else if s < 3600 {
        format!("{} min {} s", s / 60, s % 60)
    } else {
        format!("{} h {} min", s / 3600, s / 60 % 60)
    }
}

/// The table of a language, by its code.
pub fn texts(lang: &str) -> Option<&'static Texts> {
    [&EN, &DE].into_iter().find(|texts| texts.lang == lang)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All texts of a table, with the names of their fields.
    fn all(texts: &Texts) -> Vec<String> {
        let lines: Vec<String> =
            format!("{texts:#?}").lines().map(str::trim).filter(|line| line.contains('"')).map(str::to_string).collect();
        assert!(lines.len() > 150);
        lines
    }

    #[test]
    fn nothing_is_left_in_english() {
        // Kubernetes' own words, names, and words that both languages share.
        let same = [
            "Cluster",
            "Pod",
            "Pods",
            "Node",
            "Registry",
            "Terminal",
            "live",
            "Events",
            "Name",
            "Image",
            "Images",
            "Deployment",
            "Taint",
            "Label",
            "docker, kind, systemd",
            "kube-orrery",
            "Uncordon",
            "Sandboxes",
            "Container",
            "← →",
            "+ − 0",
            "/",
            "H",
            "D",
            "Z",
            "L",
            "S",
            "E",
            "N",
            "P",
            "B",
            "F",
            "Esc",
            "?",
            "Pending",
            "X",
            "ContainerCreating",
            "Running, not Ready",
            "Running",
            "Terminating",
            "Error, CrashLoopBackOff",
            "Completed",
            "Revision",
            "Node",
            "Namespace",
            "Zone",
            "cpu",
        ];
        for (english, german) in all(&EN).iter().zip(&all(&DE)) {
            let text = english.split('"').nth(1).unwrap_or_default();
            let mine = english == german;
            // The scheduler's own words, for which ours stand.
            let key = EN.reasons.iter().chain(EN.plugins).any(|(key, _)| *key == text);
            assert!(!mine || key || same.contains(&text), "not translated: {english}");
        }
    }

    #[test]
    fn nobody_is_addressed_in_german() {
        // The interface says what something does, or what there is to do: neither "du" nor "Sie".
        const FORMS: [&str; 16] = [
            "du", "dir", "dich", "dein", "deine", "deinem", "deinen", "deiner", "Du", "Deine", "Ihr", "Ihre", "Ihrem", "Ihren",
            "Ihrer", "Ihnen",
        ];
        let lessons = orrery_sim::lesson::BUILT_IN.iter().map(|(_, text)| *text).flat_map(str::lines);
        let lessons = lessons.filter(|line| line.trim().starts_with("de:")).map(str::to_string);
        for text in all(&DE).into_iter().chain(lessons) {
            let words: Vec<&str> = text.split(|letter: char| !letter.is_alphabetic()).collect();
            assert!(words.iter().all(|word| !FORMS.contains(word)), "{text}");
            // "Sie" begins a sentence, then it is "they" or "she"; verbs do not ask for it.
            let polite = text.match_indices(" Sie ").any(|(at, _)| !text[..at].ends_with(['.', ':', '!', '?']));
            assert!(!polite, "{text}");
        }
    }

    #[test]
    fn spans_read_well() {
        assert_eq!(span(850_000), "850 ms");
        assert_eq!(span(12_340_000), "12.3 s");
        assert_eq!(span(290_000_000), "4 min 50 s");
        assert_eq!(EN.skipped(290_000_000), "4 min 50 s skipped");
        assert_eq!(DE.pods_count(1), "1 Pod");
    }
}
