//! The store: a write is applied at one instant if its condition holds then, and the ghosts count it.

use super::Config;
use super::invariants::{AT_MOST_ONCE, NO_LOST_UPDATE};
use super::state::{Answer, Condition, Object, Operation, Request, State, Told};

/// Applies a request if its condition holds.
pub fn apply(config: &Config, state: &mut State, request: Request) -> Answer {
    match (request.condition, state.object) {
        (Condition::IfAbsent, Some(_)) => return Answer::PreconditionFailed,
        (Condition::IfMatch(_), None) => return Answer::NotFound,
        (Condition::IfMatch(tag), Some(object)) if object.value != tag => {
            return Answer::PreconditionFailed;
        }
        _ => {}
    }
    if request.value.is_some() || state.object.is_some() {
        let returns_old = matches!(config.operation(request.id), Operation::Replace(_));
        take_effect(state, request, returns_old);
    }
    state.object = request.value.map(|value| Object {
        value,
        id: Some(request.id),
        previous: request.previous,
    });
    Answer::Applied
}

/// Counts an effect, and notices what must not be.
fn take_effect(state: &mut State, request: Request, returns_old: bool) {
    let found = state.object.map(|object| object.value);
    let client = &mut state.clients[usize::from(request.id.client)];
    let operation = usize::from(request.id.operation);
    client.effects[operation] += 1;
    if returns_old {
        let replaced = &mut client.replaced;
        replaced.entry(request.id.operation).or_insert(found);
    }
    // Success was told, and the time of the operation is over.
    let late = client.told.get(operation) == Some(&Told::Applied);
    if client.effects[operation] > 1 || late {
        state.violation = Some(AT_MOST_ONCE);
    } else if request.base.is_some() && request.base != found {
        state.violation = Some(NO_LOST_UPDATE);
    }
}
