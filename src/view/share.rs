//! How to share what is shown: a link, a frame for other pages, a code for phones, files.

use qrcodegen::{QrCode, QrCodeEcc};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::dialog::Dialog;
use super::saving::use_saving;
use super::use_texts;
use crate::browser::api::ask;
use crate::browser::store::{use_selector, use_store};
use crate::state::AppAction;

/// Longer links do not fit a code that a camera still reads from a seat, in bytes.
const LONGEST_CODE: usize = 1_200;

#[component]
pub(crate) fn Share() -> Html {
    let store = use_store();
    let texts = use_texts();
    let open = use_selector(|state| state.share_open);
    let link = use_state(String::new);
    let saving = use_saving();
    use_effect_with(open, {
        let (link, saving) = (link.clone(), saving.clone());
        move |open| {
            link.set(String::new());
            saving.clear();
            if *open {
                spawn_local(async move { link.set(ask("share", &[]).await.ok().flatten().unwrap_or_default()) });
            }
        }
    });
    if !open {
        return Html::default();
    }
    let (page, recording) = link.split_once('#').unwrap_or((&link, ""));
    let and = if page.contains('?') { '&' } else { '?' };
    let frame = if link.is_empty() {
        String::new()
    } else {
        format!(
            "<iframe src=\"{page}{and}controls=none#{recording}\" width=\"800\" height=\"450\" allow=\"fullscreen\" loading=\"lazy\"></iframe>"
        )
    };
    let save = |what: &'static str| {
        let saving = saving.clone();
        Callback::from(move |_: MouseEvent| saving.save(what, String::new()))
    };
    html! {
        <Dialog title={texts.share} class="share" close={store.on(AppAction::ToggleShare)}>
            <p>{ texts.share_intro }</p>
            <Copied name={texts.share_link} text={(*link).clone()} />
            <Copied name={texts.share_frame} text={frame} />
            if !link.is_empty() { { code(&link).map_or_else(|| html! { <p class="empty">{ texts.share_long }</p> }, |d| html! {
                <svg class="qr" viewBox={d.0} role="img" aria-label={texts.share_code}><rect x="-4" y="-4" width="100%" height="100%" /><path d={d.1} /></svg>
            }) } }
            <p class="share-files">
                <button type="button" onclick={save("recording")}>{ texts.save_recording }</button>
                <button type="button" onclick={save("svg")}>{ "SVG" }</button>
                <button type="button" onclick={save("png")}>{ "PNG" }</button>
                <button type="button" onclick={save("video")}>{ texts.save_video }</button>
                <button type="button" onclick={save("gif")}>{ texts.save_gif }</button>
            </p>
            { saving.said() }
        </Dialog>
    }
}

/// The view box and the dark modules of a link's code; `None` when it is too long, or not there yet.
fn code(link: &str) -> Option<(String, String)> {
    let code = QrCode::encode_text(link, QrCodeEcc::Low).ok().filter(|_| !link.is_empty() && link.len() <= LONGEST_CODE)?;
    let size = code.size();
    let places = (0..size).flat_map(|y| (0..size).map(move |x| (x, y)));
    let dark = places.filter(|(x, y)| code.get_module(*x, *y)).map(|(x, y)| format!("M{x} {y}h1v1h-1z")).collect();
    Some((format!("-4 -4 {0} {0}", size + 8), dark))
}

#[derive(PartialEq, Properties)]
struct CopiedProps {
    name: &'static str,
    text: String,
}

/// A text that can be copied.
#[component]
fn Copied(props: &CopiedProps) -> Html {
    let texts = use_texts();
    let field = use_node_ref();
    let done = use_state(|| false);
    let copy = {
        let (field, done) = (field.clone(), done.clone());
        Callback::from(move |_: MouseEvent| {
            if let Some(field) = field.cast::<web_sys::HtmlInputElement>() {
                field.select();
                let (text, done) = (field.value(), done.clone());
                // Where the clipboard may not be used the text is selected, for Ctrl-C.
                spawn_local(async move { done.set(crate::browser::settings::copy(&text).await) });
            }
        })
    };
    html! {
        <label class="copied">
            <span>{ props.name }</span>
            <input ref={field} readonly=true value={props.text.clone()} />
            <button type="button" onclick={copy}>{ if *done { texts.copied } else { texts.copy } }</button>
        </label>
    }
}
