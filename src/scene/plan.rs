//! How large everything can be: the richest level of detail whose type is still legible, and the largest type that fits.

use super::field::LEGEND;
use super::geometry::Rect;
use super::layout::Detail;
use super::look::{Grouping, Look};
use super::model::ViewModel;

/// Sizes of a level of detail, in units of the base size of its type.
#[derive(Debug, PartialEq)]
pub struct Metrics {
    /// Around everything.
    pub margin: f64,
    /// Width of the column of kubectl.
    pub left: f64,
    /// Between that column and the cluster's frame.
    pub left_gap: f64,
    /// Between the cluster's frame and what it holds.
    pub frame_pad: f64,
    /// Height of the frame's label.
    pub frame_label: f64,
    /// Within a node's box.
    pub pad: f64,
    /// Between boxes of nodes.
    pub gap: f64,
    /// Smallest gap between parts of the control plane.
    pub part_gap: f64,
    /// Height of the line with a control-plane node's name.
    pub cp_title: f64,
    /// Height of the control plane's parts.
    pub cp_parts: f64,
    /// Smallest height of the lane between them and the bar.
    pub lane_above: f64,
    /// Height of the api-server's bar.
    pub bar: f64,
    /// Smallest height of the lane between the control plane and the workers.
    pub lane: f64,
    /// Smallest widths of etcd, scheduler, controller-manager, and what belongs to the node; 0 for what is not shown.
    pub cp_widths: [f64; 4],
    /// The width of the lane beside the controller-manager where it stands below the scheduler; 0 where it stands beside it.
    pub cp_fold: f64,
    /// Whether kube-proxy and runtime of the control-plane node are shown.
    pub control_plane_proxy: bool,
    /// Rows and columns of controllers.
    pub chips: (usize, usize),
    /// Height above the controllers, for the name.
    pub chip_head: f64,
    /// Height of a worker's parts; 0 when they are not shown.
    pub w_parts: f64,
    /// Relative widths of kube-proxy, kubelet, runtime; 0 for those that are not shown.
    pub w_widths: [f64; 3],
    /// Height of the lane below them in which CRI calls travel.
    pub cri_lane: f64,
    /// Height of the line with a worker's name; 0 where it stands beside the parts, which then have their widths.
    pub w_title: f64,
    /// Rows and columns of gauges.
    pub gauges: (usize, usize),
    /// Height of a row of gauges.
    pub gauge: f64,
    /// Size of a pod's cell where there is room.
    pub cell: f64,
    /// Smallest and largest height of the cells' area.
    pub cells: (f64, f64),
    /// Smallest width of a worker.
    pub w_min: f64,
    /// Whether the registry is shown.
    pub registry: bool,
    /// The level is used only with type of at least this size in pixels.
    pub legible: f64,
    /// Type larger than this in pixels is not used.
    pub largest: f64,
    /// Whether all type has the base size, so that the last row reads it.
    pub even: bool,
    /// Height of a message's label, in units of its type.
    pub pill: f64,
    /// Width of the lane in which the wires between etcd's members run beside a machine's name.
    pub member_lane: f64,
}

const FULL: Metrics = Metrics {
    margin: 0.6,
    left: 13.0,
    left_gap: 1.0,
    frame_pad: 0.9,
    frame_label: 0.9,
    pad: 0.9,
    gap: 1.4,
    part_gap: 1.1,
    cp_title: 2.5,
    cp_parts: 4.6,
    lane_above: 5.0,
    bar: 2.7,
    lane: 5.4,
    cp_widths: [8.0, 10.5, 33.0, 14.5],
    cp_fold: 0.0,
    control_plane_proxy: true,
    chips: (2, 4),
    chip_head: 1.75,
    w_parts: 2.5,
    w_widths: [6.8, 7.4, 6.4],
    cri_lane: 2.3,
    w_title: 2.1,
    gauges: (3, 1),
    gauge: 1.35,
    cell: 3.2,
    cells: (3.6, 8.0),
    w_min: 23.5,
    registry: true,
    legible: 15.0,
    largest: 26.0,
    even: false,
    pill: 1.75,
    member_lane: 1.5,
};

