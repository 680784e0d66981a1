//! The page's components. Each selects what it needs of the state (`use_selector`) and dispatches actions; none keeps
//! state of its own but what nobody else needs, such as the text in a field.

mod causes;
mod charts;
mod chip;
mod decision;
mod dialog;
mod dock;
mod editor;
mod events;
mod faults;
mod header;
mod help;
mod icons;
mod inspector;
mod legend;
mod lesson;
mod looks;
mod manifest;
mod messages;
mod notices;
mod observed;
mod outline;
mod palette;
mod panel;
mod saving;
mod sequence;
mod share;
mod stage;
mod terminal;
mod topologies;
mod transport;
mod tree;
mod yaml;

use std::rc::Rc;

use web_sys::{DragEvent, Element, Event, File};
use yew::prelude::*;

use crate::browser::store::{Store, use_selector, use_store};
use crate::browser::{frames, keys, settings};
use crate::i18n::Texts;
use crate::scene::Selection;
use crate::state::{AppAction, DockTab};

/// The texts of the chosen language.
#[hook]
pub(crate) fn use_texts() -> &'static Texts {
    use_selector(|state| state.texts)
}

/// Compares by identity: what has not changed keeps its own.
#[derive(Debug)]
pub(crate) struct Same<T>(pub Rc<T>);

impl<T> Clone for Same<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> PartialEq for Same<T> {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// The message that the target of an event stands for: on the stage, in a list or in a diagram.
pub(crate) fn pointed_message(event: &Event) -> Option<u32> {
    let element = event.target_dyn_into::<Element>()?.closest("[data-message], [data-select]").ok()??;
    match element.get_attribute("data-message") {
        Some(id) => id.parse().ok(),
        None => match Selection::parse(&element.get_attribute("data-select")?)? {
            Selection::Message(id) => Some(id),
            _ => None,
        },
    }
}

/// Properties of the root component.
#[derive(Debug, PartialEq, Properties)]
pub(crate) struct AppProps {
    /// The store.
    pub store: Store,
}

/// The root component: it provides the store and lays out the page.
#[component]
pub(crate) fn App(props: &AppProps) -> Html {
    html! {
        <ContextProvider<Store> context={props.store.clone()}>
            <Page />
        </ContextProvider<Store>>
    }
}

#[component]
fn Page() -> Html {
    let store = use_store();
    let (bare, dock, panel, theme, lang) =
        use_selector(|state| (state.bare, state.dock_open, state.panel_open, state.colours(), state.texts.lang));
    let (large, height, lesson) = use_selector(|state| (state.large_terminal, state.dock_height, state.lesson.is_some()));
    let tall = use_selector(|state| matches!(state.dock, DockTab::Sequence | DockTab::Charts));
    use_effect_with((), {
        let store = store.clone();
        move |()| {
            settings::follow_system(&store);
            let listeners = (keys::listen(&store), frames::wake(&store));
            move || drop(listeners)
        }
    });
    use_effect_with((theme, lang), |(theme, lang)| {
        if let Some(root) = gloo::utils::document().document_element() {
            // Both names are constants and valid.
            let _ = root.set_attribute("data-theme", theme.name());
            let _ = root.set_attribute("lang", lang);
        }
    });
    let dropping = use_state(|| false);
    let over = {
        let dropping = dropping.clone();
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            dropping.set(true);
        })
    };
    let leave = {
        let dropping = dropping.clone();
        Callback::from(move |_: DragEvent| dropping.set(false))
    };
    let drop = {
        let (store, dropping) = (store.clone(), dropping.clone());
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            dropping.set(false);
            take_files(&store, &event);
        })
    };
    let class = classes!(
        "app",
        bare.then_some("bare"),
        lesson.then_some("with-lesson"),
        (!dock || bare).then_some("no-dock"),
        (!panel || bare).then_some("no-panel"),
        (large && dock && !bare).then_some("large-terminal"),
        tall.then_some("tall-dock"),
        dropping.then_some("dropping")
    );
    html! {
        <div {class} style={height.map(|height| format!("--dock-height:{height:.0}px"))} ondragover={over} ondragleave={leave} ondrop={drop}>
            if !bare {
                <header::Header />
            }
            <main class="middle">
                if bare {
                    <h1 class="sr-only">{ "kube-orrery" }</h1>
                }
                <div class="stage-column">
                    <lesson::LessonBar />
                    <stage::Stage />
                    <panel::FirstStrip />
                </div>
                if panel && !bare {
                    <panel::Panel />
                }
            </main>
            if !bare {
                <transport::Transport />
                if dock {
                    <dock::Dock />
                }
            }
            <notices::Notices />
            <notices::Spoken />
            <help::Help />
            <share::Share />
            <editor::Editor />
            <manifest::Manifest />
            <topologies::Topologies />
            if *dropping {
                <DropHint />
            }
        </div>
    }
}

#[component]
fn DropHint() -> Html {
    let texts = use_texts();
    html! { <div class="drop-hint">{ texts.drop_here }</div> }
}

/// Files larger than this are not manifests.
const LARGEST_FILE: f64 = 1e6;

fn take_files(store: &Store, event: &DragEvent) {
    let Some(files) = event.data_transfer().and_then(|data| data.files()) else { return };
    let files: Vec<File> =
        (0..files.length()).filter_map(|index| files.get(index)).filter(|file| file.size() <= LARGEST_FILE).collect();
    let store = store.clone();
    wasm_bindgen_futures::spawn_local(async move {
        for file in files {
            let text = wasm_bindgen_futures::JsFuture::from(file.text()).await.ok().and_then(|text| text.as_string());
            if let Some(text) = text {
                store.dispatch(AppAction::DropFile(file.name(), text));
            }
        }
    });
}
