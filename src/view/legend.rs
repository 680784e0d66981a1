//! The legend: every colour and shape in use. The kinds of messages can be hidden here.

use yew::prelude::*;

use super::charts::phase_name;
use super::use_texts;
use crate::browser::store::{use_selector, use_store};
use crate::i18n::Texts;
use crate::scene::MessageKind;
use crate::scene::geometry::Rect;
use crate::scene::marks::Mark;
use crate::scene::model::PodPhase;
use crate::scene::prims::{Prim, dot_outline, pill_outline, prims};
use crate::state::AppAction;

/// The name of a kind of message.
pub(crate) fn kind_name(kind: MessageKind, texts: &Texts) -> &'static str {
    match kind {
        MessageKind::Request => texts.kind_request,
        MessageKind::Response => texts.kind_response,
        MessageKind::Watch => texts.kind_watch,
        MessageKind::Etcd => texts.kind_etcd,
        MessageKind::EtcdReply => texts.kind_etcd_reply,
        MessageKind::KubeletCall => texts.kind_kubelet_call,
        MessageKind::Cri => texts.kind_cri,
        MessageKind::Pull => texts.kind_pull,
        MessageKind::Machine => texts.kind_machine,
        MessageKind::Failure => texts.kind_failure,
    }
}

#[component]
pub(crate) fn Legend() -> Html {
    let store = use_store();
    let texts = use_texts();
    let show = use_selector(|state| state.visible.show);
    html! {
        <section class="legend">
            <h2>{ texts.legend }</h2>
            <ul class="legend-kinds">
                { for MessageKind::ALL.into_iter().map(|kind| {
                    let shown = show.kind(kind);
                    html! {
                        <li>
                            <button type="button" class="legend-row" aria-pressed={shown.to_string()} title={texts.show_kind}
                                onclick={store.on(AppAction::ToggleKind(kind))}>
                                <svg class="scene legend-sign" viewBox="-24 -10 48 20" aria-hidden="true">{ sign(kind) }</svg>
                                <span>{ kind_name(kind, texts) }</span>
                            </button>
                        </li>
                    }
                }) }
            </ul>
            <ul class="legend-phases">
                { for PodPhase::ALL.into_iter().map(|phase| html! {
                    <li class="legend-row">
                        <svg class="scene legend-cell" viewBox="0 0 24 24" aria-hidden="true">{ cell(phase) }</svg>
                        <span>{ phase_name(phase, texts) }</span>
                    </li>
                }) }
            </ul>
        </section>
    }
}

fn sign(kind: MessageKind) -> Html {
    if kind.is_dot() {
        return html! { <path class={classes!("dot", kind.class())} d={dot_outline(kind, 6.5)} /> };
    }
    html! { <path class={classes!("pill", kind.class())} d={pill_outline(kind, 44.0, 17.0)} /> }
}

fn cell(phase: PodPhase) -> Html {
    let mark = Mark::Cell { rect: Rect::new(1.0, 1.0, 22.0, 22.0), phase, hue: 0, system: false };
    let shapes = prims(&mark).into_iter().map(|prim| match prim {
        Prim::Rect { rect, radius, class } => html! {
            <rect {class} x={rect.x.to_string()} y={rect.y.to_string()} width={rect.w.to_string()} height={rect.h.to_string()} rx={radius.to_string()} />
        },
        Prim::Path { d, class } => html! { <path {class} {d} /> },
        Prim::Text { .. } => Html::default(),
    });
    html! { <>{ for shapes }</> }
}
