//! Charts by plotters, with the playhead drawn in: pods by phase, requests to the api-server by client.

use std::cell::RefCell;
use std::rc::Rc;

use orrery_sim::core::Time;
use plotters::prelude::*;
use yew::prelude::*;

use super::use_texts;
use crate::browser::store::{use_polled, use_store};
use crate::scene::model::PodPhase;
use crate::state::charts::{Client, Series};
use crate::state::{AppAction, Colours, State};

/// Colours of charts, one set a theme: those of `theme.css`.
struct Palette {
    ink: RGBColor,
    line: RGBColor,
    playhead: RGBColor,
    series: [RGBColor; 7],
}

const LIGHT: Palette = Palette {
    ink: RGBColor(0x4d, 0x5b, 0x6a),
    line: RGBColor(0xdf, 0xe5, 0xec),
    playhead: RGBColor(0x2d, 0x62, 0xd3),
    series: [
        RGBColor(0x4d, 0x5b, 0x6a),
        RGBColor(0xb0, 0x4a, 0x00),
        RGBColor(0x00, 0x67, 0xa3),
        RGBColor(0x00, 0x70, 0x5a),
        RGBColor(0x7d, 0x3f, 0x86),
        RGBColor(0xb3, 0x26, 0x1e),
        RGBColor(0x6b, 0x5a, 0x00),
    ],
};

const DARK: Palette = Palette {
    ink: RGBColor(0xaa, 0xb6, 0xc2),
    line: RGBColor(0x34, 0x3e, 0x49),
    playhead: RGBColor(0x7f, 0xa6, 0xff),
    series: [
        RGBColor(0xaa, 0xb6, 0xc2),
        RGBColor(0xf2, 0xa6, 0x5a),
        RGBColor(0x56, 0xb4, 0xe9),
        RGBColor(0x3c, 0xcc, 0xa0),
        RGBColor(0xdc, 0x9b, 0xe0),
        RGBColor(0xff, 0x8a, 0x80),
        RGBColor(0xe3, 0xcf, 0x57),
    ],
};

/// Longer stretches are cut to this around the playhead, in seconds.
const WINDOW_S: f64 = 300.0;

#[component]
pub(crate) fn Charts() -> Html {
    let store = use_store();
    let texts = use_texts();
    let place = use_node_ref();
    let series = use_mut_ref(|| (0_u32, Series::default()));
    let drawn = use_polled(500, (), {
        let place = place.clone();
        move |state, ()| {
            let size = place.cast::<web_sys::HtmlElement>().map_or((560, 150), |element| {
                let (w, h) = (element.client_width() as u32, element.client_height() as u32);
                let columns = if w < 500 { 1 } else { 2 };
                ((w / columns).saturating_sub(12).max(200), h.saturating_sub(46).max(64))
            });
            draw(state, &series, size)
        }
    });
    let seek = {
        let store = store.clone();
        move |window: (f64, f64)| {
            let store = store.clone();
            Callback::from(move |event: MouseEvent| {
                let Some(element) = event.current_target().and_then(|target| {
                    use wasm_bindgen::JsCast as _;
                    target.dyn_into::<web_sys::Element>().ok()
                }) else {
                    return;
                };
                let rect = element.get_bounding_client_rect();
                let share = (f64::from(event.client_x()) - rect.left() - MARGIN) / (rect.width() - MARGIN - 12.0).max(1.0);
                store.dispatch(AppAction::Pause);
                store.dispatch(AppAction::Seek((window.0 + share.clamp(0.0, 1.0) * (window.1 - window.0)) * 1e6));
            })
        }
    };
    html! {
        <div class="charts" ref={place}>
            { for [(texts.chart_pods, &drawn.pods, &drawn.phases), (texts.chart_requests, &drawn.requests, &drawn.clients)]
                .into_iter().map(|(title, svg, legend)| html! {
                <figure class="chart" onclick={seek(drawn.window)}>
                    <figcaption>
                        <strong>{ title }</strong>
                        { for legend.iter().map(|(name, index)| html! { <span class={format!("key series-{index}")}>{ *name }</span> }) }
                    </figcaption>
                    { Html::from_html_unchecked(AttrValue::from(svg.clone())) }
                </figure>
            }) }
        </div>
    }
}

