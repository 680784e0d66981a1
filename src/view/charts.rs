//! Charts by plotters, with the playhead drawn in, which follows the pointer: pods by phase, requests to the api-server by client, how long
//! its answers take, cpu requested by node, lengths of queues, positions in Raft's log.

use std::cell::RefCell;
use std::rc::Rc;

use orrery_sim::core::collections::PMap;
use orrery_sim::core::collections::sort::Sort as _;
use orrery_sim::core::{Addr, Controller, Gauge, Gauges, Time};
use plotters::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::Element;
use yew::prelude::*;

use super::use_texts;
use crate::browser::store::{use_polled, use_selector, use_store};
use crate::i18n::Texts;
use crate::scene::model::PodPhase;
use crate::scene::svg::Theme;
use crate::state::charts::{Client, Series};
use crate::state::gauges::{Counted, counted};
use crate::state::{AppAction, State};

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
        RGBColor(0xc3, 0xb0, 0x4a),
    ],
};

const CONTRAST: Palette = Palette {
    ink: RGBColor(0x00, 0x00, 0x00),
    line: RGBColor(0x8a, 0x8a, 0x8a),
    playhead: RGBColor(0x00, 0x2f, 0xa8),
    series: [
        RGBColor(0x00, 0x00, 0x00),
        RGBColor(0x8a, 0x2f, 0x00),
        RGBColor(0x00, 0x43, 0x8a),
        RGBColor(0x00, 0x55, 0x3c),
        RGBColor(0x68, 0x1f, 0x78),
        RGBColor(0xa0, 0x00, 0x00),
        RGBColor(0x55, 0x46, 0x00),
    ],
};

/// Longer stretches are cut to this around the playhead, in seconds.
const WINDOW_S: f64 = 300.0;

/// Into so many parts the time is divided at most.
const FINEST: f64 = 800.0;

/// How narrow a chart may become, with the gap beside it.
const NARROWEST: u32 = 300;
/// Between two charts.
const GAP: u32 = 16;

#[component]
pub(crate) fn Charts() -> Html {
    let store = use_store();
    let texts = use_texts();
    let place = use_node_ref();
    let series = use_mut_ref(|| (0_u32, Series::default()));
    let theme = use_selector(State::colours);
    let drawn = use_polled(500, theme, {
        let place = place.clone();
        move |state, theme| {
            let size = place.cast::<Element>().map_or((560, 150), |element| {
                let (w, h) = (element.client_width() as u32, element.client_height() as u32);
                // As the style sheet's grid divides the width.
                let columns = ((w + GAP) / NARROWEST).clamp(1, 4);
                let rows = if columns == 4 { 1 } else { 2 };
                // The titles of the next row are seen, so that it is known that there is more.
                ((w / columns).saturating_sub(GAP).max(200), (h / rows).saturating_sub(64).max(96))
            });
            draw(state, &series, size, *theme)
        }
    });
    let window = drawn.window;
    // What is drawn follows the playhead; while the pointer is down, what was drawn when it came down counts.
    let held = use_mut_ref(|| window);
    // Pressed and drawn along a chart, the pointer takes the playhead with it.
    let along = held.clone();
    let seek = move |event: &PointerEvent| {
        let window = *along.borrow();
        let Some(element) = event.current_target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
        let rect = element.get_bounding_client_rect();
        let share = (f64::from(event.client_x()) - rect.left() - MARGIN) / (rect.width() - MARGIN - 12.0).max(1.0);
        store.dispatch(AppAction::Pause);
        store.dispatch(AppAction::Seek((window.0 + share.clamp(0.0, 1.0) * (window.1 - window.0)) * 1e6));
    };
    let press = {
        let seek = seek.clone();
        Callback::from(move |event: PointerEvent| {
            if let Some(element) = event.current_target().and_then(|target| target.dyn_into::<Element>().ok()) {
                // Without a capture only what leaves the chart is lost.
                let _ = element.set_pointer_capture(event.pointer_id());
            }
            *held.borrow_mut() = window;
            seek(&event);
        })
    };
    let brush = Callback::from(move |event: PointerEvent| {
        if event.buttons() & 1 == 1 {
            seek(&event);
        }
    });
    html! {
        <div class="charts" ref={place} tabindex="0" role="group" aria-label={texts.charts}>
            { for drawn.charts.iter().map(|chart| html! {
                <figure class="chart" onpointerdown={press.clone()} onpointermove={brush.clone()}>
                    <figcaption>
                        <strong>{ chart.title }</strong>
                        { for chart.legend.iter().map(|(name, index)| html! { <span class={format!("key series-{index}")}>{ name }</span> }) }
                    </figcaption>
                    { Html::from_html_unchecked(AttrValue::from(chart.svg.clone())) }
                </figure>
            }) }
        </div>
    }
}

