//! Elements whose size is followed.

use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::Closure;
use web_sys::{Element, ResizeObserver};

/// Tells the size of an element, at once and whenever it changes, as long as this lives. An element of no size is not spoken of.
pub(crate) struct Observed {
    observer: ResizeObserver,
    _changed: Closure<dyn Fn()>,
}

impl Observed {
    /// Observes an element; `None` where the browser cannot.
    pub(crate) fn new(element: &Element, tell: impl Fn(f64, f64) + 'static) -> Option<Self> {
        let measured = element.clone();
        let tell = move || {
            let rect = measured.get_bounding_client_rect();
            if rect.width() >= 1.0 && rect.height() >= 1.0 {
                tell(rect.width(), rect.height());
            }
        };
        tell();
        let changed = Closure::<dyn Fn()>::new(tell);
        let observer = ResizeObserver::new(changed.as_ref().unchecked_ref()).ok()?;
        observer.observe(element);
        Some(Self { observer, _changed: changed })
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}
