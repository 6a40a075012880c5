//! Tags that come with the making of a resource (`Tags` of PutParameter, CreateDocument …), and changes of what rights may look at.

use std::sync::Arc;

use crate::base::{ApiError, ApiResult};
use crate::hub::api::{Cx, Target};
use crate::hub::auth::{Rights, facts, rights};
use crate::hub::events::Event;
use crate::hub::labels::{self, Kind, Tag};
use crate::hub::store::Tx;

/// Tags what this transaction has made, as AddTagsToResource would right after: it needs that right too, and both rights again with
/// the new tags, so that nobody makes a thing that they may not touch.
///
/// *Errors*: `AccessDeniedException`; `ValidationException` for more tags than a resource may have.
pub fn tag_new(cx: &Cx, tx: &Tx<'_>, kind: Kind, id: &str, tags: &[Tag]) -> ApiResult<()> {
    const TAG: &str = "ssm:AddTagsToResource";
    if tags.is_empty() {
        return Ok(());
    }
    let made = Target::Resource(kind.right(), id.to_owned());
    cx.permit_for(tx, TAG, &made)?;
    labels::add(tx, kind, id, tags).map_err(|refused| match refused.code {
        "TooManyTagsError" => ApiError::validation(refused.message),
        _ => refused,
    })?;
    cx.permit_for(tx, TAG, &made)?;
    cx.permit(tx, &made)?;
    cx.services.bus.emit(tx, Event::LabelsChanged);
    Ok(())
}

/// Changes tags or a name, by which statements, scopes and groups may know a thing. The caller needs the operation's right to it
/// before and after, and may do nothing to it afterwards that they could not do before: nobody takes a thing into their hands, or
/// out of them.
///
/// *Errors*: `AccessDeniedException`, and those of the change.
pub fn relabel<T>(cx: &Cx, tx: &Tx<'_>, (kind, id): (Kind, &str), change: impl FnOnce(&Tx<'_>) -> ApiResult<T>) -> ApiResult<T> {
    let subject = Target::Resource(kind.right(), id.to_owned());
    cx.permit(tx, &subject)?;
    let mut before = Vec::new();
    for rights in rights_by_labels(cx, tx)? {
        let thing = facts::thing(tx, &rights, kind.right(), id)?;
        before.push((rights, thing));
    }
    let done = change(tx)?;
    cx.permit(tx, &subject)?;
    for (rights, before) in before {
        let after = facts::thing(tx, &rights, kind.right(), id)?;
        if let Some(action) = rights.grants.widened(&before, &after, cx.services.words.actions()) {
            let name = &cx.caller().name;
            let why = format!("the change would let `{name}` do `{action}` to `{subject}`, which they may not as it is");
            cx.note_denial(&why);
            return Err(ApiError::new("AccessDeniedException", format!("{why}: somebody else must make it")));
        }
    }
    Ok(done)
}

/// The caller's rights as far as labels decide about any. Somebody who acts in a role keeps a user of their own, to whom they
/// could give by it what that user is denied.
fn rights_by_labels(cx: &Cx, tx: &Tx<'_>) -> ApiResult<Vec<Arc<Rights>>> {
    let caller = cx.caller();
    let mut all = vec![caller.rights.clone()];
    if caller.assumed.is_some() {
        all.extend(rights::load(tx, &caller.name)?.map(Arc::new));
    }
    all.retain(|rights| rights.grants.go_by_labels());
    Ok(all)
}