/// Width of the labels of the vertical axis.
const MARGIN: f64 = 44.0;

#[derive(Clone, PartialEq)]
struct Drawn {
    window: (f64, f64),
    pods: String,
    requests: String,
    phases: Vec<(&'static str, usize)>,
    clients: Vec<(&'static str, usize)>,
}

fn draw(state: &State, series: &Rc<RefCell<(u32, Series)>>, (w, h): (u32, u32)) -> Drawn {
    let mut kept = series.borrow_mut();
    if kept.0 != state.visible.generation {
        *kept = (state.visible.generation, Series::default());
    }
    kept.1.follow(state.session.trace());
    let series = &kept.1;
    let (from, to) = state.extent();
    let (from, to, t) = (from / 1e6, to / 1e6, state.player.t / 1e6);
    let to = (to.min(from.max(t - WINDOW_S * 0.8) + WINDOW_S)).max(from + 5.0);
    let from = from.max(to - WINDOW_S);
    let palette = if state.colours() == Colours::Dark { &DARK } else { &LIGHT };

    let mut lines: Vec<(usize, Vec<(f64, f64)>)> = Vec::new();
    let mut phases = Vec::new();
    for (index, phase) in PodPhase::ALL.into_iter().enumerate() {
        let mut points = Vec::new();
        let mut last = 0.0;
        for change in &series.phases {
            let at = change.at.as_secs_f64();
            let count = f64::from(change.counts[index]);
            if at > to {
                break;
            }
            points.push((at.max(from), last));
            points.push((at.max(from), count));
            last = count;
        }
        points.push((to, last));
        if points.iter().any(|(_, count)| *count > 0.0) {
            phases.push((state.texts.phase(phase), index));
            lines.push((index, points));
        }
    }
    let pods = chart(&lines, (from, to), t, palette, (w, h)).unwrap_or_default();

    let bins = 60;
    let rates = series.rates(Time((from * 1e6) as u64), Time((to * 1e6) as u64), bins);
    let mut lines = Vec::new();
    let mut clients = Vec::new();
    for (index, client) in Client::ALL.into_iter().enumerate() {
        let points: Vec<(f64, f64)> = rates.iter().map(|(at, rates)| (*at, rates[index])).collect();
        if points.iter().any(|(_, rate)| *rate > 0.0) {
            clients.push((client.name(), index + 1));
            lines.push((index + 1, points));
        }
    }
    let requests = chart(&lines, (from, to), t, palette, (w, h)).unwrap_or_default();
    Drawn { window: (from, to), pods, requests, phases, clients }
}

fn chart(
    lines: &[(usize, Vec<(f64, f64)>)],
    (from, to): (f64, f64),
    t: f64,
    palette: &Palette,
    size: (u32, u32),
) -> Result<String, Box<dyn std::error::Error>> {
    let most = lines.iter().flat_map(|(_, points)| points).map(|(_, value)| *value).fold(1.0, f64::max);
    let top = most * 1.08;
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin_top(6)
            .margin_right(12)
            .x_label_area_size(24)
            .y_label_area_size(MARGIN as u32)
            .build_cartesian_2d(from..to, 0.0..top)?;
        let style = ("sans-serif", 14).into_font().color(&palette.ink);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(palette.line)
            .axis_style(palette.line)
            .label_style(style)
            .x_labels(6)
            .y_labels(if size.1 < 100 { 3 } else { 5 })
            .x_label_formatter(&|value| format!("{value:.0} s"))
            .y_label_formatter(&|value| if most < 5.0 { format!("{value:.1}") } else { format!("{value:.0}") })
            .draw()?;
        for (index, points) in lines {
            let colour = palette.series[*index % palette.series.len()];
            chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?;
        }
        if (from..=to).contains(&t) {
            chart.draw_series(LineSeries::new([(t, 0.0), (t, top)], palette.playhead.stroke_width(2)))?;
        }
        root.present()?;
    }
    Ok(svg)
}
