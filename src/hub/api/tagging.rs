//! Tags that come with the making of a resource (`Tags` of PutParameter, CreateDocument …).

use crate::base::{ApiError, ApiResult};
use crate::hub::api::{Cx, Target};
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
