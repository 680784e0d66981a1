//! Pictures as PNG, with fonts of our own: the same bytes on every machine.

use resvg::{tiny_skia, usvg};

const FONTS: [&[u8]; 3] = [
    include_bytes!("../fonts/DejaVuSans.ttf"),
    include_bytes!("../fonts/DejaVuSans-Bold.ttf"),
    include_bytes!("../fonts/DejaVuSansMono-Bold.ttf"),
];

/// A picture takes at most four bytes for each of so many.
const MOST_PIXELS: u64 = 100_000_000;

/// A picture as PNG, `scale` times as many pixels wide and high as the SVG says.
pub(crate) fn png(svg: &str, scale: f32) -> Result<Vec<u8>, String> {
    let mut options = usvg::Options { font_family: "DejaVu Sans".into(), ..usvg::Options::default() };
    let fonts = options.fontdb_mut();
    FONTS.iter().for_each(|font| fonts.load_font_data(font.to_vec()));
    // Of weights between the hundreds the library knows nothing; the bold font is the same.
    let (style, rest) = svg.split_once("</style>").unwrap_or(("", svg));
    let whole = if style.is_empty() {
        rest.to_string()
    } else {
        [&style.replace("font-weight: 650", "font-weight: 700"), "</style>", rest].concat()
    };
    let tree = usvg::Tree::from_str(&whole, &options).map_err(|error| error.to_string())?;
    let length = |length: f32| (length * scale).round() as u32;
    let (width, height) = (length(tree.size().width()), length(tree.size().height()));
    let fits = u64::from(width) * u64::from(height) <= MOST_PIXELS;
    let picture = fits.then(|| tiny_skia::Pixmap::new(width, height)).flatten();
    let mut picture = picture.ok_or_else(|| format!("{width} × {height} pixels are too many: at most {MOST_PIXELS}"))?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(scale, scale), &mut picture.as_mut());
    picture.encode_png().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_the_same_every_time_as_large_as_asked_and_have_bold_type() {
        let text = |weight: u32| {
            format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"60\" height=\"20\">\
                 <style>text {{ font-family: Inter, \"DejaVu Sans\"; font-weight: {weight}; }}</style><text y=\"15\" font-size=\"14\">etcd ●</text></svg>"
            )
        };
        let size = |png: &[u8]| [16, 20].map(|at| u32::from_be_bytes([png[at], png[at + 1], png[at + 2], png[at + 3]]));
        let plain = png(&text(400), 1.0).expect("a picture");
        assert_eq!(size(&plain), [60, 20]);
        assert_eq!(png(&text(400), 1.0).as_deref(), Ok(&*plain));
        assert_eq!(size(&png(&text(400), 2.0).expect("a picture")), [120, 40]);
        assert_ne!(png(&text(650), 1.0).expect("a picture"), plain);
        assert_eq!(png(&text(650), 1.0), png(&text(700), 1.0));
        assert!(png("<svg", 1.0).is_err());
        assert!(png(&text(400), 4000.0).is_err_and(|why| why.contains("too many")));
    }
}
