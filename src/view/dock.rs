//! The dock: terminal, message log, events, charts. Where there is room the terminal stands beside the others.

use yew::prelude::*;

use super::charts::Charts;
use super::events::Events;
use super::messages::Messages;
use super::terminal::TerminalView;
use super::use_texts;
use crate::browser::store::{use_selector, use_store};
use crate::state::{AppAction, DockTab};

#[component]
pub(crate) fn Dock() -> Html {
    let store = use_store();
    let texts = use_texts();
    let open = use_selector(|state| state.dock);
    let tabs = [
        (DockTab::Terminal, texts.terminal),
        (DockTab::Messages, texts.messages),
        (DockTab::Events, texts.events),
        (DockTab::Charts, texts.charts),
    ];
    // Beside the terminal something is always shown.
    let beside = if open == DockTab::Terminal { DockTab::Messages } else { open };
    let tab = |(tab, name): (DockTab, &'static str)| {
        let class = classes!("tab", (tab == DockTab::Terminal).then_some("only-narrow"), (tab == beside).then_some("beside"));
        html! {
            <button type="button" role="tab" {class} aria-selected={(tab == open).to_string()}
                onclick={store.on(AppAction::DockTab(tab))}>{ name }</button>
        }
    };
    let class = classes!("dock", (open == DockTab::Terminal).then_some("shows-terminal"));
    html! {
        <section {class} aria-label={texts.dock}>
            <div class="dock-terminal">
                <h2 class="dock-title">{ texts.terminal }</h2>
                <TerminalView />
            </div>
            <div class="dock-beside">
                <div class="tabs" role="tablist">{ for tabs.into_iter().map(tab) }</div>
                <div class="dock-content" role="tabpanel">
                    { match beside {
                        DockTab::Events => html! { <Events /> },
                        DockTab::Charts => html! { <Charts /> },
                        DockTab::Messages | DockTab::Terminal => html! { <Messages /> },
                    } }
                </div>
            </div>
        </section>
    }
}
