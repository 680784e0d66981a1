//! The shapes of clusters: what they consist of, what each can lose, and the commands that build it.

use orrery_sim::kind::topology::{TOPOLOGIES, Topology};
use yew::prelude::*;

use super::dialog::Dialog;
use super::use_texts;
use crate::browser::store::{use_selector, use_store};
use crate::i18n::Texts;
use crate::state::AppAction;

#[component]
pub(crate) fn Topologies() -> Html {
    let store = use_store();
    let texts = use_texts();
    let open = use_selector(|state| state.topologies_open);
    let chosen = use_state(|| TOPOLOGIES[1].name);
    if !open {
        return Html::default();
    }
    let topology = Topology::find(&chosen).unwrap_or(TOPOLOGIES[0]);
    html! {
        <Dialog title={texts.topologies} class="topologies" close={store.on(AppAction::ToggleTopologies)}>
            <table>
                <thead><tr>{ for texts.topology_heads.iter().map(|head| html! { <th>{ *head }</th> }) }</tr></thead>
                <tbody>{ for TOPOLOGIES.iter().map(|shape| {
                    let (name, select) = (shape.name, chosen.clone());
                    let choose = Callback::from(move |_| select.set(name));
                    let members = if shape.external_etcd > 0 { shape.external_etcd } else { shape.control_planes };
                    let (servers, quorum) = (shape.control_planes - 1, (members - 1) / 2);
                    html! {
                        <tr key={name} class={classes!((*chosen == name).then_some("chosen"))}>
                            <td><label><input type="radio" name="topology" checked={*chosen == name} onchange={choose} />{ named(shape, texts) }</label></td>
                            <td>{ shape.control_planes }</td>
                            <td>{ shape.workers }</td>
                            <td>{ if shape.external_etcd > 0 { texts.etcd_external } else { texts.etcd_stacked } }{ format!(" ({members})") }</td>
                            <td>{ servers.min(if shape.external_etcd > 0 { servers } else { quorum }) }</td>
                            <td>{ quorum }</td>
                        </tr>
                    }
                }) }</tbody>
            </table>
            <pre class="yaml">{ topology.lines().join("\n") }</pre>
            <p class="share-files">
                <button type="button" class="primary" onclick={store.on(AppAction::Build(topology))}>{ texts.topology_build }</button>
                // The single file has no other pages beside it.
                if gloo::utils::window().location().protocol().is_ok_and(|protocol| protocol != "file:") {
                    <a class="tool" href="./embed/compare.html" target="_blank">{ texts.compare }</a>
                }
            </p>
        </Dialog>
    }
}

fn named(shape: &Topology, texts: &Texts) -> &'static str {
    let at = TOPOLOGIES.iter().position(|have| have == shape).unwrap_or_default();
    texts.topology_names[at]
}