/// Width of the labels of the vertical axis.
const MARGIN: f64 = 44.0;

/// Into so many parts the time is divided of which averages are drawn.
const BINS: usize = 60;

/// Into so many parts the time is divided of which the highest values are drawn.
const PEAKS: usize = 300;

#[derive(Clone, PartialEq)]
struct Drawn {
    /// From when to when, in seconds.
    window: (f64, f64),
    charts: Vec<Chart>,
}

#[derive(Clone, PartialEq)]
struct Chart {
    title: &'static str,
    /// Names of the lines and their colours.
    legend: Vec<(String, usize)>,
    svg: String,
}

/// A line: its name, its colour and its points (seconds, value). Without points it stands in the legend only.
type Line = (String, usize, Vec<(f64, f64)>);

fn draw(state: &State, series: &Rc<RefCell<(u32, Series)>>, size: (u32, u32), theme: Theme) -> Drawn {
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
    let palette = match theme {
        Theme::Light => &LIGHT,
        Theme::Dark => &DARK,
        Theme::Contrast => &CONTRAST,
    };
    let (texts, window, gauges) = (state.texts, (from, to), state.session.trace().gauges());
    let all = [
        (texts.chart_pods, true, pods(series, window, texts)),
        (texts.chart_requests, true, requests(series, window)),
        (texts.chart_latency, true, latencies(series, window, texts)),
        (texts.chart_cpu, true, loads(series, window)),
        (texts.chart_work, true, work(gauges, window)),
        (texts.chart_pending, true, pending(gauges, window)),
        // What only grows is drawn from where it was, else its changes would not be seen.
        (texts.chart_raft, false, raft(state, window, t)),
    ];
    let charts = all.into_iter().map(|(title, from_zero, lines)| Chart {
        title,
        svg: chart(&lines, from_zero, window, t, palette, size).unwrap_or_default(),
        legend: lines.into_iter().map(|(name, colour, _)| (name, colour)).collect(),
    });
    Drawn { window, charts: charts.collect() }
}

fn moments((from, to): (f64, f64)) -> (Time, Time) {
    (Time((from * 1e6) as u64), Time((to * 1e6) as u64))
}

/// A line of steps: the value holds from each change to the next.
fn steps(changes: impl Iterator<Item = (f64, f64)>, (from, to): (f64, f64)) -> Vec<(f64, f64)> {
    let (mut points, mut last, mut drawn) = (vec![(from, 0.0)], 0.0, from);
    for (at, value) in changes.take_while(|(at, _)| *at <= to) {
        if at - drawn < (to - from) / FINEST && points.len() > 1 || at <= from {
            // Too close to the one before, or before the window: only the last of them counts.
            if let Some(point) = points.last_mut() {
                point.1 = value;
            }
        } else {
            points.extend([(at, last), (at, value)]);
            drawn = at;
        }
        last = value;
    }
    points.push((to, last));
    points
}

fn pods(series: &Series, window: (f64, f64), texts: &Texts) -> Vec<Line> {
    let lines = PodPhase::ALL.into_iter().enumerate().map(|(index, phase)| {
        let changes = series.phases.iter().map(|change| (change.at.as_secs_f64(), f64::from(change.counts[index])));
        (texts.phase(phase).to_string(), index, steps(changes, window))
    });
    lines.filter(|(.., points)| points.iter().any(|(_, count)| *count > 0.0)).collect()
}

