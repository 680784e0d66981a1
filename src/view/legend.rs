//! The legend: every colour and shape in use. The kinds of messages can be hidden here.

use orrery_sim::api::resource::NAMESPACES;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

use super::icons::IconButton;
use super::use_texts;
use crate::browser::store::{use_polled, use_selector, use_store};
use crate::i18n::Texts;
use crate::scene::MessageKind;
use crate::scene::geometry::Rect;
use crate::scene::look::Family;
use crate::scene::marks::Mark;
use crate::scene::model::{PodPhase, objects, store as etcd};
use crate::scene::prims::{Prim, dot_outline, pill_outline, prims};
use crate::scene::wires::WireKind;
use crate::state::AppAction;
use crate::state::visible::{Show, Speaker};

/// Properties of the legend.
#[derive(PartialEq, Properties)]
pub(crate) struct LegendProps {
    /// Whether it has the panel for itself.
    #[prop_or_default]
    pub alone: bool,
}

/// The lines of the drawing.
const LINES: [WireKind; 6] =
    [WireKind::Request, WireKind::Watch, WireKind::Etcd, WireKind::KubeletCall, WireKind::Cri, WireKind::Trunk];

#[component]
pub(crate) fn Legend(props: &LegendProps) -> Html {
    let store = use_store();
    let texts = use_texts();
    let show = use_selector(|state| state.visible.show.clone());
    html! {
        <section class="legend">
            <div class="legend-head">
                <h2>{ texts.legend }</h2>
                if props.alone {
                    <IconButton icon="close" label={texts.close} onclick={store.on(AppAction::ToggleLegend)} />
                }
            </div>
            <p class="hint">{ texts.legend_arrow }</p>
            <ul class="legend-kinds">
                { for MessageKind::ALL.into_iter().map(|kind| {
                    let shown = show.kind(kind);
                    html! {
                        <li>
                            <button type="button" class="legend-row" aria-pressed={shown.to_string()} title={texts.show_kind}
                                onclick={store.on(AppAction::ToggleKind(kind))}>
                                <svg class="scene legend-sign" viewBox="-24 -10 48 20" aria-hidden="true">{ sign(kind) }</svg>
                                <span>{ texts.kind(kind) }</span>
                            </button>
                        </li>
                    }
                }) }
            </ul>
            <ul class="legend-kinds legend-lines">
                { for Speaker::ALL.into_iter().map(|speaker| {
                    let shown = show.speaker(speaker);
                    html! {
                        <li>
                            <button type="button" class="legend-row" aria-pressed={shown.to_string()} title={texts.show_speaker}
                                onclick={store.on(AppAction::SetShow(show.clone().with_speaker(speaker, !shown)))}>
                                <span>{ name_of(speaker, texts) }</span>
                            </button>
                        </li>
                    }
                }) }
            </ul>
            <Namespaces />
            <ul class="legend-phases">
                { for PodPhase::ALL.into_iter().map(|phase| html! {
                    <li class="legend-row">
                        <svg class="scene legend-cell" viewBox="0 0 24 24" aria-hidden="true">{ cell(phase) }</svg>
                        <span>{ texts.phase(phase) }</span>
                    </li>
                }) }
                <li class="legend-row">
                    <svg class="scene legend-cell" viewBox="0 0 24 24" aria-hidden="true">{ shapes(&Mark::Cell {
                        rect: CELL, phase: PodPhase::Running, family: Family::System }) }</svg>
                    <span>{ texts.legend_system }</span>
                </li>
            </ul>
            <ul class="legend-lines">
                { for LINES.into_iter().zip(texts.legend_lines).map(|(kind, text)| html! {
                    <li class="legend-row">
                        <svg class="scene legend-sign" viewBox="0 0 36 15" aria-hidden="true"><path class={classes!("wire", kind.class())} d="M1 7.5H35" /></svg>
                        <span>{ *text }</span>
                    </li>
                }) }
                <li class="legend-row">
                    <svg class="legend-sign" viewBox="0 0 36 15" aria-hidden="true"><rect class="glow" x="2" y="2" width="32" height="11" rx="3" /></svg>
                    <span>{ texts.legend_busy }</span>
                </li>
                <li class="legend-row"><span class="hatched"></span><span>{ texts.legend_skip }</span></li>
            </ul>
            <dl class="legend-abbreviations">
                { for ABBREVIATIONS.iter().map(|(short, long)| html! { <><dt>{ *short }</dt><dd>{ *long }</dd></> }) }
            </dl>
        </section>
    }
}

