//! A panic never leaves a blank page: it is written over the page, with what to do.

/// Installs the hook.
pub(crate) fn install() {
    std::panic::set_hook(Box::new(|info| {
        let text = info.to_string();
        web_sys::console::error_1(&text.as_str().into());
        show(&text);
    }));
}

/// Shows the panel. It must not panic itself, so whatever fails is left out.
fn show(text: &str) {
    let document = gloo::utils::document();
    let Some(body) = document.body() else { return };
    let make = |tag: &str, class: &str, text: &str| {
        let element = document.create_element(tag).ok()?;
        let _ = element.set_attribute("class", class);
        element.set_text_content(Some(text));
        Some(element)
    };
    let Some(panel) = make("div", "panic", "") else { return };
    let _ = panel.set_attribute("role", "alert");
    let parts = [
        make("h1", "", "kube-orrery has stopped"),
        make("p", "", "This is a mistake of the program. Reloading the page begins anew; nothing else is lost."),
        make("pre", "", text),
        make("button", "primary", "Reload"),
    ];
    for part in parts.into_iter().flatten() {
        if part.tag_name() == "BUTTON" {
            let _ = part.set_attribute("onclick", "location.reload()");
        }
        let _ = panel.append_child(&part);
    }
    let _ = body.append_child(&panel);
}