const MEDIUM: Metrics = Metrics {
    margin: 0.6,
    left: 12.0,
    left_gap: 1.0,
    frame_pad: 0.7,
    frame_label: 0.8,
    pad: 0.7,
    gap: 1.2,
    part_gap: 0.9,
    cp_title: 2.2,
    cp_parts: 3.5,
    lane_above: 3.9,
    bar: 2.3,
    lane: 4.2,
    cp_widths: [5.0, 9.5, 27.5, 6.0],
    cp_fold: 0.0,
    control_plane_proxy: false,
    chips: (1, 4),
    chip_head: 1.55,
    w_parts: 2.1,
    w_widths: [6.6, 6.0, 5.6],
    cri_lane: 1.9,
    w_title: 1.9,
    gauges: (1, 2),
    gauge: 1.4,
    cell: 2.7,
    cells: (2.7, 6.5),
    w_min: 20.5,
    registry: true,
    legible: 12.0,
    largest: 22.0,
    even: false,
    pill: 1.75,
    member_lane: 1.5,
};

const BRIEF: Metrics = Metrics {
    margin: 0.6,
    left: 9.5,
    left_gap: 1.0,
    frame_pad: 0.5,
    frame_label: 0.0,
    pad: 0.6,
    gap: 0.8,
    part_gap: 0.6,
    cp_title: 2.0,
    cp_parts: 2.2,
    lane_above: 2.7,
    bar: 2.0,
    lane: 3.2,
    cp_widths: [4.2, 7.0, 8.6, 0.0],
    cp_fold: 0.0,
    control_plane_proxy: false,
    chips: (0, 0),
    chip_head: 0.0,
    w_parts: 2.0,
    w_widths: [5.9, 6.0, 5.9],
    cri_lane: 0.0,
    w_title: 1.7,
    gauges: (0, 0),
    gauge: 0.0,
    cell: 2.2,
    cells: (2.4, 6.0),
    w_min: 17.5,
    registry: true,
    legible: 9.5,
    largest: 24.0,
    even: false,
    pill: 1.75,
    member_lane: 1.5,
};

/// With several control-plane nodes: room for what each member of etcd, each scheduler and each manager is.
const BRIEF_OF_SEVERAL: Metrics = Metrics { cp_parts: 3.5, cp_widths: [8.8, 6.2, 6.6, 0.0], ..BRIEF };

/// On a slide: the fewest words, all of one size and as large as they can be, so that the last row reads them.
const SLIDE: Metrics = Metrics {
    margin: 0.35,
    left: 5.75,
    left_gap: 0.4,
    frame_pad: 0.2,
    pad: 0.25,
    gap: 0.4,
    part_gap: 0.25,
    cp_title: 1.4,
    cp_parts: 1.5,
    lane_above: 1.7,
    bar: 1.5,
    lane: 1.9,
    cp_widths: [3.0, 6.2, 6.85, 0.0],
    w_parts: 1.5,
    w_widths: [3.7, 4.8, 4.9],
    w_title: 1.3,
    cell: 2.5,
    cells: (1.7, 5.0),
    w_min: 14.4,
    largest: 90.0,
    even: true,
    pill: 1.45,
    member_lane: 0.9,
    ..BRIEF
};
/// The same with the kubelet alone on workers.
const SLIDE_OF_MORE: Metrics = Metrics { w_widths: [0.0, 4.8, 0.0], w_min: 6.4, ..SLIDE };
/// With several control-plane nodes also what members of etcd are; the name of a worker stands beside its kubelet.
const SLIDE_OF_SEVERAL: Metrics = Metrics {
    left: 5.1,
    gap: 0.3,
    pad: 0.15,
    cp_title: 1.25,
    cp_parts: 2.9,
    cp_fold: 0.5,
    lane_above: 1.35,
    bar: 1.4,
    lane: 1.5,
    cp_widths: [2.8, 6.2, 6.8, 0.0],
    w_parts: 1.4,
    w_widths: [0.0, 4.8, 0.0],
    w_title: 0.0,
    w_min: 10.4,
    cells: (1.6, 5.0),
    registry: false,
    ..SLIDE
};
/// The same with etcd on machines of its own among the workers.
const SLIDE_OF_EXTERNAL: Metrics =
    Metrics { cp_parts: 1.5, cp_fold: 0.0, cp_widths: [0.0, 6.2, 6.85, 0.0], w_title: 1.3, w_min: 6.0, ..SLIDE_OF_SEVERAL };
