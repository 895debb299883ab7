//! Every configuration of a branch, one after the other.
//!
//! Invariant: one configuration is read at a time, within the call's budget. Where all of them are too much for one
//! answer, they are asked for component by component, and what is not read is noted.

use mcp_protocol::{
    fields::fields,
    raw::{elements, string, value},
};
use serde_json::{Value, value::RawValue};

use crate::{
    api::{Answer, ApiError},
    call::{Budget, Call, Incomplete, ShortCircuit, Within},
};

/// The component of a configuration.
pub(super) struct Owner {
    pub(super) id: String,
    /// Such as `extractor`.
    pub(super) kind: String,
}

/// Visits the configurations of the components that are wanted, with their rows.
pub(super) async fn each(
    call: &Call<'_>,
    (budget, incomplete): (&Budget, &mut Incomplete),
    wants: impl Fn(&Owner) -> bool,
    mut visit: impl FnMut(&Owner, &Value),
) -> Result<(), ShortCircuit> {
    let path = call.below("components");
    let include = [("include", "configuration,rows".to_owned())];
    match budget.read(call, path.clone(), &include).await? {
        Within::Read(answer) => {
            for (owner, configurations) in components(&answer)? {
                if wants(&owner) {
                    visit_all(&owner, elements_of(configurations)?, &mut visit)?;
                }
            }
            return Ok(());
        }
        Within::TooLarge => {}
        Within::UsedUp => {
            incomplete.note("the configurations");
            return Ok(());
        }
    }
    let owners = match budget.read(call, path, &[]).await? {
        Within::Read(answer) => components(&answer)?.into_iter().map(|(owner, _)| owner).collect(),
        Within::TooLarge | Within::UsedUp => {
            incomplete.note("the configurations");
            Vec::new()
        }
    };
    let mut unread = Vec::new();
    for owner in owners.into_iter().filter(wants) {
        match budget.read(call, call.configs(&owner.id), &[]).await? {
            Within::Read(answer) => visit_all(&owner, answer.items()?, &mut visit)?,
            Within::TooLarge | Within::UsedUp => unread.push(owner.id),
        }
    }
    incomplete.note_all("the configurations of", &unread);
    Ok(())
}

type Component<'a> = (Owner, Option<&'a RawValue>);

fn components(answer: &Answer) -> Result<Vec<Component<'_>>, ApiError> {
    let text = |field: Option<&RawValue>| field.and_then(string).unwrap_or_default();
    let mut all = Vec::new();
    for item in answer.items()? {
        let found = fields(item.get(), ["id", "type", "configurations"]);
        let Ok([id, kind, configurations]) = found else {
            return Err(ApiError::Unexpected("a list of components"));
        };
        all.push((Owner { id: text(id), kind: text(kind) }, configurations));
    }
    Ok(all)
}

fn elements_of(configurations: Option<&RawValue>) -> Result<Vec<&RawValue>, ApiError> {
    let Some(configurations) = configurations else { return Ok(Vec::new()) };
    elements(configurations.get()).map_err(|_| ApiError::Unexpected("a list of configurations"))
}

fn visit_all(
    owner: &Owner,
    configurations: Vec<&RawValue>,
    visit: &mut impl FnMut(&Owner, &Value),
) -> Result<(), ApiError> {
    for configuration in configurations {
        let configuration = value(configuration.get()).map_err(|_| ApiError::Unexpected("JSON"))?;
        visit(owner, &configuration);
    }
    Ok(())
}
