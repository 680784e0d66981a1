//! The header: what this is, which cluster is shown, and how it is shown.

use yew::prelude::*;

use super::icons::{IconButton, logo};
use super::use_texts;
use crate::browser::keys::full_screen;
use crate::browser::store::{use_selector, use_store};
use crate::state::AppAction;

#[component]
pub(crate) fn Header() -> Html {
    let store = use_store();
    let texts = use_texts();
    let (cluster, nodes, pods) = use_selector(|state| {
        let model = &state.picture.model;
        (model.cluster.clone(), model.node_count(), model.pod_count())
    });
    let (background, panel, dock, legend, theme) = use_selector(|state| {
        (state.visible.show.background, state.panel_open, state.dock_open, state.legend_open, state.colours())
    });
    let predict = use_selector(|state| state.predict);
    let next_theme = store.on(AppAction::SetTheme(Some(theme.next())));
    let other = if texts.lang == "en" { "de" } else { "en" };
    html! {
        <header class="header">
            <h1 class="brand" title={texts.tagline}>{ logo() }<span>{ "kube-orrery" }</span></h1>
            if !cluster.is_empty() {
                <p class="cluster-name">
                    <strong>{ cluster }</strong>
                    <span>{ texts.nodes_count(nodes) }</span>
                    <span>{ texts.pods_count(pods) }</span>
                </p>
            }
            <div class="header-tools">
                <IconButton class="roomy-only" icon="predict" label={texts.predict_hint} pressed={predict} onclick={store.on(AppAction::TogglePredict)} />
                <IconButton icon="heart" label={texts.heartbeats_hint} pressed={background} onclick={store.on(AppAction::ToggleBackground)} />
                <button type="button" class="text-button" title={texts.language} lang={other}
                    onclick={store.on(AppAction::SetLanguage(other))}>{ other.to_uppercase() }</button>
                <IconButton icon="theme" label={texts.theme} onclick={next_theme} />
                <IconButton class="wide-only" icon="full" label={texts.full_screen} onclick={Callback::from(|_| full_screen())} />
                <IconButton icon="legend" label={texts.legend_key} pressed={legend} onclick={store.on(AppAction::ToggleLegend)} />
                <IconButton icon="dock" label={texts.dock} pressed={dock} onclick={store.on(AppAction::ToggleDock)} />
                <IconButton icon="panel" label={texts.panel} pressed={panel} onclick={store.on(AppAction::TogglePanel)} />
                <IconButton icon="share" label={texts.share_key} onclick={store.on(AppAction::ToggleShare)} />
                <IconButton icon="help" label={texts.help} onclick={store.on(AppAction::ToggleHelp)} />
            </div>
        </header>
    }
}
