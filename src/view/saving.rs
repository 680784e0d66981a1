//! Saving files, and saying when that fails: where it was asked for.

use wasm_bindgen::prelude::{JsCast as _, JsValue};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::use_texts;
use crate::browser::api::ask;
use crate::i18n::Texts;

/// What is said of the last file that was saved.
#[derive(Clone, PartialEq)]
pub(crate) struct Saving {
    said: UseStateHandle<String>,
    texts: &'static Texts,
}

#[hook]
pub(crate) fn use_saving() -> Saving {
    let (said, texts) = (use_state(String::new), use_texts());
    Saving { said, texts }
}

impl Saving {
    /// Saves what is shown, or a text (`orrery.save`).
    pub(crate) fn save(&self, what: &'static str, text: String) {
        let Self { said, texts } = self.clone();
        said.set(if ["video", "gif"].contains(&what) { texts.save_works.to_string() } else { String::new() });
        spawn_local(async move {
            let done = ask("save", &[what, &text]).await;
            said.set(done.err().map(|error| failure(&error, texts)).unwrap_or_default());
        });
    }

    /// Says nothing any more.
    pub(crate) fn clear(&self) {
        self.said.set(String::new());
    }

    /// What there is to say.
    pub(crate) fn said(&self) -> Html {
        html! { <span class="share-said" role="status">{ (*self.said).clone() }</span> }
    }
}

/// What is said when something could not be saved: the known reasons in the page's language.
fn failure(error: &JsValue, texts: &Texts) -> String {
    let text = |error: &js_sys::Error| (String::from(error.name()), String::from(error.message()));
    let (name, message) = error.dyn_ref::<js_sys::Error>().map(text).unwrap_or_default();
    match name.as_str() {
        "NoVideo" => texts.save_no_video.to_string(),
        "NoFiles" => texts.save_no_files.to_string(),
        _ => format!("{}: {message}", texts.save_failed),
    }
}
