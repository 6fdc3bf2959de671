//! What must hold after every step.

use stateright::Property;

use super::Protocol;
use super::state::{State, Step, Told};

/// What was acknowledged has taken effect.
pub const TOOK_EFFECT: &str = "R1 success is true";
/// Nothing takes effect twice, nor after its success was told.
pub const AT_MOST_ONCE: &str = "R2 at most once";
/// What failed for certain has not taken effect and never will.
pub const NO_EFFECT: &str = "R3 failure is true";
/// What was computed from a row replaces that row.
pub const NO_LOST_UPDATE: &str = "R4 no lost update";
/// The old row that is returned is the one that was replaced.
pub const OLD_ROW: &str = "R5 the old row is true";

/// A caller is told of success.
pub const APPLIED: &str = "success";
/// A caller is told of a definite failure, and a request was sent.
pub const REFUSED: &str = "definite failure";
/// A caller is told that the outcome is unknown.
pub const UNKNOWN: &str = "outcome unknown";
/// A write whose caller was told that its outcome is unknown takes effect.
pub const UNKNOWN_EFFECT: &str = "unknown, and took effect";
/// A read after a lost answer finds the write's id.
pub const FOUND: &str = "read back: own id";
/// A read after a lost answer finds the write's id as the one before.
pub const FOUND_BEFORE: &str = "read back: own id as the previous";
/// A read after a 412 finds the write's id.
pub const FOUND_AFTER_412: &str = "read back after a 412: own id";

/// R1 and R3 of a state; the others are noticed where they break. A deletion without condition has
/// reached its end when there is nothing, so R1 asks nothing of it.
pub fn check(protocol: &Protocol, state: &mut State) {
    let clients = state.clients.iter().zip(&protocol.0.clients);
    for (client, operations) in clients {
        for ((told, effects), operation) in client.told.iter().zip(&client.effects).zip(operations)
        {
            let broken = match (told, effects) {
                (Told::Applied, 0) if operation.always_has_an_effect() => TOOK_EFFECT,
                (Told::Refused, 1..) => NO_EFFECT,
                _ => continue,
            };
            state.violation = state.violation.or(Some(broken));
        }
    }
}

fn any_told(state: &State, asked: Told) -> bool {
    state
        .clients
        .iter()
        .any(|client| client.told.contains(&asked))
}

fn unknown_took_effect(state: &State) -> bool {
    state.clients.iter().any(|client| {
        let mut operations = client.told.iter().zip(&client.effects);
        operations.any(|(told, effects)| (*told, *effects) == (Told::Unknown, 1))
    })
}

/// Whether some client is about to read back, after a lost answer or a 412, and to find this.
fn finds(state: &State, after_loss: bool, before: bool) -> bool {
    state.clients.iter().any(|client| {
        let id = match client.step {
            Step::AfterLoss { request, .. } if after_loss => request.id,
            Step::AfterRefusal { request } if !after_loss => request.id,
            _ => return false,
        };
        if before {
            state.replaced(id)
        } else {
            state.is_of(id)
        }
    })
}

/// What the checker is asked.
pub fn properties() -> Vec<Property<Protocol>> {
    type P = Property<Protocol>;
    vec![
        P::always(TOOK_EFFECT, |_, state| state.violation != Some(TOOK_EFFECT)),
        P::always(AT_MOST_ONCE, |_, state| {
            state.violation != Some(AT_MOST_ONCE)
        }),
        P::always(NO_EFFECT, |_, state| state.violation != Some(NO_EFFECT)),
        P::always(NO_LOST_UPDATE, |_, state| {
            state.violation != Some(NO_LOST_UPDATE)
        }),
        P::always(OLD_ROW, |_, state| state.violation != Some(OLD_ROW)),
        P::sometimes(APPLIED, |_, state| any_told(state, Told::Applied)),
        P::sometimes(REFUSED, |_, state| any_told(state, Told::Refused)),
        P::sometimes(UNKNOWN, |_, state| any_told(state, Told::Unknown)),
        P::sometimes(UNKNOWN_EFFECT, |_, state| unknown_took_effect(state)),
        P::sometimes(FOUND, |_, state| finds(state, true, false)),
        P::sometimes(FOUND_BEFORE, |_, state| finds(state, true, true)),
        P::sometimes(FOUND_AFTER_412, |_, state| finds(state, false, false)),
    ]
}
