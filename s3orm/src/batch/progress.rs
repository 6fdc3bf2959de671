//! A ready progress bar for batches and passes.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::run::Batch;

/// The bar with rate and time left, where the input says how many rows there are.
const KNOWN: &str = "{msg} {bar:40} {human_pos}/{human_len}  {per_sec}  {eta} left";
/// The bar of an input that may go on for ever.
const UNKNOWN: &str = "{msg} {spinner} {human_pos}  {per_sec}  {elapsed}";

/// A bar on standard error, which is drawn only where that is a terminal.
pub(super) fn bar(what: &str) -> ProgressBar {
    let bar = ProgressBar::no_length().with_message(what.to_owned());
    bar.set_style(style(UNKNOWN));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// What is done, on a bar. It is finished with the batch, however that ends.
pub(super) fn show(bar: ProgressBar) -> impl FnMut(u64, Option<u64>) + Send {
    let mut shown = Shown(bar);
    move |done, total| shown.update(done, total)
}

/// A bar that is finished when it is dropped.
struct Shown(ProgressBar);

impl Shown {
    fn update(&mut self, done: u64, total: Option<u64>) {
        if let Some(total) = total
            && self.0.length() != Some(total)
        {
            self.0.set_length(total);
            self.0.set_style(style(KNOWN));
        }
        self.0.set_position(done);
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl<'a, O: Send + 'a, I: Send + 'a, K> Batch<'a, O, I, K> {
    /// Shows a progress bar on standard error, if that is a terminal: how many rows are done, of how
    /// many where the input says so, how many a second and the time that is left. In place of
    /// [`on_progress`](Self::on_progress). With the cargo feature `progress`.
    ///
    /// ```
    /// # use s3orm::{Db, S3Schema};
    /// # #[derive(serde::Serialize, serde::Deserialize, S3Schema)]
    /// # #[s3(table = "people", path = "<id>")]
    /// # struct Person { id: u64 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let people = Db::connect("memory:").await?.table::<Person>();
    /// let rows = (0..100).map(|id| Person { id });
    /// people.put_many(rows).progress_bar("people").await.into_result()?;
    /// # Ok(()) }
    /// ```
    pub fn progress_bar(self, what: &str) -> Self {
        self.progress_on(bar(what))
    }

    /// Shows what is done on a bar of one's own, as [`progress_bar`](Self::progress_bar) does.
    pub fn progress_on(self, bar: ProgressBar) -> Self {
        self.on_progress(show(bar))
    }
}
