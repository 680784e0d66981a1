use proptest::prelude::*;

use super::*;

fn span(sent: u64, due: u64) -> Span {
    Span { sent, due, seconds: PILL_S, begins: false }
}

fn spans() -> impl Strategy<Value = Vec<Span>> {
    // Gaps from nothing to a minute, flights from 1 µs to 50 ms.
    let begins = prop_oneof![9 => Just(false), 1 => Just(true)];
    let step = prop_oneof![0..500u64, 0..30_000u64, 0..3_000_000u64, 0..60_000_000u64];
    let flight = prop_oneof![1..2u64, 50..800u64, 1..50_000u64];
    prop::collection::vec((step, flight, prop::bool::ANY, begins), 1..60).prop_map(|steps| {
        let mut at = 0;
        steps
            .into_iter()
            .map(|(step, flight, dot, begins)| {
                at += step;
                Span { sent: at, due: at + flight, seconds: if dot { DOT_S } else { PILL_S }, begins }
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn both_maps_are_monotone_and_inverse(spans in spans()) {
        let lens = Lens::new(spans);
        let (first, last) = (lens.knots[0], lens.knots[lens.knots.len() - 1]);
        for pair in lens.knots.windows(2) {
            prop_assert!(pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1, "{pair:?}");
        }
        let mut before = f64::MIN;
        for step in 0..=400 {
            let audience = first.1 - 1.0 + (last.1 - first.1 + 2.0) * f64::from(step) / 400.0;
            let t = lens.simulated(audience);
            prop_assert!(t >= before);
            before = t;
            prop_assert!((lens.audience(t) - audience).abs() < 1e-3, "{audience} → {t} → {}", lens.audience(t));
        }
    }

    #[test]
    fn what_was_cut_off_never_was(spans in spans(), cut in 0..60usize) {
        let cut = cut.min(spans.len());
        let mut lens = Lens::new(spans.clone());
        lens.truncate(cut);
        lens.update();
        let short = Lens::new(spans[..cut].to_vec());
        prop_assert_eq!((&lens.bursts, &lens.knots), (&short.bursts, &short.knots));
        for span in &spans[cut..] {
            lens.push(*span);
            lens.update();
        }
        let whole = Lens::new(spans);
        prop_assert_eq!((&lens.bursts, &lens.knots, &lens.scenes), (&whole.bursts, &whole.knots, &whole.scenes));
    }

    #[test]
    fn a_frame_later_a_message_is_hardly_further(spans in spans()) {
        // Position on the wire is continuous: in a sixtieth of a second of audience time no message jumps.
        let lens = Lens::new(spans.clone());
        for span in &spans {
            let seen = lens.audience(span.due as f64) - lens.audience(span.sent as f64);
            let middle = lens.simulated(lens.audience(span.sent as f64) + seen / 2.0);
            prop_assert!(middle >= span.sent as f64 - 1.0 && middle <= span.due as f64 + 1.0);
            prop_assert!(seen > 0.0);
        }
    }

    #[test]
    fn appending_gives_the_same_lens_as_making_it_at_once(spans in spans(), cut in 0..60usize) {
        let whole = Lens::new(spans.clone());
        let cut = cut.min(spans.len());
        let mut grown = Lens::new(spans[..cut].to_vec());
        for span in &spans[cut..] {
            grown.push(*span);
            if span.sent % 3 == 0 {
                grown.update();
            }
        }
        grown.update();
        prop_assert_eq!(whole.knots, grown.knots);
        prop_assert_eq!(whole.bursts, grown.bursts);
    }

    #[test]
    fn a_scene_never_takes_a_minute(spans in spans()) {
        let lens = Lens::new(spans);
        let mut start = 0;
        for index in 0..lens.bursts.len() {
            let last = index + 1 == lens.bursts.len();
            if last || lens.bursts[index + 1].begins || lens.bursts[index + 1].from - lens.bursts[index].to > SCENE_GAP_US {
                let seconds = lens.audience(lens.bursts[index].to as f64) - lens.audience(lens.bursts[start].from as f64);
                prop_assert!(seconds < 60.0, "{seconds}");
                start = index + 1;
            }
        }
    }
}

#[test]
fn a_lone_message_takes_its_time_however_short() {
    for flight in [1, 150, 40_000] {
        let lens = Lens::new(vec![span(1_000, 1_000 + flight)]);
        let seen = lens.audience((1_000 + flight) as f64) - lens.audience(1_000.0);
        assert!((seen - PILL_S).abs() < 1e-6, "{flight} µs seen for {seen} s");
    }
}

#[test]
fn messages_of_the_same_moment_travel_together() {
    let lens = Lens::new(vec![span(0, 300), span(0, 300), span(10, 310)]);
    assert!(lens.audience(310.0) - lens.audience(0.0) < 0.8);
}

#[test]
fn a_command_begins_a_scene_of_its_own() {
    // A long scene before does not hurry what the command leads to.
    let mut spans: Vec<Span> = (0..3_000).map(|n| span(n * 400, n * 400 + 350)).collect();
    let lone = Lens::new(spans.clone());
    let from = lone.end() + 2_000;
    spans.push(Span { begins: true, ..span(from, from + 300) });
    let lens = Lens::new(spans);
    assert!((lens.audience((from + 300) as f64) - lens.audience(from as f64) - PILL_S).abs() < 1e-6);
}

#[test]
fn long_silence_is_skipped_with_a_notice() {
    let lens = Lens::new(vec![span(0, 300), span(290_000_000, 290_000_300)]);
    assert_eq!(lens.skips().collect::<Vec<_>>(), [Skip { from: 300, to: 290_000_000 }]);
    assert!(lens.skip_at(100_000_000.0).is_some());
    assert!(lens.skip_at(100.0).is_none());
    assert!(lens.audience(290_000_000.0) - lens.audience(300.0) < 1.0);
}

#[test]
fn after_the_last_message_time_passes_as_it_is() {
    let lens = Lens::new(vec![span(0, 300)]);
    assert!((lens.audience(5_000_300.0) - lens.audience(300.0) - 5.0).abs() < 1e-9);
    assert!((Lens::default().audience(2e6) - 2.0).abs() < 1e-9);
}

#[test]
fn the_shape_of_a_deployment_of_three_takes_half_a_minute() {
    // What one `kubectl create deployment` leads to: some sixty requests, each with its way to etcd and back and a few
    // watch events, in chains of four; image pulls of two seconds in between.
    let mut spans = Vec::new();
    let chain = |from: u64, hops: u64, spans: &mut Vec<Span>| {
        for hop in 0..hops {
            let sent = from + hop * 350;
            spans.push(Span {
                sent,
                due: sent + 150 + hop % 3 * 100,
                seconds: if hop % 4 == 3 { DOT_S } else { PILL_S },
                begins: false,
            });
        }
    };
    for request in 0..40 {
        chain(request * 7_000, 6, &mut spans);
    }
    for request in 0..25 {
        chain(2_500_000 + request * 30_000, 6, &mut spans);
    }
    spans.sort_by_key(|span| span.sent);
    let lens = Lens::new(spans);
    let seconds = lens.audience(lens.end() as f64) - lens.audience(0.0);
    assert!((20.0..=40.0).contains(&seconds), "{seconds}");
}