const fn name_of(speaker: Speaker, texts: &Texts) -> &'static str {
    match speaker {
        Speaker::User => "kubectl, kind, docker",
        Speaker::Etcd => "etcd",
        Speaker::Scheduler => "kube-scheduler",
        Speaker::Controllers => "kube-controller-manager",
        Speaker::Kubelet => "kubelet, containerd",
        Speaker::KubeProxy => "kube-proxy",
        Speaker::Other => texts.other_components,
    }
}

/// Chooses the namespace that messages are about.
#[component]
fn Namespaces() -> Html {
    let store = use_store();
    let texts = use_texts();
    let show = use_selector(|state| state.visible.show.clone());
    let names = use_polled(700, (), |state, ()| {
        let store = etcd(state.session.cluster());
        let names = store.into_iter().flat_map(|store| objects(store, NAMESPACES).collect::<Vec<_>>());
        names.map(|namespace| namespace.name().to_string()).collect::<Vec<_>>()
    });
    let choose = {
        let (store, show) = (store.clone(), show.clone());
        Callback::from(move |event: Event| {
            let name = event.target_dyn_into::<HtmlSelectElement>().map(|select| select.value()).unwrap_or_default();
            let namespace = (!name.is_empty()).then(|| name.into());
            store.dispatch(AppAction::SetShow(Show { namespace, ..show.clone() }));
        })
    };
    html! {
        <label class="looks"><span>{ texts.about_namespace }</span>
            <select onchange={choose}>
                <option value="" selected={show.namespace.is_none()}>{ texts.all_namespaces }</option>
                { for names.into_iter().map(|name| html! {
                    <option value={name.clone()} selected={show.namespace.as_ref().is_some_and(|have| *have == name.as_str())}>{ name }</option>
                }) }
            </select>
        </label>
    }
}

/// What stands on the cells of the cluster's own pods.
const ABBREVIATIONS: [(&str, &str); 8] = [
    ("api", "kube-apiserver"),
    ("etc", "etcd"),
    ("sch", "kube-scheduler"),
    ("ctl", "kube-controller-manager"),
    ("net", "kindnet"),
    ("prx", "kube-proxy"),
    ("dns", "coredns"),
    ("vol", "local-path-provisioner"),
];

fn sign(kind: MessageKind) -> Html {
    if kind.is_dot() {
        return html! { <path class={classes!("dot", kind.class())} d={dot_outline(kind, 6.5)} /> };
    }
    html! { <path class={classes!("pill", kind.class())} d={pill_outline(kind, 44.0, 17.0)} /> }
}

const CELL: Rect = Rect { x: 1.0, y: 1.0, w: 22.0, h: 22.0 };

fn cell(phase: PodPhase) -> Html {
    shapes(&Mark::Cell { rect: CELL, phase, family: Family::Hue(0) })
}

fn shapes(mark: &Mark) -> Html {
    let shapes = prims(mark).into_iter().map(|prim| match prim {
        Prim::Rect { rect, radius, class } => html! {
            <rect {class} x={rect.x.to_string()} y={rect.y.to_string()} width={rect.w.to_string()} height={rect.h.to_string()} rx={radius.to_string()} />
        },
        Prim::Path { d, class } => html! { <path {class} {d} /> },
        Prim::Text { .. } => Html::default(),
    });
    html! { <>{ for shapes }</> }
}
