//! A dialog over the page, by the browser's own `<dialog>`: it keeps the focus, gives it back, and closes by Esc.

use gloo::events::EventListener;
use wasm_bindgen::JsCast as _;
use web_sys::{HtmlDialogElement, HtmlElement};
use yew::prelude::*;

use super::icons::IconButton;
use super::use_texts;

/// Properties of a dialog.
#[derive(PartialEq, Properties)]
pub(crate) struct DialogProps {
    /// Its heading.
    pub title: &'static str,
    /// A class of its own.
    #[prop_or_default]
    pub class: &'static str,
    /// What closes it.
    pub close: Callback<()>,
    /// What stands in it.
    pub children: Html,
}

/// A dialog that is open as long as it is there.
#[component]
pub(crate) fn Dialog(props: &DialogProps) -> Html {
    let texts = use_texts();
    let place = use_node_ref();
    use_effect_with((), {
        let (place, close) = (place.clone(), props.close.clone());
        move |()| {
            let before = gloo::utils::document().active_element().and_then(|element| element.dyn_into::<HtmlElement>().ok());
            let dialog = place.cast::<HtmlDialogElement>();
            let listener = dialog.as_ref().map(|dialog| {
                // It fails only for one that is open already.
                let _ = dialog.show_modal();
                // Esc; the event does not bubble, so it is listened for here.
                EventListener::new(dialog, "cancel", move |_| close.emit(()))
            });
            move || {
                drop(listener);
                if let Some(before) = before {
                    // What has gone meanwhile takes no focus.
                    let _ = before.focus();
                }
            }
        }
    });
    // A click beside it hits the dialog itself.
    let beside = {
        let (place, close) = (place.clone(), props.close.clone());
        Callback::from(move |event: MouseEvent| {
            if event.target().and_then(|target| target.dyn_into::<HtmlDialogElement>().ok()) == place.cast() {
                close.emit(());
            }
        })
    };
    html! {
        <dialog ref={place} class={classes!("dialog", props.class)} role="dialog" aria-label={props.title} onclick={beside}>
            <div class="dialog-content">
                <div class="inspector-head">
                    <h2>{ props.title }</h2>
                    <IconButton icon="close" label={texts.close} onclick={props.close.reform(|_: MouseEvent| ())} />
                </div>
                { props.children.clone() }
            </div>
        </dialog>
    }
}
