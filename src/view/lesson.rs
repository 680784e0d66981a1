//! The lesson that is given: its caption above the stage, and the list of lessons.

use orrery_sim::lesson::{BUILT_IN, built_in};
use yew::prelude::*;

use super::icons::IconButton;
use super::use_texts;
use crate::browser::keys::present;
use crate::browser::store::{use_selector, use_store};
use crate::state::AppAction;

/// What the bar shows.
#[derive(Clone, PartialEq)]
struct Shown {
    title: String,
    caption: String,
    say: String,
    predict: String,
    step: usize,
    steps: usize,
    asks: bool,
    busy: bool,
    bare: bool,
}

#[component]
pub(crate) fn LessonBar() -> Html {
    let store = use_store();
    let texts = use_texts();
    let shown = use_selector(|state| {
        let given = state.lesson.as_ref()?;
        let (lang, step) = (state.texts.lang, given.current());
        Some(Shown {
            title: given.lesson.title.get(lang).to_string(),
            caption: step.caption.get(lang).to_string(),
            say: step.say.get(lang).to_string(),
            predict: step.predict.get(lang).to_string(),
            step: given.step,
            steps: given.lesson.steps.len(),
            asks: state.asks(),
            busy: state.is_busy(),
            bare: state.bare,
        })
    });
    let Some(shown) = shown else { return Html::default() };
    let asks = shown.asks;
    let notes = {
        let store = store.clone();
        Callback::from(move |_: MouseEvent| present(&store))
    };
    html! {
        <section class="lesson" aria-label={texts.lesson}>
            <div class="lesson-words">
                <p class="lesson-place">
                    <strong>{ shown.title }</strong>
                    <span>{ format!("{} / {}", shown.step + 1, shown.steps) }</span>
                </p>
                // It gives away the answer.
                <p class="lesson-caption" role="status" hidden={asks}>{ shown.caption }</p>
                if asks {
                    <p class="lesson-predict">
                        { shown.predict }
                        <button type="button" onclick={store.on(AppAction::Play)}>{ texts.reveal }</button>
                    </p>
                }
                if !shown.say.is_empty() {
                    <details class="lesson-say"><summary>{ texts.notes }</summary><p>{ shown.say }</p></details>
                }
            </div>
            <div class="lesson-buttons">
                <IconButton icon="step-back" label={texts.lesson_back} disabled={shown.step == 0 || shown.busy} onclick={store.on(AppAction::LessonStep(-1))} />
                <IconButton class="lesson-next" icon="step-forward" label={texts.lesson_next} disabled={shown.step + 1 == shown.steps || shown.busy} onclick={store.on(AppAction::LessonStep(1))} />
                if !shown.bare {
                    <IconButton class="wide-only roomy-only" icon="notes" label={texts.presenter_key} onclick={notes} />
                    <IconButton icon="close" label={texts.lesson_close} onclick={store.on(AppAction::CloseLesson)} />
                }
            </div>
        </section>
    }
}

#[component]
pub(crate) fn LessonList() -> Html {
    let store = use_store();
    let texts = use_texts();
    let given = use_selector(|state| state.lesson.as_ref().map(|given| given.id.clone()));
    let lessons = use_memo((), |()| BUILT_IN.iter().filter_map(|(id, _)| Some((*id, built_in(id)?))).collect::<Vec<_>>());
    html! {
        <section class="lessons">
            <h2>{ texts.lessons }</h2>
            <ol>
                { for lessons.iter().map(|(id, lesson)| html! {
                    <li key={*id}>
                        <button type="button" class={classes!("tool", (given.as_deref() == Some(*id)).then_some("chosen"))} title={lesson.summary.get(texts.lang).to_string()}
                            onclick={store.on(AppAction::OpenLesson((*id).to_string(), 0))}>{ lesson.title.get(texts.lang) }</button>
                    </li>
                }) }
            </ol>
            <button type="button" class="tool" title={texts.editor_key} onclick={store.on(AppAction::ToggleEditor)}>{ texts.editor }</button>
        </section>
    }
}
