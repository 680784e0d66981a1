//! Tests of the page inside a browser: `cargo xtask test --wasm`.

#![cfg(target_arch = "wasm32")]

use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn mounts_on_its_element_and_says_that_it_is_ready() {
    let document = gloo::utils::document();
    let mount = document.create_element("div").expect("a div can be made");
    mount.set_id("app");
    document.body().expect("the test page has a body").append_child(&mount).expect("the body takes it");

    kube_orrery::start();
    for _ in 0..100 {
        gloo::timers::future::TimeoutFuture::new(10).await;
        let root = document.document_element().expect("every document has one");
        if root.get_attribute("data-orrery").as_deref() == Some("ready") {
            assert!(mount.child_element_count() > 0, "it says ready with nothing shown");
            return;
        }
    }
    panic!("not ready within a second");
}