fn requests(series: &Series, window: (f64, f64)) -> Vec<Line> {
    let (from, to) = moments(window);
    let rates = series.rates(from, to, BINS);
    let lines = Client::ALL.into_iter().enumerate().map(|(index, client)| {
        (client.name().to_string(), index + 1, rates.iter().map(|(at, rates)| (*at, rates[index])).collect::<Vec<_>>())
    });
    lines.filter(|(.., points)| points.iter().any(|(_, rate)| *rate > 0.0)).collect()
}

fn latencies(series: &Series, window: (f64, f64), texts: &Texts) -> Vec<Line> {
    let (from, to) = moments(window);
    let means = series.latencies(from, to, BINS);
    let lines = [texts.chart_reads, texts.chart_writes].into_iter().enumerate().map(|(index, name)| {
        // Between the parts in which nothing was asked the line goes straight.
        (name.to_string(), index + 1, means.iter().filter_map(|(at, means)| Some((*at, means[index]?))).collect::<Vec<_>>())
    });
    lines.filter(|(.., points)| !points.is_empty()).collect()
}

/// The nodes on which most is requested, as many as there are colours.
fn loads(series: &Series, window: (f64, f64)) -> Vec<Line> {
    let mut last: PMap<&str, f64> = PMap::new();
    for change in series.loads.iter().take_while(|change| change.at.as_secs_f64() <= window.1) {
        last.insert(change.node.as_str(), change.percent);
    }
    let mut nodes: Vec<(&str, f64)> = last.into_iter().collect();
    nodes.order_by(|a, b| b.1.total_cmp(&a.1));
    let most = nodes.into_iter().take(LIGHT.series.len() - 1).enumerate();
    let lines = most.map(|(index, (node, _))| {
        let own = series.loads.iter().filter(|change| change.node == node);
        (node.to_string(), index + 1, steps(own.map(|change| (change.at.as_secs_f64(), change.percent)), window))
    });
    lines.collect()
}

/// A line through the highest values in equal parts of a stretch of time.
fn peaks(highest: &[u32], (from, to): (f64, f64)) -> Vec<(f64, f64)> {
    let width = (to - from) / highest.len() as f64;
    let (mut points, mut last) = (vec![(from, f64::from(highest[0]))], highest[0]);
    for (bin, value) in highest.iter().enumerate().filter(|(bin, value)| *bin > 0 && **value != highest[bin - 1]) {
        let at = from + width * bin as f64;
        points.extend([(at, f64::from(last)), (at, f64::from(*value))]);
        last = *value;
    }
    points.push((to, f64::from(last)));
    points
}

/// Keys in the controllers' work queues: of those controllers that have most.
fn work(gauges: &Gauges, window: (f64, f64)) -> Vec<Line> {
    let (from, to) = moments(window);
    let place = |gauge| if let Gauge::Work(controller) = gauge { Some(controller as usize) } else { None };
    let counted = counted(gauges, (from, to), PEAKS, to, &|_, gauge| place(gauge));
    let highest = |index: usize| counted.highest[index].iter().copied().max().unwrap_or(0);
    let mut busy: Vec<Controller> = Controller::ALL.into_iter().filter(|one| (*one as usize) < counted.highest.len()).collect();
    busy.retain(|one| highest(*one as usize) > 0);
    busy.order_by(|a, b| highest(*b as usize).cmp(&highest(*a as usize)));
    busy.truncate(LIGHT.series.len() - 1);
    // In the order of the drawing, so that a colour stays with its controller while others come and go.
    busy.order_by_key(|one| *one as usize);
    let line =
        |(index, one): (usize, Controller)| (one.name().to_string(), index + 1, peaks(&counted.highest[one as usize], window));
    busy.into_iter().enumerate().map(line).collect()
}

