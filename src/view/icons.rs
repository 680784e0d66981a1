//! The page's own icons: strokes on a grid of 24.

use yew::prelude::*;

/// The path of an icon.
pub(crate) fn icon(name: &str) -> Html {
    let d = match name {
        "to-start" => "M6 5v14M19 5l-10 7 10 7z",
        "step-back" => "M17 5L7 12l10 7z",
        "play" => "M8 5l11 7-11 7z",
        "pause" => "M8 5v14M16 5v14",
        "step-forward" => "M7 5l10 7-10 7z",
        "to-live" => "M18 5v14M5 5l10 7-10 7z",
        "theme" => "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
        "predict" => "M12 3a8 8 0 1 1-5.5 13.8M12 7.5a3.5 3.5 0 1 1-3.4 4.4M2 21l7.5-7.5M6.5 13.2h3v3",
        "heart" => "M2 12h5l2.5-6 4 12 2.5-6h6",
        "full" => "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
        "notes" => "M4 4h16v11H4zM12 15v4M8 20h8M7.5 8h9M7.5 11h5",
        "share" => "M12 15V3M7.5 7.5L12 3l4.5 4.5M5 12v8h14v-8",
        "help" => "M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 18v.01",
        "panel" => "M4 5h16v14H4zM15 5v14",
        "legend" => "M4 6h4v3H4zM12 7.5h8M4 15h4v3H4zM12 16.5h8",
        "larger" => "M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7",
        "smaller" => "M20 10h-6V4M14 10l7-7M4 14h6v6M10 14l-7 7",
        "dock" => "M4 5h16v14H4zM4 14h16",
        "zoom-in" => "M5 12h14M12 5v14",
        "zoom-out" => "M5 12h14",
        "fit" => "M4 9V5h5M15 5h5v4M20 15v4h-5M9 19H4v-4M9 10h6v4H9z",
        "follow" => "M12 3v4M12 17v4M3 12h4M17 12h4M12 7a5 5 0 1 0 .01 0M12 11v2M11 12h2",
        "close" => "M6 6l12 12M18 6L6 18",
        "run" => "M7 5l12 7-12 7z",
        "more" => "M9 6l6 6-6 6",
        _ => "",
    };
    let filled = matches!(name, "to-start" | "step-back" | "play" | "step-forward" | "to-live" | "run");
    let class = if filled { "icon filled" } else { "icon" };
    html! { <svg {class} viewBox="0 0 24 24" aria-hidden="true"><path {d} /></svg> }
}

/// The page's mark: a world with a moon on its ring.
pub(crate) fn logo() -> Html {
    html! {
        <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
            <ellipse cx="16" cy="16" rx="14" ry="6.5" transform="rotate(-24 16 16)" />
            <circle class="sun" cx="16" cy="16" r="5" />
            <circle class="moon" cx="28.2" cy="9.2" r="2.6" />
        </svg>
    }
}

/// Properties of an icon button.
#[derive(PartialEq, Properties)]
pub(crate) struct IconButtonProps {
    /// Name of the icon.
    pub icon: &'static str,
    /// What it does.
    pub label: AttrValue,
    /// What happens.
    pub onclick: Callback<MouseEvent>,
    /// Whether it is switched on, for switches.
    #[prop_or_default]
    pub pressed: Option<bool>,
    /// Whether it cannot be used now.
    #[prop_or_default]
    pub disabled: bool,
    /// Further classes.
    #[prop_or_default]
    pub class: Classes,
}

/// A button with an icon and a label for screen readers, which is its tooltip, too.
#[component]
pub(crate) fn IconButton(props: &IconButtonProps) -> Html {
    let pressed = props.pressed.map(|pressed| pressed.to_string());
    html! {
        <button type="button" class={classes!("icon-button", props.class.clone())} title={&props.label} aria-label={&props.label}
            aria-pressed={pressed} disabled={props.disabled} onclick={&props.onclick}>{ icon(props.icon) }</button>
    }
}
