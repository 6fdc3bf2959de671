//! A plot of ratios as SVG: bars on a scale of powers of ten, with a line from the least to the most.

use std::fmt::Write as _;

use crate::figures::Spread;

const WIDTH: f64 = 760.0;
/// Where the bars begin, and how much is left for the figures behind them.
const LEFT: f64 = 150.0;
const RIGHT: f64 = 60.0;
const TOP: f64 = 64.0;
const BAR: f64 = 13.0;
const GAP: f64 = 12.0;
/// Of the bars, and darker of the lines on them; they differ for those who see no colours too.
const COLOURS: [(&str, &str); 3] = [
    ("#4477aa", "#1b3350"),
    ("#ee8866", "#7a3016"),
    ("#bbcc33", "#5c6610"),
];

/// A power of ten that is reached, and the one above all.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn of<'a>(spreads: impl Iterator<Item = &'a Spread>) -> Self {
        let (mut low, mut high) = (0.0_f64, 1.0_f64);
        for spread in spreads {
            low = low.min(spread.least.log10().floor());
            high = high.max(spread.most.log10().ceil());
        }
        Self { low, high }
    }

    fn at(&self, value: f64) -> f64 {
        let part = (value.log10() - self.low) / (self.high - self.low);
        LEFT + part * (WIDTH - LEFT - RIGHT)
    }

    /// The powers of ten, which the lines of the grid are at.
    fn powers(&self) -> impl Iterator<Item = f64> {
        let high = self.high;
        std::iter::successors(Some(self.low), move |power| {
            (*power < high).then_some(power + 1.0)
        })
        .map(|power| 10.0_f64.powf(power))
    }
}

/// A plot of groups of bars: in each group one of each series.
pub(crate) fn svg(title: &str, series: &[&str], groups: &[(&str, Vec<Option<Spread>>)]) -> String {
    let scale = Scale::of(
        groups
            .iter()
            .flat_map(|(_, spreads)| spreads.iter().flatten()),
    );
    #[expect(clippy::cast_precision_loss, reason = "they are few")]
    let group = BAR * series.len() as f64 + GAP;
    #[expect(clippy::cast_precision_loss, reason = "they are few")]
    let bottom = TOP + group * groups.len() as f64;
    let height = bottom + 26.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n"
    );
    out.push_str(&style());
    let _ = writeln!(
        out,
        "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"12\" y=\"22\" font-size=\"14\" font-weight=\"bold\">{}</text>",
        escaped(title)
    );
    legend(&mut out, series);
    grid(&mut out, &scale, bottom);
    let mut top = TOP + GAP / 2.0;
    for (name, spreads) in groups {
        let middle = top + (group - GAP) / 2.0 + 4.0;
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            escaped(name)
        );
        let mut at = top;
        for (index, spread) in spreads.iter().enumerate() {
            if let Some(spread) = spread {
                bar(&mut out, &scale, index, at, spread);
            }
            at += BAR;
        }
        top += group;
    }
    out.push_str("</svg>\n");
    out
}

fn style() -> String {
    let mut out = "<style>".to_owned();
    for (index, (fill, stroke)) in COLOURS.iter().enumerate() {
        let _ = write!(out, ".s{index}{{fill:{fill}}}.w{index}{{stroke:{stroke}}}");
    }
    out.push_str("</style>\n");
    out
}

fn class(index: usize) -> usize {
    index % COLOURS.len()
}

fn legend(out: &mut String, series: &[&str]) {
    let mut x = LEFT;
    for (index, name) in series.iter().enumerate() {
        let class = class(index);
        let _ = writeln!(
            out,
            "<rect class=\"s{class}\" x=\"{x}\" y=\"34\" width=\"12\" height=\"12\"/>\
             <text x=\"{}\" y=\"44\">{}</text>",
            x + 17.0,
            escaped(name)
        );
        x += 160.0;
    }
}

fn grid(out: &mut String, scale: &Scale, bottom: f64) {
    for power in scale.powers() {
        let x = scale.at(power);
        let _ = writeln!(
            out,
            "<path d=\"M{x:.1} {TOP}V{bottom:.1}\" stroke=\"#ccc\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{power}</text>",
            bottom + 16.0
        );
    }
}

/// From 1, which is s3orm, to the middle; a line from the least to the most.
fn bar(out: &mut String, scale: &Scale, index: usize, top: f64, spread: &Spread) {
    let (one, end) = (scale.at(1.0), scale.at(spread.middle));
    let (least, most) = (scale.at(spread.least), scale.at(spread.most));
    let (class, middle) = (class(index), top + BAR / 2.0);
    let _ = writeln!(
        out,
        "<rect class=\"s{class}\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{}\"/>\
         <path class=\"w{class}\" d=\"M{least:.1} {middle:.1}H{most:.1}\" stroke-width=\"2\"/>\
         <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"10\">{}</text>",
        one.min(end),
        (end - one).abs(),
        BAR - 2.0,
        most.max(one) + 5.0,
        top + BAR - 3.5,
        times(spread.middle)
    );
}

/// A ratio with the digits that say something.
pub(crate) fn times(ratio: f64) -> String {
    match ratio {
        9.95.. => format!("{ratio:.0}"),
        0.95.. => format!("{ratio:.1}"),
        _ => format!("{ratio:.2}"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(least: f64, middle: f64, most: f64) -> Spread {
        Spread {
            least,
            middle,
            most,
        }
    }

    #[test]
    fn bars_are_as_long_as_their_powers_of_ten() {
        let groups = [("a & b", vec![Some(spread(5.0, 10.0, 900.0)), None])];
        let plot = svg("<title>", &["peer", "other"], &groups);
        let width = (WIDTH - LEFT - RIGHT) / 3.0;
        assert!(plot.contains(&format!("width=\"{width:.1}\"")), "{plot}");
        assert!(plot.contains("&lt;title&gt;") && plot.contains("a &amp; b"));
        for power in [">1<", ">10<", ">100<", ">1000<"] {
            assert!(plot.contains(power), "{power}: {plot}");
        }
        assert!(!plot.contains(">10000<"), "{plot}");
    }

    #[test]
    fn less_than_one_is_to_the_left_of_it() {
        let scale = Scale::of([spread(0.2, 0.5, 3.0)].iter());
        assert_eq!((scale.low, scale.high), (-1.0, 1.0));
        let mut out = String::new();
        bar(&mut out, &scale, 0, 0.0, &spread(0.2, 0.5, 3.0));
        let half = (WIDTH - LEFT - RIGHT) / 2.0;
        let length = half * 2.0_f64.log10();
        assert!(out.contains(&format!("width=\"{length:.1}\"")), "{out}");
    }

    #[test]
    fn a_plot_of_nothing_is_one_all_the_same() {
        let plot = svg("t", &[], &[("a", Vec::new())]);
        assert!(plot.starts_with("<svg ") && plot.ends_with("</svg>\n"));
    }
}
