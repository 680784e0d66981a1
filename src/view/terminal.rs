//! The terminal: scrollback as it is at the playhead, and a line to type into.

use std::rc::Rc;

use web_sys::{Element, HtmlElement, HtmlTextAreaElement};
use yew::prelude::*;

use super::observed::Observed;
use super::{Same, use_texts};
use crate::browser::store::{use_selector, use_store};
use crate::state::AppAction;
use crate::state::complete::complete;
use crate::state::terminal::{Piece, Screen};

#[component]
pub(crate) fn TerminalView() -> Html {
    let store = use_store();
    let texts = use_texts();
    let screen = use_selector(|state| Same::<Screen>(Rc::clone(&state.screen)));
    let (partial, waiting) =
        use_selector(|state| (state.terminal.partial.clone(), state.terminal.waiting.iter().cloned().collect::<Vec<_>>()));
    let undoable = use_selector(|state| state.last_command().is_some());
    let choices = use_state(Vec::<String>::new);
    // Position in the history while it is walked through, and what had been typed before.
    let walk = use_mut_ref(|| None::<(usize, String)>);
    let scroll = use_node_ref();
    let input = use_node_ref();

    use_effect_with((screen.clone(), partial.clone(), waiting.len(), choices.len()), {
        let scroll = scroll.clone();
        move |_| {
            // Measured when the browser lays the page out anyway.
            let frame = gloo::render::request_animation_frame(move |_| {
                if let Some(element) = scroll.cast::<HtmlElement>() {
                    fit_tables(&element);
                    element.set_scroll_top(element.scroll_height());
                }
            });
            move || drop(frame)
        }
    });
    use_effect_with(scroll.clone(), |scroll| {
        let element = scroll.cast::<HtmlElement>();
        let observed = element.and_then(|element| {
            let tables = element.clone();
            Observed::new(&element, move |_, _| {
                fit_tables(&tables);
                tables.set_scroll_top(tables.scroll_height());
            })
        });
        move || drop(observed)
    });

    let put = {
        let input = input.clone();
        move |text: &str| {
            if let Some(field) = input.cast::<HtmlTextAreaElement>() {
                field.set_value(text);
                fit_rows(&field);
            }
        }
    };
    let keydown = {
        let (store, choices, walk, put) = (store.clone(), choices.clone(), walk.clone(), put.clone());
        Callback::from(move |event: KeyboardEvent| {
            let field: HtmlTextAreaElement = event.target_unchecked_into();
            let text = field.value();
            let several = text.contains('\n');
            match event.key().as_str() {
                "Enter" if !event.shift_key() => {
                    event.prevent_default();
                    *walk.borrow_mut() = None;
                    choices.set(Vec::new());
                    put("");
                    store.dispatch(AppAction::Enter(text));
                }
                "Tab" if !event.shift_key() && !text.trim().is_empty() => {
                    event.prevent_default();
                    let completion = complete(&text, store.state().session.cluster());
                    put(&completion.line);
                    choices.set(completion.choices);
                }
                "ArrowUp" | "ArrowDown" if !several => {
                    event.prevent_default();
                    let state = store.state();
                    let history = &state.terminal.history;
                    let mut walk = walk.borrow_mut();
                    let (at, typed) = walk.clone().unwrap_or((history.len(), text));
                    let at = if event.key() == "ArrowUp" { at.saturating_sub(1) } else { (at + 1).min(history.len()) };
                    put(history.get(at).unwrap_or(&typed));
                    *walk = Some((at, typed));
                }
                "c" if event.ctrl_key() && field.selection_start().ok() == field.selection_end().ok() => {
                    event.prevent_default();
                    put("");
                    choices.set(Vec::new());
                    store.dispatch(AppAction::Interrupt);
                }
                "l" if event.ctrl_key() => {
                    event.prevent_default();
                    store.dispatch(AppAction::Clear);
                }
                _ => {}
            }
        })
    };
    let typed = Callback::from(|event: InputEvent| {
        let field: HtmlTextAreaElement = event.target_unchecked_into();
        fit_rows(&field);
    });
    let focus = {
        let input = input.clone();
        Callback::from(move |_: MouseEvent| {
            let selecting =
                gloo::utils::window().get_selection().ok().flatten().is_some_and(|selection| !selection.is_collapsed());
            if let (false, Some(field)) = (selecting, input.cast::<HtmlElement>()) {
                // The line is always there to be focused.
                let _ = field.focus();
            }
        })
    };
    let prompt = if partial.is_empty() { "$" } else { ">" };
    html! {
        <div class="terminal" onclick={focus}>
            <div class="scrollback" ref={scroll} role="log" aria-live="polite" aria-label={texts.terminal} tabindex="0">
                { for screen.0.pieces.iter().map(piece) }
                { for waiting.iter().map(|line| html! { <pre class="waiting">{ format!("$ {line}") }</pre> }) }
                if !partial.is_empty() {
                    <pre class="command">{ continued(&partial) }</pre>
                }
                if !choices.is_empty() {
                    <pre class="choices">{ choices.join("   ") }</pre>
                }
            </div>
            <div class="input-line">
                <span class="prompt" aria-hidden="true">{ prompt }</span>
                <textarea id="orrery-terminal-input" ref={input} rows="1" spellcheck="false" autocomplete="off" autocapitalize="off"
                    aria-label={texts.terminal_input} placeholder={if screen.0.running.is_some() { texts.running } else { "kubectl …" }}
                    onkeydown={keydown} oninput={typed} />
                if undoable {
                    <button type="button" class="interrupt" id="orrery-undo" title={texts.undo} aria-label={texts.undo}
                        onclick={store.on(AppAction::Undo)}>{ "↶" }</button>
                }
                if screen.0.running.or(screen.0.watching).is_some() {
                    <button type="button" class="interrupt" title={texts.interrupt} aria-label={texts.interrupt}
                        onclick={store.on(AppAction::Interrupt)}>{ "^C" }</button>
                }
            </div>
        </div>
    }
}

