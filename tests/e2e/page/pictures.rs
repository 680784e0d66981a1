//! A stretch of time as a film or a GIF, and what is said when there is none.

use orrery_e2e::{Opened, open};
use page_driver::PageOptions;
use serde_json::{Value, json};

fn at_controllers() -> Opened {
    let page = open(
        "?lesson=controllers&step=1&autoplay=0&controls=none",
        &PageOptions { width: 800, height: 450, ..PageOptions::default() },
    );
    page.until("orrery.state().step === 1 && orrery.state().arrived");
    page
}

#[test]
fn a_stretch_of_time_becomes_a_film() {
    let page = at_controllers();
    let film = page.returned(
        "const before = orrery.state().seconds;
         const blob = await orrery.film(3);
         const video = Object.assign(document.createElement('video'), { src: URL.createObjectURL(blob), muted: true });
         await new Promise((done, fail) => Object.assign(video, { onloadeddata: done, onerror: () => fail(video.error) }));
         const size = [video.videoWidth, video.videoHeight];
         const picture = () => {
           const canvas = Object.assign(document.createElement('canvas'), { width: size[0], height: size[1] });
           canvas.getContext('2d').drawImage(video, 0, 0);
           return canvas.toDataURL();
         };
         const first = picture();
         await new Promise(done => { video.onended = done; video.play(); });
         return { type: blob.type, bytes: blob.size, size, seconds: video.currentTime, moved: picture() !== first, passed: orrery.state().seconds - before }",
    );
    println!("{film}");
    assert_eq!(film["type"], json!("video/webm"));
    assert!(film["bytes"].as_u64() > Some(10_000) && film["size"][0].as_u64() == Some(800), "{film}");
    assert!(film["seconds"].as_f64().is_some_and(|seconds| (2.0..8.0).contains(&seconds)), "{film}");
    assert!(film["moved"] == json!(true) && film["passed"].as_f64() > Some(0.0), "{film}");
    let refused = page.returned("try { await orrery.film(-1) } catch (error) { return error.message }");
    assert!(refused.as_str().is_some_and(|text| text.starts_with("film(seconds): seconds must be")), "{refused}");
}

/// What a GIF's header and blocks say: size, and for each picture its delay in hundredths of a second.
fn blocks(bytes: &[u8]) -> ((u16, u16), Vec<u16>) {
    assert_eq!(&bytes[..6], b"GIF89a");
    let number = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let (size, mut at, mut delays) = ((number(6), number(8)), 13 + table(bytes[10]), Vec::new());
    loop {
        // Past the blocks of data that follow a head of some length.
        let past = |mut at: usize| {
            while bytes[at] != 0 {
                at += usize::from(bytes[at]) + 1;
            }
            at + 1
        };
        match bytes[at] {
            0x21 => {
                if bytes[at + 1] == 0xF9 {
                    delays.push(number(at + 4));
                }
                at = past(at + 2);
            }
            0x2C => {
                assert_eq!((number(at + 5), number(at + 7)), size, "every picture is as large as the whole");
                at = past(at + 10 + table(bytes[at + 9]) + 1);
            }
            0x3B => return (size, delays),
            other => panic!("no block begins with {other:#x} at {at}"),
        }
    }
}

#[test]
fn a_stretch_of_time_becomes_a_gif_that_the_browser_shows() {
    let page = at_controllers();
    let gif = page.returned(
        "const before = orrery.state().seconds;
         const blob = await orrery.gif(3);
         const image = Object.assign(new Image(), { src: URL.createObjectURL(blob) });
         await image.decode();
         const decoder = globalThis.ImageDecoder && new ImageDecoder({ data: await blob.arrayBuffer(), type: 'image/gif' });
         await decoder?.tracks.ready;
         await decoder?.completed;
         return { type: blob.type, bytes: [...new Uint8Array(await blob.arrayBuffer())], size: [image.naturalWidth, image.naturalHeight],
           shown: decoder?.tracks.selectedTrack?.frameCount, passed: orrery.state().seconds - before }",
    );
    let bytes: Vec<u8> =
        gif["bytes"].as_array().expect("bytes").iter().filter_map(Value::as_u64).map(|byte| byte as u8).collect();
    let ((width, height), delays) = blocks(&bytes);
    let seconds = f64::from(delays.iter().map(|delay| u32::from(*delay)).sum::<u32>()) / 100.0;
    println!("{} bytes, {width}×{height}, {} pictures, {seconds} s", bytes.len(), delays.len());
    assert_eq!((&gif["type"], &gif["size"]), (&json!("image/gif"), &json!([width, height])));
    assert_eq!(width, 800);
    // As many as the machine draws in time, each for so long as it took.
    assert!(delays.len() > 3 && delays.iter().all(|delay| *delay >= 9), "{delays:?}");
    assert!((2.5..8.0).contains(&seconds), "{delays:?}");
    assert!(gif["shown"].is_null() || gif["shown"] == json!(delays.len()), "{}", gif["shown"]);
    assert!(gif["passed"].as_f64() > Some(0.0), "{}", gif["passed"]);
    let refused = page.returned("try { await orrery.gif(61) } catch (error) { return error.message }");
    assert!(refused.as_str().is_some_and(|text| text.starts_with("gif(seconds): seconds must be")), "{refused}");
}

#[test]
fn what_could_not_be_saved_is_told_where_it_was_asked_for() {
    let page = open("?autoplay=0&lang=de", &PageOptions::default());
    page.press("s");
    let said = |words: &str| page.until(&format!("document.querySelector('.share-said')?.textContent.includes({words:?})"));
    page.until("document.querySelector('.share-files')");
    page.evaluate("window.recorder = MediaRecorder, delete window.MediaRecorder");
    page.click(".share-files button", "Video: 10 s ab hier");
    said("nimmt keine Videos auf");
    page.evaluate("window.MediaRecorder = class { static isTypeSupported() { return true } constructor() { throw new Error('out of memory') } }, 0");
    page.click(".share-files button", "Video: 10 s ab hier");
    said("Das Sichern ist gescheitert: out of memory");
    // Whoever comes back finds nothing of it.
    page.press("Escape");
    page.until("!document.querySelector('.share')");
    page.press("s");
    page.until("document.querySelector('.share-said')?.textContent === ''");
    page.press("Escape");
    // So it is with lessons and diagrams.
    page.evaluate("URL.createObjectURL = () => { throw new Error('no room') }, 0");
    page.press("e");
    page.click(".editor button", "Als Datei sichern");
    page.until("document.querySelector('.editor .share-said').textContent === 'Das Sichern ist gescheitert: no room'");
    page.press("Escape");
    page.click(".dock .tab", "Abfolge");
    for what in ["SVG", "Mermaid"] {
        page.click(".sequence-save button", what);
        page.until(
            "document.querySelector('.sequence-tools .share-said').textContent === 'Das Sichern ist gescheitert: no room'",
        );
    }
}
