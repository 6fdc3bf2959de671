//! What the network does, in the protocols that are not in the library yet.

/// What the network does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It arrives, and so does its answer.
    Answered,
    /// The client waits in vain; the request may land at any time, or never.
    Lost,
    /// As [`Answered`](Self::Answered), and a copy stays in limbo.
    Doubled,
}
