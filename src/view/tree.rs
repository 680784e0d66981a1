//! A tree that is walked by keys: ↑ ↓ from line to line, → unfolds, ← folds, Enter goes to what a line stands for.

use web_sys::{Element, HtmlElement};
use yew::prelude::*;

/// Keys of lines that stand for lines which are not listed begin with this.
pub(crate) const MORE: &str = "more ";
/// Lines are not indented further than this.
const DEEPEST: usize = 9;

/// A line of a tree.
#[derive(Clone, PartialEq)]
pub(crate) struct Line {
    /// Names it.
    pub key: String,
    /// How deep it is indented, from 0.
    pub depth: usize,
    /// Whether it is unfolded, when it has anything to unfold.
    pub open: Option<bool>,
    /// Its classes.
    pub class: Classes,
    /// The message that it stands for.
    pub message: Option<u32>,
    /// What stands in it.
    pub content: Html,
}

#[derive(PartialEq, Properties)]
pub(crate) struct TreeProps {
    pub label: &'static str,
    pub lines: Vec<Line>,
    /// The line that Tab comes to at first; the first one when it is not there.
    #[prop_or_default]
    pub start: String,
    /// Someone goes to what the line of this key stands for.
    pub ongo: Callback<String>,
    /// Someone folds or unfolds it.
    pub onturn: Callback<String>,
}

/// The line that an event happened in.
fn line_of(event: &Event) -> Option<Element> {
    event.target_dyn_into::<Element>()?.closest("[role=treeitem]").ok()?
}

/// Puts the cursor on a line.
pub(crate) fn focus_on(line: Option<Element>) {
    if let Some(line) = line.and_then(|line| wasm_bindgen::JsCast::dyn_into::<HtmlElement>(line).ok()) {
        // A line of the tree can always be focused.
        let _ = line.focus();
    }
}

#[component]
pub(crate) fn Tree(props: &TreeProps) -> Html {
    // The line that Tab comes to.
    let current = use_state(|| props.start.clone());
    let key_of = |line: &Element| line.get_attribute("data-line").unwrap_or_default();
    // Whoever has asked for more lines goes on at the first of them: the key of the line before it.
    let asked = use_mut_ref(|| None::<String>);
    let place = use_node_ref();
    let keys: Vec<String> = props.lines.iter().map(|line| line.key.clone()).collect();
    use_effect_with(keys, {
        let (asked, place) = (asked.clone(), place.clone());
        move |_| {
            let Some(before) = asked.borrow_mut().take() else { return };
            let lines = || place.cast::<Element>().and_then(|tree| tree.first_element_child());
            let mut line = lines();
            while !before.is_empty() && line.as_ref().is_some_and(|line| key_of(line) != before) {
                line = line.and_then(|line| line.next_element_sibling());
            }
            focus_on(if before.is_empty() { line } else { line.and_then(|line| line.next_element_sibling()) });
        }
    });
    let ongo = {
        let (asked, place, ongo) = (asked.clone(), place.clone(), props.ongo.clone());
        Callback::from(move |key: String| {
            if key.starts_with(MORE) {
                let mut line = place.cast::<Element>().and_then(|tree| tree.first_element_child());
                let mut before = String::new();
                while let Some(this) = line.filter(|line| key_of(line) != key) {
                    before = key_of(&this);
                    line = this.next_element_sibling();
                }
                *asked.borrow_mut() = Some(before);
            }
            ongo.emit(key);
        })
    };
    let click = {
        let (ongo, onturn) = (ongo.clone(), props.onturn.clone());
        Callback::from(move |event: MouseEvent| {
            let Some(line) = line_of(&event) else { return };
            let fold = event.target_dyn_into::<Element>().and_then(|element| element.closest(".fold").ok().flatten());
            if fold.is_some() { &onturn } else { &ongo }.emit(key_of(&line));
        })
    };
    let focus = {
        let current = current.clone();
        Callback::from(move |event: FocusEvent| line_of(&event).iter().for_each(|line| current.set(key_of(line))))
    };
    let keys = {
        let onturn = props.onturn.clone();
        Callback::from(move |event: KeyboardEvent| {
            // These are the browser's.
            if event.alt_key() || event.ctrl_key() || event.meta_key() {
                return;
            }
            let Some(line) = line_of(&event) else { return };
            let open = line.get_attribute("aria-expanded");
            let depth = |line: &Element| line.get_attribute("aria-level").and_then(|level| level.parse::<usize>().ok());
            let next = match event.key().as_str() {
                "ArrowDown" => line.next_element_sibling(),
                "ArrowUp" => line.previous_element_sibling(),
                "Home" => line.parent_element().and_then(|tree| tree.first_element_child()),
                "End" => line.parent_element().and_then(|tree| tree.last_element_child()),
                "ArrowRight" if open.as_deref() == Some("false") => {
                    onturn.emit(key_of(&line));
                    None
                }
                "ArrowRight" => open.and_then(|_| line.next_element_sibling()),
                "ArrowLeft" if open.as_deref() == Some("true") => {
                    onturn.emit(key_of(&line));
                    None
                }
                "ArrowLeft" => {
                    let mut above = line.previous_element_sibling();
                    while above.as_ref().is_some_and(|above| depth(above) >= depth(&line)) {
                        above = above.and_then(|above| above.previous_element_sibling());
                    }
                    above
                }
                "Enter" | " " => {
                    ongo.emit(key_of(&line));
                    None
                }
                _ => return,
            };
            event.prevent_default();
            event.stop_propagation();
            focus_on(next);
        })
    };
    let known = props.lines.iter().any(|line| line.key == *current);
    html! {
        <div class="tree" role="tree" ref={place} aria-label={props.label} onclick={click} onfocusin={focus} onkeydown={keys}>
            { for props.lines.iter().enumerate().map(|(index, line)| {
                let here = if known { line.key == *current } else { index == 0 };
                html! {
                    <div key={line.key.clone()} class={classes!("row", line.class.clone())} role="treeitem" tabindex={if here { "0" } else { "-1" }}
                        data-line={line.key.clone()} data-message={line.message.map(|id| id.to_string())} aria-level={(line.depth + 1).to_string()}
                        aria-expanded={line.open.map(|open| open.to_string())} aria-selected="false" style={format!("--depth:{}", line.depth.min(DEEPEST))}>
                        <span class={classes!(line.open.map(|_| "fold"))} aria-hidden="true">
                            { match line.open { Some(true) => "▾", Some(false) => "▸", None => "" } }
                        </span>
                        { line.content.clone() }
                    </div>
                }
            }) }
        </div>
    }
}
