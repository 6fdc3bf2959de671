//! Models of s3orm's protocols, explored by [`stateright`]: every state that clients, a faulty
//! network and collectors can reach within bounds.
//!
//! - [`rows`]: what the library does today with one row: insert, put, save, update and delete, and
//!   what it makes of lost answers.
//! - [`transactions`]: intents and a pre-created record, single-row writers, readers, the sweeper.
//! - [`indexes`]: unique indexes by fenced claims, and plain indexes by entries.
//!
//! Sections and rules are those of the design's chapter on reliability, of which `docs/models.md` has the
//! invariants and the results.
//!
//! Each module has the protocol as steps, one request a step; its invariants; and its cases. A case
//! is a configuration with what must come of it: all of its states, so many, keep the invariants;
//! or, of a protocol with one rule left out, a counterexample of so many steps. The latter prove
//! that the model can see.
//!
//! The network is the same in all of them. A request is answered; or its answer is lost, and the
//! request stays in limbo, to land at any time later or never; or it is answered and a copy of it,
//! that something on the way made, stays in limbo. Clients may stop for ever at any step: that needs
//! no transition, because what holds after every step holds when no further one follows.

pub mod case;
pub mod explore;
pub mod indexes;
pub mod network;
pub mod rows;
pub mod transactions;
