//! The editor of manifests: what is wrong stands below at its line, and which fields can stand at the cursor; applied by kubectl.

use web_sys::{HtmlSelectElement, HtmlTextAreaElement};
use yew::prelude::*;

use super::dialog::Dialog;
use super::use_texts;
use crate::browser::store::{use_selector, use_store};
use crate::state::AppAction;
use crate::state::manifest::{Candidate, Candidates, TEMPLATES, candidates, problems};

/// As many fields are offered.
const MOST_CANDIDATES: usize = 24;

#[component]
pub(crate) fn Manifest() -> Html {
    let texts = use_texts();
    let store = use_store();
    let given = use_selector(|state| state.manifest.clone());
    let place = use_node_ref();
    let text = use_state(String::new);
    let cursor = use_state(|| 0_usize);
    use_effect_with(given.clone(), {
        let (text, cursor) = (text.clone(), cursor.clone());
        move |given| {
            if let Some(given) = given {
                let begin = if given.is_empty() { TEMPLATES[0].1 } else { given };
                cursor.set(begin.len());
                text.set(begin.to_string());
            }
        }
    });
    if given.is_none() {
        return Html::default();
    }
    let look = {
        let (place, text, cursor) = (place.clone(), text.clone(), cursor.clone());
        move || {
            let Some(field) = place.cast::<HtmlTextAreaElement>() else { return };
            let value = field.value();
            cursor.set(byte_of(&value, field.selection_end().ok().flatten().unwrap_or_default()));
            if value != *text {
                text.set(value);
            }
        }
    };
    let offered = candidates(&text, *cursor);
    let take = {
        let (place, text, look, at, from) = (place.clone(), text.clone(), look.clone(), *cursor, offered.from);
        move |taken: &Candidate| {
            let Some(field) = place.cast::<HtmlTextAreaElement>() else { return };
            let (Some(before), Some(after)) = (text.get(..from), text.get(at..)) else { return };
            field.set_value(&format!("{before}{}{after}", taken.text));
            let end = before.encode_utf16().count() + taken.text.encode_utf16().count();
            // A field without a selection keeps its cursor where the browser puts it.
            let _ = field.set_selection_range(end as u32, end as u32);
            let _ = field.focus();
            look();
        }
    };
    let keys = {
        let (offered, take) = (offered.list.clone(), take.clone());
        Callback::from(move |event: KeyboardEvent| {
            if event.ctrl_key() && event.key() == " " {
                event.prevent_default();
                if let Some(first) = offered.first() {
                    take(first);
                }
            }
        })
    };
    let wrong = problems(&text);
    let go_to = |line: usize, column: usize| {
        let (place, text, look) = (place.clone(), text.clone(), look.clone());
        Callback::from(move |_: MouseEvent| {
            let Some(field) = place.cast::<HtmlTextAreaElement>() else { return };
            let lines: usize = text.split_inclusive('\n').take(line - 1).map(|line| line.encode_utf16().count()).sum();
            let at = (lines + column - 1) as u32;
            let _ = field.set_selection_range(at, at);
            let _ = field.focus();
            look();
        })
    };
    let begin = {
        let (text, cursor) = (text.clone(), cursor.clone());
        Callback::from(move |event: Event| {
            let select: HtmlSelectElement = event.target_unchecked_into();
            if let Some((_, template)) = TEMPLATES.iter().find(|(name, _)| *name == select.value()) {
                cursor.set(template.len());
                text.set((*template).to_string());
            }
        })
    };
    let apply = {
        let (store, text) = (store.clone(), text.clone());
        Callback::from(move |_: MouseEvent| store.dispatch(AppAction::ApplyManifest((*text).clone())))
    };
    html! {
        <Dialog title={texts.manifest} class="editor manifest" close={store.on(AppAction::CloseManifest)}>
            <p class="manifest-top">
                <span>{ texts.manifest_intro }</span>
                <label><span>{ texts.manifest_template }</span>
                    <select onchange={begin}>
                        <option selected={TEMPLATES.iter().all(|(_, template)| *template != *text)}>{ "…" }</option>
                        { for TEMPLATES.iter().map(|(name, template)| html! { <option selected={*template == *text}>{ *name }</option> }) }
                    </select>
                </label>
            </p>
            <textarea ref={place.clone()} autofocus=true spellcheck="false" aria-label={texts.manifest} value={(*text).clone()}
                oninput={let look = look.clone(); move |_: InputEvent| look()} onkeyup={let look = look.clone(); move |_: KeyboardEvent| look()}
                onclick={let look = look.clone(); move |_: MouseEvent| look()} onkeydown={keys} />
            { choices(&offered, texts.manifest_fields, &take) }
            <div class={classes!("editor-state", (!wrong.is_empty()).then_some("bad"))} role="status">
                if wrong.is_empty() {
                    { texts.manifest_good }
                }
                { for wrong.iter().map(|problem| html! {
                    <button type="button" class="problem" onclick={go_to(problem.place.line, problem.place.column)}>
                        <b>{ format!("{}:{}", problem.place.line, problem.place.column) }</b>{ " " }{ &problem.text }
                    </button>
                }) }
            </div>
            <p class="share-files"><button type="button" class="primary" onclick={apply}>{ texts.manifest_apply }</button></p>
        </Dialog>
    }
}

fn choices(offered: &Candidates, label: &'static str, take: &(impl Fn(&Candidate) + Clone + 'static)) -> Html {
    let chip = |candidate: &Candidate| {
        let onclick = {
            let (take, candidate) = (take.clone(), candidate.clone());
            Callback::from(move |_: MouseEvent| take(&candidate))
        };
        html! {
            <button type="button" class="chip" {onclick}>
                <b>{ candidate.text.trim_end_matches(": ") }</b>
                if !candidate.holds.is_empty() { { " " }<span>{ &candidate.holds }</span> }
            </button>
        }
    };
    html! { <div class="candidates" role="group" aria-label={label}>{ for offered.list.iter().take(MOST_CANDIDATES).map(chip) }</div> }
}

/// The byte at which a place in UTF-16 units lies, as browsers count.
fn byte_of(text: &str, units: u32) -> usize {
    let mut left = units as usize;
    for (at, char) in text.char_indices() {
        if left < char.len_utf16() {
            return at;
        }
        left -= char.len_utf16();
    }
    text.len()
}
