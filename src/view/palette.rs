//! The palette: buttons that change the cluster. Each shows the command that it stands for and runs exactly that.

use orrery_sim::api::Resource;
use orrery_sim::api::resource::{DEPLOYMENTS, PODS};
use orrery_sim::core::collections::PSet;
use orrery_sim::core::collections::sort::Sort as _;
use orrery_sim::kind::DEFAULT_NODE_IMAGE;
use yew::prelude::*;

use super::chip::Chip;
use super::faults::{self, Breakable};
use super::icons::icon;
use super::panel::words;
use super::use_texts;
use crate::browser::store::{use_polled, use_store};
use crate::i18n::Texts;
use crate::scene::model::{MachineView, objects, store as etcd};
use crate::state::{AppAction, State};

/// What one can choose from at the moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Choices {
    workers: Vec<String>,
    /// Workers before control-plane nodes.
    nodes: Vec<String>,
    /// Cordoned ones before the others.
    cordoned: Vec<String>,
    pub(super) stopped: Vec<String>,
    pub(super) breakable: Breakable,
    deployments: Vec<String>,
    pods: Vec<String>,
    next_worker: String,
    server: String,
    image: String,
}

/// A list has so many lines at most.
const MOST_CHOICES: usize = 400;

fn choices(state: &State) -> Choices {
    let cluster = state.session.cluster();
    let model = &state.picture.model;
    let named = |resource: Resource| -> Vec<String> {
        let store = etcd(cluster);
        let all = store.into_iter().flat_map(|store| objects(store, resource).collect::<Vec<_>>());
        // Of thousands nobody chooses from a list.
        let all = all.filter(|object| object.namespace() == "default").take(MOST_CHOICES);
        all.map(|object| object.name().to_string()).collect()
    };
    let workers: Vec<String> = model
        .machines
        .iter()
        .filter(|machine| !machine.control_plane && !machine.etcd_only && machine.powered)
        .map(|machine| machine.name.clone())
        .take(MOST_CHOICES)
        .collect();
    let prefix = if model.cluster.is_empty() { "kind" } else { &model.cluster };
    let next = (1..).map(|number| if number == 1 { format!("{prefix}-worker") } else { format!("{prefix}-worker{number}") });
    let alike = model.machines.iter().map(|machine| machine.name.as_str()).filter(|name| name.starts_with(prefix));
    let names: PSet<&str> = alike.collect();
    let taken = |name: &String| names.contains(name.as_str());
    let control = model.machines.iter().find(|machine| machine.control_plane);
    let image = control.and_then(|control| cluster.machine(control.id)).map(|machine| machine.spec.image.to_string());
    let mut registered: Vec<&MachineView> =
        model.machines.iter().map(|machine| &**machine).filter(|machine| machine.node.is_some()).collect();
    registered.order_by_key(|machine| machine.control_plane);
    let nodes: Vec<String> = registered.iter().map(|machine| machine.name.clone()).take(MOST_CHOICES).collect();
    let open = |machine: &MachineView| machine.node.as_ref().is_none_or(|node| !node.status.ends_with("SchedulingDisabled"));
    registered.order_by_key(|machine| open(machine));
    Choices {
        nodes,
        cordoned: registered.iter().map(|machine| machine.name.clone()).take(MOST_CHOICES).collect(),
        stopped: model.machines.iter().filter(|machine| !machine.powered).map(|machine| machine.name.clone()).collect(),
        breakable: Breakable::of(model),
        deployments: named(DEPLOYMENTS),
        pods: named(PODS),
        next_worker: next.into_iter().find(|name| !taken(name)).unwrap_or_default(),
        server: match &model.balancer {
            Some(balancer) => balancer.name.clone(),
            None => control.map(|control| control.name.clone()).unwrap_or_default(),
        },
        image: image.unwrap_or_else(|| DEFAULT_NODE_IMAGE.to_string()),
        workers,
    }
}