fn piece(piece: &Piece) -> Html {
    match piece {
        Piece::Command(text) => html! { <pre class="command">{ continued(text) }</pre> },
        Piece::Out(text) => html! { <pre class="out">{ text }</pre> },
        Piece::Aside(text) => html! { <pre class="aside">{ text }</pre> },
        Piece::Err(text) => html! { <pre class="stderr">{ text }</pre> },
    }
}

/// A command with its prompts: `$` and, before further lines, `>`.
fn continued(text: &str) -> String {
    format!("$ {}", text.replace('\n', "\n> "))
}

/// The least share of its usual size that type may shrink to: some 11 pixels.
const LEAST_SHARE: f64 = 0.84;

/// Gives output that is too wide a smaller type where all of it then fits; else it stays as it is, and is scrolled to.
fn fit_tables(scroll: &HtmlElement) {
    let following = |element: &Element| element.next_element_sibling();
    let outputs: Vec<Element> =
        std::iter::successors(scroll.first_element_child(), following).filter(|child| child.class_name() == "out").collect();
    // All are changed, then all are measured: the page is laid out once. Both calls are valid whatever the element.
    outputs.iter().for_each(|output| _ = output.remove_attribute("style"));
    let widths: Vec<(i32, i32)> = outputs.iter().map(|output| (output.client_width(), output.scroll_width())).collect();
    for (output, (room, width)) in outputs.iter().zip(widths) {
        // Its width at the usual size tells which size it needs.
        let share = (f64::from(room) - 1.0) / f64::from(width).max(1.0);
        if width > room && share >= LEAST_SHARE {
            let _ = output.set_attribute("style", &format!("font-size:{share:.3}em"));
        }
    }
}

/// Makes the field as high as its lines, up to six.
fn fit_rows(field: &HtmlTextAreaElement) {
    field.set_rows((field.value().matches('\n').count() as u32 + 1).min(6));
}
