//! Upstream's tasks that tag what joins an application: `StartTagSyncTask` and its like.
//!
//! Differs: there are none. Groups by query follow tags by themselves, and nothing is tagged because it is in a group.

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult};
use crate::hub::api::{Cx, Declare, Service, Target};
use crate::hub::capabilities::resource_groups::named::{KIND, bad, name, require, size, target, token};

const SERVICE: Service = Service::ResourceGroups;

pub fn operations(api: &mut Declare<'_>) {
    api.write(
        SERVICE,
        "StartTagSyncTask",
        |r: &StartRequest| target(Some(&r.group), None),
        start_tag_sync_task,
    )
    .rest(Method::POST, "/start-tag-sync-task")
    .read(
        SERVICE,
        "ListTagSyncTasks",
        |_: &ListRequest| Target::Rows(KIND),
        list_tag_sync_tasks,
    )
    .rest(Method::POST, "/list-tag-sync-tasks")
    .read(SERVICE, "GetTagSyncTask", |_: &TaskRequest| Target::Rows(KIND), get_tag_sync_task)
    .rest(Method::POST, "/get-tag-sync-task")
    .write(
        SERVICE,
        "CancelTagSyncTask",
        |_: &TaskRequest| Target::Rows(KIND),
        cancel_tag_sync_task,
    )
    .rest(Method::POST, "/cancel-tag-sync-task");
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "StartTagSyncTaskRequest")]
struct StartRequest {
    group: String,
    #[expect(dead_code, reason = "upstream requires it")]
    role_arn: String,
}

#[derive(Serialize, JsonSchema)]
struct Empty {}

async fn start_tag_sync_task(cx: Cx, request: StartRequest) -> ApiResult<Empty> {
    let name = name(Some(request.group), None)?;
    cx.read(move |tx| require(tx, &name).map(|_| ())).await?;
    Err(ApiError::new(
        "MethodNotAllowedException",
        "this hub tags nothing because it is in a group: make the group by a query on the tag instead",
    ))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListTagSyncTasksRequest")]
struct ListRequest {
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListTagSyncTasksResult")]
struct ListResult {
    tag_sync_tasks: Vec<Empty>,
}

async fn list_tag_sync_tasks(_cx: Cx, request: ListRequest) -> ApiResult<ListResult> {
    size(request.max_results)?;
    token::<String>(request.next_token.as_deref())?;
    Ok(ListResult {
        tag_sync_tasks: Vec::new(),
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "TagSyncTaskRequest")]
struct TaskRequest {
    task_arn: String,
}

async fn get_tag_sync_task(_cx: Cx, request: TaskRequest) -> ApiResult<Empty> {
    check_task(&request)?;
    Err(ApiError::new("NotFoundException", "there is no such tag-sync task"))
}

/// Its model has no word for a task that is not there.
async fn cancel_tag_sync_task(_cx: Cx, request: TaskRequest) -> ApiResult<Empty> {
    check_task(&request)?;
    Err(bad("there is no such tag-sync task"))
}

/// *Errors*: `BadRequestException`.
fn check_task(request: &TaskRequest) -> ApiResult<()> {
    let is_arn = request.task_arn.starts_with("arn:aws") && request.task_arn.contains("/tag-sync-task/");
    match is_arn {
        true => Ok(()),
        false => Err(bad("`TaskArn` is the ARN of a tag-sync task")),
    }
}