/// A field of a tool.
pub(super) enum Field {
    /// A text with what stands in it at first.
    Text(&'static str, &'static str),
    /// A text that can be dragged onto a node, too, which then takes the place of the first field.
    Chip(&'static str, &'static str),
    /// One of a list; the list is chosen by the function.
    Choice(&'static str, fn(&Choices) -> &[String]),
}

/// A tool of the palette.
pub(super) struct Tool {
    pub(super) label: &'static str,
    pub(super) fields: Vec<Field>,
    /// The command, given the values of the fields.
    pub(super) command: fn(&Choices, &[String]) -> String,
}

fn tools(texts: &Texts) -> Vec<Tool> {
    let text = |name, value| Field::Text(name, value);
    let one = |name, list| Field::Choice(name, list);
    vec![
        Tool {
            label: texts.deploy,
            fields: vec![text(texts.name, "web"), text(texts.image, "nginx"), text(texts.replicas, "3")],
            command: |_, v| format!("kubectl create deployment {} --image={} --replicas={}", v[0], v[1], v[2]),
        },
        Tool {
            label: texts.scale,
            fields: vec![one(texts.deployment, |c| &c.deployments), text(texts.replicas, "5")],
            command: |_, v| format!("kubectl scale deployment {} --replicas={}", v[0], v[1]),
        },
        Tool {
            label: texts.update,
            fields: vec![one(texts.deployment, |c| &c.deployments), text(texts.image, "nginx:1.27")],
            command: |_, v| format!("kubectl set image deployment {} '*={}'", v[0], v[1]),
        },
        Tool {
            label: texts.expose,
            fields: vec![one(texts.deployment, |c| &c.deployments)],
            command: |_, v| format!("kubectl expose deployment {} --port=80", v[0]),
        },
        Tool {
            label: texts.delete_pod,
            fields: vec![one(texts.pod, |c| &c.pods)],
            command: |_, v| format!("kubectl delete pod {}", v[0]),
        },
        Tool { label: texts.logs, fields: vec![one(texts.pod, |c| &c.pods)], command: |_, v| format!("kubectl logs {}", v[0]) },
        Tool {
            label: texts.add_worker,
            fields: vec![],
            command: |c, _| {
                format!(
                    "docker run -d --privileged --network kind --name {0} {1} && docker exec {0} kubeadm join {2}:6443 --token abcdef.0123456789abcdef --discovery-token-unsafe-skip-ca-verification",
                    c.next_worker, c.image, c.server
                )
            },
        },
        Tool {
            label: texts.drain,
            fields: vec![one("Node", |c| &c.workers)],
            command: |_, v| format!("kubectl drain {} --ignore-daemonsets", v[0]),
        },
        Tool {
            label: texts.uncordon,
            fields: vec![one("Node", |c| &c.cordoned)],
            command: |_, v| format!("kubectl uncordon {}", v[0]),
        },
        Tool {
            label: texts.taint,
            fields: vec![one("Node", |c| &c.nodes), Field::Chip("Taint", "dedicated=gpu:NoSchedule")],
            command: |_, v| format!("kubectl taint nodes {} {}", v[0], v[1]),
        },
        Tool {
            label: texts.label,
            fields: vec![one("Node", |c| &c.nodes), Field::Chip("Label", "disk=ssd")],
            command: |_, v| format!("kubectl label nodes {} {}", v[0], v[1]),
        },
    ]
}

/// All tools, and how many of them build; the others break and mend.
pub(super) fn all_tools(texts: &Texts) -> (Vec<Tool>, usize) {
    let mut all = tools(texts);
    let build = all.len();
    all.extend(faults::tools(texts));
    (all, build)
}

#[component]
pub(crate) fn Palette() -> Html {
    let store = use_store();
    let texts = use_texts();
    let choices = use_polled(400, (), |state, ()| choices(state));
    let open = use_state(|| None::<usize>);
    let (all, build) = all_tools(texts);
    html! {
        <section class="palette">
            <h2>{ texts.build }</h2>
            <p class="hint">{ texts.build_hint }</p>
            <button type="button" class="tool" onclick={store.on(AppAction::ToggleTopologies)}>{ texts.topologies }</button>
            <button type="button" class="tool" onclick={store.on(AppAction::EditManifest(String::new()))}>{ texts.manifest }</button>
            <div class="tools">
                { for all.iter().enumerate().map(|(index, tool)| {
                    let open = open.clone();
                    let go = {
                        let open = open.clone();
                        Callback::from(move |tool| open.set(tool))
                    };
                    let is_open = *open == Some(index);
                    let toggle = Callback::from(move |_: MouseEvent| open.set((*open != Some(index)).then_some(index)));
                    html! {
                        <>
                            if index == build {
                                <h2>{ texts.break_things }</h2>
                            }
                            <button type="button" class="tool" aria-expanded={is_open.to_string()} onclick={toggle}>{ tool.label }</button>
                            if is_open {
                                <ToolForm {index} choices={choices.clone()} go={go.clone()} />
                            }
                        </>
                    }
                }) }
            </div>
        </section>
    }
}

#[derive(PartialEq, Properties)]
struct ToolFormProps {
    index: usize,
    choices: Choices,
    /// Opens another tool's form, or none.
    go: Callback<Option<usize>>,
}

#[component]
fn ToolForm(props: &ToolFormProps) -> Html {
    let store = use_store();
    let texts = use_texts();
    let choices = &props.choices;
    let place = use_node_ref();
    // The command has to be seen, not only the fields above it.
    use_effect_with(place.clone(), |place| {
        let form = place.cast::<web_sys::Element>();
        let scroll = form.as_ref().and_then(|form| form.closest(".panel-scroll").ok().flatten());
        if let (Some(form), Some(scroll)) = (form, scroll)
            && form.get_bounding_client_rect().bottom() > scroll.get_bounding_client_rect().bottom()
        {
            form.scroll_into_view_with_bool(false);
        }
    });
    let typed = use_state(|| vec![None::<String>; 4]);
    let (all, build) = all_tools(texts);
    let Some(tool) = all.get(props.index) else { return Html::default() };
    let mut missing = false;
    let values: Vec<String> = tool
        .fields
        .iter()
        .enumerate()
        .map(|(at, field)| match field {
            Field::Text(_, first) | Field::Chip(_, first) => typed[at].clone().unwrap_or_else(|| (*first).to_string()),
            Field::Choice(_, list) => {
                let list = list(choices);
                let kept = typed[at].clone().filter(|value| list.contains(value));
                missing |= list.is_empty();
                kept.or_else(|| list.first().cloned()).unwrap_or_default()
            }
        })
        .collect();
    if missing && props.index >= build {
        return html! { <p class="tool-form hint">{ texts.nothing_broken }</p> };
    }
    if missing {
        let deploy = props.go.reform(|_: MouseEvent| Some(0));
        return html! {
            <div class="tool-form">
                <p class="hint">{ texts.nothing_to_choose }</p>
                <button type="button" class="primary" onclick={deploy}>{ texts.deploy_first }</button>
            </div>
        };
    }
    let command = (tool.command)(choices, &values);
    let field = |(at, field): (usize, &Field)| {
        let set = {
            let typed = typed.clone();
            move |value: String| {
                let mut next = (*typed).clone();
                next[at] = Some(value);
                typed.set(next);
            }
        };
        match field {
            Field::Text(name, _) | Field::Chip(name, _) => {
                let oninput = Callback::from(move |event: InputEvent| {
                    let field: web_sys::HtmlInputElement = event.target_unchecked_into();
                    set(field.value());
                });
                let class = (values[at].len() > 12).then_some("long");
                html! { <label {class}><span>{ *name }</span><input type="text" value={values[at].clone()} {oninput} spellcheck="false" /></label> }
            }
            Field::Choice(name, list) => {
                let onchange = Callback::from(move |event: Event| {
                    let field: web_sys::HtmlSelectElement = event.target_unchecked_into();
                    set(field.value());
                });
                html! {
                    <label><span>{ *name }</span><select {onchange}>
                        { for list(choices).iter().map(|option| html! {
                            <option value={option.clone()} selected={*option == values[at]}>{ option }</option>
                        }) }
                    </select></label>
                }
            }
        }
    };
    let run = {
        let (store, command, go) = (store.clone(), command.clone(), props.go.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            go.emit(None);
            store.dispatch(AppAction::Launch(command.clone()));
        })
    };
    html! {
        <form class="tool-form" ref={place} onsubmit={run}>
            { for tool.fields.iter().enumerate().map(field) }
            if matches!(tool.fields.last(), Some(Field::Chip(..))) {
                <Chip index={props.index} choices={choices.clone()} values={values.clone()} />
            }
            <button type="submit" class="primary command-button" title={texts.run}>
                <code>{ words(&command) }</code><span class="go">{ icon("run") }</span>
            </button>
        </form>
    }
}
