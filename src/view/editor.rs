//! The lesson editor: the text of a lesson, made of what was done or written by hand, with its errors at the line; tried at once.

use orrery_sim::lesson::Lesson;
use yew::prelude::*;

use super::dialog::Dialog;
use super::saving::use_saving;
use super::use_texts;
use crate::browser::store::{use_selector, use_store};
use crate::state::AppAction;

#[component]
pub(crate) fn Editor() -> Html {
    let store = use_store();
    let texts = use_texts();
    let open = use_selector(|state| state.editor_open);
    let text = use_state(String::new);
    let saving = use_saving();
    // What was written is still there when the editor is opened again.
    let written = use_mut_ref(|| false);
    let anew = {
        let (store, text, written) = (store.clone(), text.clone(), written.clone());
        Callback::from(move |()| {
            *written.borrow_mut() = false;
            text.set(store.state().lesson_draft());
        })
    };
    use_effect_with(open, {
        let (anew, written, saving) = (anew.clone(), written.clone(), saving.clone());
        move |open| {
            saving.clear();
            if *open && !*written.borrow() {
                anew.emit(());
            }
        }
    });
    if !open {
        return Html::default();
    }
    let typed = {
        let text = text.clone();
        Callback::from(move |event: InputEvent| {
            *written.borrow_mut() = true;
            let field: web_sys::HtmlTextAreaElement = event.target_unchecked_into();
            text.set(field.value());
        })
    };
    let error = Lesson::parse(&text).err().map(|error| error.to_string());
    let give = {
        let (store, text) = (store.clone(), text.clone());
        Callback::from(move |_: MouseEvent| {
            store.dispatch(AppAction::ToggleEditor);
            store.dispatch(AppAction::GiveLesson("lesson.yaml".into(), (*text).clone(), 0));
        })
    };
    let save = {
        let (saving, text) = (saving.clone(), text.clone());
        Callback::from(move |_: MouseEvent| saving.save("lesson", (*text).clone()))
    };
    html! {
        <Dialog title={texts.editor} class="editor" close={store.on(AppAction::ToggleEditor)}>
            <p>{ texts.editor_intro }</p>
            <textarea spellcheck="false" aria-label={texts.editor} value={(*text).clone()} oninput={typed} />
            <p class={classes!("editor-state", error.is_some().then_some("bad"))} role="status">{ error.as_deref().unwrap_or(texts.editor_good) }</p>
            <p class="share-files">
                <button type="button" class="primary" disabled={error.is_some()} onclick={give}>{ texts.editor_give }</button>
                <button type="button" onclick={save}>{ texts.save_recording }</button>
                <button type="button" onclick={anew.reform(|_: MouseEvent| ())}>{ texts.editor_anew }</button>
            </p>
            { saving.said() }
        </Dialog>
    }
}
