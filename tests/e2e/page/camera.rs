//! The camera of the stage.

use orrery_e2e::{Opened, open};
use page_driver::PageOptions;
use serde_json::json;

/// How large things are shown, against the fit.
fn zoom(page: &Opened) -> f64 {
    page.evaluate("orrery.state().zoom").as_f64().expect("a number")
}

fn press(page: &Opened, key: &str) {
    page.evaluate(&format!(
        "document.querySelector('.stage').dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}', bubbles: true, cancelable: true}}))"
    ));
}

/// Where the api-server's bar is seen.
const BAR: &str = "(rect => [rect.left, rect.top, rect.width])(document.querySelector('.box.bar').getBoundingClientRect())";

#[test]
fn keys_buttons_and_the_wheel_move_it_and_one_key_brings_back_the_fit() {
    let page = open("?autoplay=0", &PageOptions::default());
    let fit = page.evaluate(BAR);
    press(&page, "+");
    page.until("orrery.state().zoom > 1.39");
    let wide = page.evaluate(BAR)[2].as_f64().expect("a width") / fit[2].as_f64().expect("a width");
    assert!((wide - zoom(&page)).abs() < 0.01, "the drawing follows the camera: {wide}");
    // Arrows move what is larger than the stage; the playhead stays.
    let (at, seconds) = (page.evaluate(BAR), page.evaluate("orrery.state().seconds"));
    press(&page, "ArrowRight");
    assert_ne!(page.evaluate(BAR)[0], at[0]);
    assert_eq!(page.evaluate("orrery.state().seconds"), seconds);
    page.evaluate("document.querySelector('.camera button').click()");
    page.until("orrery.state().zoom > 1.9");
    press(&page, "0");
    page.until("orrery.state().zoom === 1");
    assert_eq!(page.evaluate(BAR), fit);
    page.evaluate(
        "document.querySelector('.stage').dispatchEvent(new WheelEvent('wheel', {deltaY: -200, clientX: 400, clientY: 300, bubbles: true, cancelable: true}))",
    );
    assert!(zoom(&page) > 1.3);
    let small = "[...document.querySelectorAll('.camera button')].some(button => button.getBoundingClientRect().width < 40 || button.getBoundingClientRect().height < 40)";
    assert_eq!(page.evaluate(small), json!(false), "targets are large enough");
}

#[test]
fn a_drag_moves_it_and_selects_nothing() {
    let page = open("?autoplay=0", &PageOptions::default());
    press(&page, "+");
    page.until("orrery.state().zoom > 1.39");
    let at = page.evaluate(BAR);
    page.evaluate(
        "const stage = document.querySelector('.stage'), bar = document.querySelector('.box.bar');
         const send = (kind, x, y, buttons) => bar.dispatchEvent(new PointerEvent(kind, {pointerId: 1, button: 0, buttons, clientX: x, clientY: y, bubbles: true}));
         send('pointerdown', 500, 300, 1);
         for (let step = 1; step <= 10; step++) send('pointermove', 500 - 6 * step, 300, 1);
         send('pointerup', 440, 300, 0);
         bar.dispatchEvent(new MouseEvent('click', {bubbles: true}));",
    );
    let moved = at[0].as_f64().expect("a number") - page.evaluate(BAR)[0].as_f64().expect("a number");
    assert!((45.0..61.0).contains(&moved), "{moved}");
    assert_eq!(page.evaluate("!!document.querySelector('.inspector')"), json!(false));
}

#[test]
fn it_follows_a_pod() {
    let page = open("?autoplay=0", &PageOptions::default());
    page.evaluate("await orrery.run('kubectl run web --image=nginx'); await orrery.settle()");
    page.evaluate(
        "document.querySelector('[data-select=\"pod/default/web\"]').dispatchEvent(new MouseEvent('click', {bubbles: true}))",
    );
    page.until("document.querySelectorAll('.camera button').length === 4");
    let titles = "[...document.querySelectorAll('.messages .row')].map(row => row.title).join()";
    page.until(&format!("{titles}.includes('web')"));
    let before = page.evaluate(titles);
    page.evaluate("document.querySelectorAll('.camera button')[3].click()");
    page.until("orrery.state().zoom > 1.5");
    let inside = "(() => { const stage = document.querySelector('.stage').getBoundingClientRect();
        const pod = document.querySelector('[data-select=\"pod/default/web\"]').getBoundingClientRect();
        return pod.left > stage.left && pod.right < stage.right && pod.top > stage.top && pod.bottom < stage.bottom; })()";
    page.until(inside);
    // Of all messages only its own are left, until it is followed no more.
    page.until(&format!("{titles} !== {before}"));
    page.evaluate("document.querySelectorAll('.camera button')[3].click()");
    page.until(&format!("{titles} === {before}"));
}