/// Fewer parts are shown on a slide where type becomes so many times as large by it.
const WORTH_LESS: f64 = 1.25;

/// Above the field of many nodes: its boxes have sizes of their own.
const CELLS: Metrics =
    Metrics { w_parts: 0.0, gap: 0.7, lane: 2.4, lane_above: 2.2, legible: 11.0, largest: 18.0, registry: false, ..BRIEF };

/// The same on a low stage: nothing travels above the bar that needs room for its words.
const LOW_CELLS: Metrics = Metrics {
    frame_pad: 0.3,
    pad: 0.35,
    cp_title: 1.5,
    cp_parts: 1.6,
    lane_above: 0.8,
    bar: 1.5,
    lane: 1.2,
    cells: (1.5, 6.0),
    ..CELLS
};

impl Metrics {
    /// The sizes of a level of detail.
    pub const fn of(detail: Detail) -> &'static Self {
        match detail {
            Detail::Full => &FULL,
            Detail::Medium => &MEDIUM,
            Detail::Brief => &BRIEF,
            Detail::Cells => &CELLS,
        }
    }

    /// The size of type in pixels that is `factor` times the base size where not all type has the same.
    pub fn type_of(&self, factor: f64, font: f64) -> f64 {
        if self.even { font } else { factor * font }
    }

    fn control_plane_width(&self) -> f64 {
        if self.cp_fold > 0.0 {
            return self.cp_widths[0] + self.cp_fold + self.cp_widths[2] + 2.0 * self.pad;
        }
        let gaps = self.cp_widths.iter().filter(|width| **width > 0.0).count() as f64 - 1.0;
        self.cp_widths.iter().sum::<f64>() + self.part_gap * gaps + 2.0 * self.pad
    }

    fn control_plane_height(&self) -> f64 {
        self.cp_title + self.cp_parts + self.lane_above + self.bar + self.pad
    }

    /// The sizes that a level of detail may have where there are so many control-plane nodes: the richest first.
    fn of_several(detail: Detail, control: usize, external: bool, slide: bool) -> &'static [Self] {
        const SLIDES: &[Metrics] = &[SLIDE, SLIDE_OF_MORE];
        const SLIDES_OF_SEVERAL: &[Metrics] = &[SLIDE_OF_SEVERAL];
        const SLIDES_OF_EXTERNAL: &[Metrics] = &[SLIDE_OF_EXTERNAL];
        const SEVERAL: &[Metrics] = &[BRIEF_OF_SEVERAL];
        match (detail, control > 1, slide) {
            (Detail::Brief, _, true) if external => SLIDES_OF_EXTERNAL,
            (Detail::Brief, false, true) => SLIDES,
            (Detail::Brief, true, true) => SLIDES_OF_SEVERAL,
            (Detail::Brief, true, false) => SEVERAL,
            _ => std::slice::from_ref(Self::of(detail)),
        }
    }

    /// The height of the load balancer with its lane.
    fn balancer_height(&self) -> f64 {
        self.bar + self.lane * BALANCER_LANE
    }

    fn worker_height(&self) -> f64 {
        let gap = if self.even { 0.25 } else { 0.4 };
        2.0 * self.pad + self.w_parts + self.cri_lane + self.w_title + self.gauge * self.gauges.0 as f64 + gap + self.cells.0
    }
}

/// With more workers than this, or with more pods, the field takes their place.
const MOST_WORKERS: usize = 30;
const MOST_PODS: usize = 1_000;

/// Where type above the field would be smaller than this, in pixels, the control plane is drawn lower.
const LOW: f64 = 8.0;

/// The lane between the api-servers and their load balancer, as a share of the lane below it.
pub const BALANCER_LANE: f64 = 0.8;

/// The sizes chosen for a stage, in pixels.
#[derive(Debug)]
pub struct Plan {
    /// What is shown.
    pub detail: Detail,
    /// Its sizes.
    pub metrics: &'static Metrics,
    /// Base size of the type.
    pub font: f64,
    /// Whether kubectl stands above.
    pub stacked: bool,
    /// Columns of workers.
    pub columns: usize,
    /// Height of a control-plane node.
    pub control_plane_height: f64,
    /// Height of the lane above the bar.
    pub lane_above: f64,
    /// Height of the lane below the control plane.
    pub lane: f64,
    /// Height of a worker.
    pub worker_height: f64,
    /// Height of the lane for CRI calls.
    pub cri_lane: f64,
    /// Whether etcd has machines of its own, so that there is none on the control-plane nodes.
    pub external: bool,
}