/// The scheduler's queues, with the names that its metric `scheduler_pending_pods` has for them.
fn pending(gauges: &Gauges, window: (f64, f64)) -> Vec<Line> {
    let queues = [Gauge::Active, Gauge::Backoff, Gauge::Unschedulable, Gauge::Gated];
    let (from, to) = moments(window);
    let counted = counted(gauges, (from, to), PEAKS, to, &|_, gauge| queues.iter().position(|have| *have == gauge));
    let lines = ["active", "backoff", "unschedulable", "gated"].into_iter().zip(counted.highest).enumerate();
    let lines = lines.map(|(index, (name, highest))| (name.to_string(), index + 1, highest));
    lines
        .filter(|(.., highest)| highest.iter().any(|pods| *pods > 0))
        .map(|(name, index, of)| (name, index, peaks(&of, window)))
        .collect()
}

/// Raft's term at the playhead, how far its log is committed, and where each member of etcd is.
fn raft(state: &State, window: (f64, f64), t: f64) -> Vec<Line> {
    let gauges = state.session.trace().gauges();
    let of_members = |(_, gauge): &&(Addr, Gauge)| *gauge == Gauge::Logged;
    // What was deleted with an earlier cluster is not asked for any more.
    let here = |addr: &Addr| state.session.cluster().machine(addr.machine).is_some();
    let members: Vec<Addr> = gauges.series().iter().filter(of_members).map(|(addr, _)| *addr).filter(here).collect();
    let shown = members.len().min(LIGHT.series.len() - 2);
    let (from, to) = moments(window);
    let (_, at) = moments((t, t));
    // The members' logs, then what each of them knows to be committed, then their terms.
    let place = |addr: Addr, gauge: Gauge| {
        let member = members.iter().position(|have| *have == addr)?;
        let block = [Gauge::Logged, Gauge::Committed, Gauge::Term].iter().position(|have| *have == gauge)?;
        Some(block * members.len() + member)
    };
    let Counted { highest, now } = counted(gauges, (from, to), PEAKS, at, &place);
    let block = |number: usize| number * members.len()..(number + 1) * members.len();
    let Some(first) = highest.get(block(1)).and_then(|of| of.first()) else { return Vec::new() };
    let committed: Vec<u32> = (0..first.len()).map(|bin| highest[block(1)].iter().map(|of| of[bin]).max().unwrap_or(0)).collect();
    let most = |number: usize| now[block(number)].iter().copied().max().unwrap_or(0);
    let say = state.texts.say;
    let mut lines = vec![
        (format!("{} {}", say.f_term, most(2)), 0, Vec::new()),
        (format!("{} {}", say.f_committed, most(1)), 1, peaks(&committed, window)),
    ];
    // A group of one has no log but this.
    let had_log = |index: &usize| highest[*index].iter().any(|logged| *logged > 0);
    for index in (0..shown).filter(had_log).filter(|_| members.len() > 1) {
        let (name, behind) = (state.machine_name(members[index].machine), most(0) - now[index]);
        let name = if behind > 0 { format!("{name} −{behind}") } else { name };
        lines.push((name, index + 2, peaks(&highest[index], window)));
    }
    lines
}

fn chart(
    lines: &[Line],
    from_zero: bool,
    (from, to): (f64, f64),
    t: f64,
    palette: &Palette,
    size: (u32, u32),
) -> Result<String, Box<dyn std::error::Error>> {
    let values = || lines.iter().flat_map(|(.., points)| points).map(|(_, value)| *value);
    let (least, most) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    let floor = if from_zero || !least.is_finite() { 0.0 } else { least };
    let top = floor + (most - floor).max(1.0) * 1.08;
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin_top(6)
            .margin_right(12)
            .x_label_area_size(24)
            .y_label_area_size(MARGIN as u32)
            .build_cartesian_2d(from..to, floor..top)?;
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
        for (_, index, points) in lines {
            let colour = palette.series[*index % palette.series.len()];
            chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?;
        }
        if (from..=to).contains(&t) {
            chart.draw_series(LineSeries::new([(t, floor), (t, top)], palette.playhead.stroke_width(2)))?;
        }
        root.present()?;
    }
    Ok(svg)
}
