//! Progress, on a terminal only.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar where the end is known, else a counter; nothing where nobody looks on.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn new(visible: bool, what: &'static str, total: Option<u64>) -> Self {
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::no_length(),
        };
        bar.set_draw_target(if visible {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        });
        let template = match (what, total) {
            ("bytes", Some(_)) => "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta_precise}",
            ("bytes", None) => "{spinner} {bytes} {bytes_per_sec}",
            (_, Some(_)) => "{wide_bar} {human_pos}/{human_len} {msg} {per_sec} {eta_precise}",
            (_, None) => "{spinner} {human_pos} {msg} {per_sec}",
        };
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(what);
        Self(bar)
    }

    pub(crate) fn add(&self, count: u64) {
        self.0.inc(count);
    }

    /// Counts up to so many in all.
    pub(crate) fn set(&self, count: u64) {
        self.0.set_position(count);
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.position()
    }

    pub(crate) fn bar(&self) -> &ProgressBar {
        &self.0
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