impl Plan {
    /// The plan for a stage of `width` × `height` pixels.
    pub fn choose(model: &ViewModel, width: f64, height: f64, detail: Option<Detail>, look: Look) -> Self {
        let control = model.machines.iter().filter(|machine| machine.control_plane).count();
        let workers = model.machines.len() - control;
        let external = model.machines.iter().any(|machine| machine.etcd_only);
        let stacked = width < 620.0 || width < height * 0.9;
        let many = workers > MOST_WORKERS || model.pod_count() > MOST_PODS;
        let candidates: &[Detail] = match &detail {
            _ if look.grouping != Grouping::Node => &[Detail::Cells],
            Some(detail) => std::slice::from_ref(detail),
            None if many => &[Detail::Cells],
            None if look.slide => &[Detail::Brief],
            None => &Detail::ALL,
        };
        for detail in candidates {
            if *detail == Detail::Cells {
                return Self { external, ..Self::of_field(width, height, control, stacked) };
            }
            let last = Some(detail) == candidates.last();
            let mut best: Option<(&'static Metrics, f64, usize)> = None;
            for metrics in Metrics::of_several(*detail, control, external, look.slide) {
                let least = if last { 3.0 } else { metrics.legible };
                let mut font = metrics.largest;
                while font >= least {
                    let columns = columns_that_fit(metrics, font, width, height, control, workers, stacked);
                    // From slide to slide the few workers stay side by side.
                    let most = if external { 6 } else { 4 };
                    let steady = |columns: &usize| !look.slide || stacked || workers > most || *columns == workers.max(1);
                    if let Some(columns) = columns.filter(steady) {
                        if best.is_none_or(|(_, have, _)| font >= have * WORTH_LESS) {
                            best = Some((metrics, font, columns));
                        }
                        break;
                    }
                    font -= 0.25;
                }
            }
            if let Some((metrics, font, columns)) = best {
                return Self { external, ..Self::spread(*detail, metrics, font, stacked, columns, height, (control, workers)) };
            }
        }
        // Nothing fits a stage of a few pixels; it is drawn all the same and cut off.
        let detail = *candidates.last().unwrap_or(&Detail::Cells);
        let metrics = Metrics::of_several(detail, control, external, look.slide).last().unwrap_or(Metrics::of(detail));
        Self { external, ..Self::spread(detail, metrics, 3.0, stacked, workers.max(1), height, (control, workers)) }
    }

    /// The plan of what stands above the field: legible type as long as it leaves most of the height to the field.
    fn of_field(width: f64, height: f64, control: usize, stacked: bool) -> Self {
        let largest = |metrics: &Metrics| {
            let left = if stacked { 0.0 } else { metrics.left };
            let inner = |font: f64| width / font - 2.0 * (metrics.margin + metrics.frame_pad) - left;
            let needed = metrics.control_plane_width() * control as f64 + metrics.gap * (control as f64 - 1.0).max(0.0);
            let most = (height - LEGEND) * 0.42;
            let fits = |font: f64| needed <= inner(font) && needed_height(metrics, font, control, 0, stacked) <= most;
            let mut font = metrics.largest;
            while !fits(font) && font > 3.0 {
                font -= 0.25;
            }
            font
        };
        let (font, low) = (largest(&CELLS), largest(&LOW_CELLS));
        let (metrics, font) = if font < LOW && low > font { (&LOW_CELLS, low) } else { (&CELLS, font) };
        Self {
            detail: Detail::Cells,
            metrics,
            font,
            stacked,
            columns: 1,
            control_plane_height: metrics.control_plane_height() * font,
            lane_above: metrics.lane_above * font,
            lane: metrics.lane * font,
            worker_height: 0.0,
            cri_lane: 0.0,
            external: false,
        }
    }

    /// The plan of a single node that has a place of this size.
    pub fn of_node(rect: Rect) -> Self {
        let metrics = &MEDIUM;
        let font = (rect.w / metrics.w_min).min(rect.h / metrics.worker_height()).min(metrics.largest);
        Self {
            detail: Detail::Medium,
            metrics,
            font,
            stacked: false,
            columns: 1,
            control_plane_height: 0.0,
            lane_above: 0.0,
            lane: 0.0,
            worker_height: rect.h,
            cri_lane: metrics.cri_lane * font,
            external: false,
        }
    }

    /// Gives what is left of the height to the lanes and the pods.
    fn spread(
        detail: Detail,
        metrics: &'static Metrics,
        font: f64,
        stacked: bool,
        columns: usize,
        height: f64,
        (control, workers): (usize, usize),
    ) -> Self {
        let f = font;
        let rows = workers.div_ceil(columns.max(1));
        let mut plan = Self {
            detail,
            metrics,
            font,
            stacked,
            columns,
            control_plane_height: metrics.control_plane_height() * f,
            lane_above: metrics.lane_above * f,
            lane: metrics.lane * f,
            worker_height: metrics.worker_height() * f,
            cri_lane: metrics.cri_lane * f,
            external: false,
        };
        let spare = (height - needed_height(metrics, f, control, rows, stacked)).max(0.0);
        let above = if control > 0 { (spare * 0.3).min(5.0 * f) } else { 0.0 };
        // The lane above the load balancer grows with the one below it.
        let lanes = if control > 1 { 1.0 + BALANCER_LANE } else { 1.0 };
        let below = (spare * 0.3).min(5.0 * f);
        plan.lane_above += above;
        plan.control_plane_height += above;
        plan.lane += below / lanes;
        if rows > 0 {
            let each = (spare - above - below) / rows as f64;
            let cri = if metrics.cri_lane > 0.0 { (each * 0.12).min(f) } else { 0.0 };
            plan.cri_lane += cri;
            plan.worker_height += each.min((metrics.cells.1 - metrics.cells.0) * f + cri);
        } else {
            plan.control_plane_height += spare - above;
        }
        plan
    }

    /// Around everything.
    pub fn margin(&self) -> f64 {
        self.metrics.margin * self.font
    }
    /// Height of kubectl's row when it stands above.
    pub fn top_row(&self) -> f64 {
        3.1 * self.font
    }
    /// Between two rows of workers.
    pub fn row_gap(&self) -> f64 {
        self.metrics.gap * self.font
    }
}

fn needed_height(metrics: &Metrics, f: f64, control: usize, rows: usize, stacked: bool) -> f64 {
    let gap = metrics.gap * (rows as f64 - 1.0).max(0.0);
    let balancer = if control > 1 { metrics.balancer_height() } else { 0.0 };
    let control = if control > 0 { metrics.control_plane_height() + balancer } else { 0.0 };
    // Room for the registry's lane below the workers.
    let below = if metrics.registry { 1.0 } else { 0.0 };
    let workers = if rows == 0 { metrics.cells.0 } else { metrics.lane + metrics.worker_height() * rows as f64 + gap + below };
    let top = if stacked { 3.1 } else { 0.0 };
    (2.0 * metrics.margin + top + 2.0 * metrics.frame_pad + metrics.frame_label + control + workers) * f
}

/// The number of columns of workers with which everything fits, if any does.
fn columns_that_fit(
    m: &Metrics,
    f: f64,
    width: f64,
    height: f64,
    control: usize,
    workers: usize,
    stacked: bool,
) -> Option<usize> {
    let left = if stacked { 0.0 } else { m.left };
    let inner = width / f - 2.0 * m.margin - left - 2.0 * m.frame_pad;
    let control_width = m.control_plane_width() * control as f64 + m.gap * (control as f64 - 1.0).max(0.0);
    if control_width > inner || inner <= 0.0 {
        return None;
    }
    if workers == 0 {
        return (needed_height(m, f, control, 0, stacked) <= height).then_some(1);
    }
    let most = (((inner + m.gap) / (m.w_min + m.gap)).floor() as usize).min(workers);
    if most == 0 {
        return None;
    }
    let rows = workers.div_ceil(most);
    // As few columns as give these rows, so that the last row is not nearly empty.
    let columns = workers.div_ceil(rows);
    (needed_height(m, f, control, rows, stacked) <= height).then_some(columns)
}
