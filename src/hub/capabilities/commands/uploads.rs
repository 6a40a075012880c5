//! The output of a node's share that its sender wants in a bucket, too: what is to go there, and what came of it.
//!
//! ```text
//! Waiting ── every stream is there ──► Uploaded
//!    │ ▲ failed: again later, or the object stores were changed
//!    └─┴── refused, or failing for a day ──► Failed ── retried by hand, or the object stores were changed ──► Waiting
//! ```
//!
//! A share is queued in the transaction that ends it, and [`super::upload_delivery`] brings what the hub has stored. Whatever comes of
//! it, the command is as it was.
//!
//! Differs: upstream's agents upload with the rights of their node; here the hub does, so that nodes need neither keys nor a way there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::id::{CommandId, NodeId};
use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Target, constraint, page};
use crate::hub::capabilities::commands::plugins;
use crate::hub::capabilities::commands::rows::{Command, Extras, StepRow};
use crate::hub::capabilities::commands::send::{SHARE, share};
use crate::hub::capabilities::fleet::targets::SEND;
use crate::hub::capabilities::object_stores::places::clean;
use crate::hub::capabilities::object_stores::{client, stores};
use crate::hub::events::Event;
use crate::hub::store::{Row, Select, StoreError, Tx, Value};
use crate::wire::run::StreamName;

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "ListOutputUploads",
        |_: &ListRequest| Target::Rows(SHARE),
        list_output_uploads,
    )
    .write(
        Service::Roadstead,
        "RetryOutputUpload",
        |r: &RetryRequest| share(&r.command_id, &r.node_id),
        retry_output_upload,
    );
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "OutputUploadState")]
pub enum State {
    Waiting,
    Uploaded,
    /// Given up.
    Failed,
}

impl State {
    const ALL: [Self; 3] = [Self::Waiting, Self::Uploaded, Self::Failed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "Waiting",
            Self::Uploaded => "Uploaded",
            Self::Failed => "Failed",
        }
    }
}

impl std::str::FromStr for State {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or(())
    }
}

/// A share's output on its way to a bucket.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "OutputUpload")]
pub struct UploadView {
    pub command_id: CommandId,
    pub node_id: NodeId,
    bucket: String,
    /// Where its objects lie in the bucket.
    key_prefix: String,
    /// The object store that takes it; absent while none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<String>,
    state: State,
    pub queued_at: Timestamp,
    attempts: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "String::is_empty")]
    last_error: String,
}

/// A bucket, and what the keys of a command's objects begin with.
pub struct Wish {
    pub bucket: String,
    pub prefix: String,
}

impl Wish {
    /// What a sender asked for.
    pub fn of(extras: &Extras) -> Option<Self> {
        Some(Self {
            bucket: extras.output_s3_bucket_name.clone()?,
            prefix: clean(extras.output_s3_key_prefix.as_deref().unwrap_or_default()),
        })
    }

    /// As upstream's agent names it: `PREFIX/COMMAND/NODE`.
    pub fn folder(&self, command: &CommandId, node: &NodeId) -> String {
        clean(&format!("{}/{command}/{node}", self.prefix))
    }

    /// `PREFIX/COMMAND/NODE/PLUGIN/STEP/stdout`, without the colons of upstream's names.
    ///
    /// The only step of a plugin in a document of schema 1.2 has the plugin's name here, and upstream's usual id there.
    pub fn key(&self, command: &CommandId, node: &NodeId, step: (&str, &str), stream: StreamName) -> String {
        let (name, action) = step;
        let step = match plugins::property(name, action) {
            Some("") => format!("0.{action}"),
            Some(id) => id.to_owned(),
            None => name.to_owned(),
        };
        let path = format!("{}/{action}/{step}/{}", self.folder(command, node), stream.as_str());
        clean(&path.replace(':', ""))
    }
}

/// *Errors*, as upstream: `ValidationException` when a member breaks the model's constraints, `InvalidOutputFolder` for what no
/// bucket, or no key in one, can be called.
pub fn check_members(bucket: Option<&String>, prefix: Option<&String>, region: Option<&String>) -> ApiResult<()> {
    let mut violations = constraint::Violations::default();
    violations.length(bucket, "outputS3BucketName", 3..=63);
    violations.length(prefix, "outputS3KeyPrefix", 0..=500);
    violations.length(region, "outputS3Region", 3..=20);
    violations.check()?;
    let invalid = |why: String| Err(ApiError::new("InvalidOutputFolder", why));
    if let Some(name) = bucket.filter(|name| !can_be_made(name)) {
        let shown: String = name.chars().filter(|c| !c.is_control()).collect();
        return invalid(format!(
            "`{shown}` is no name of a bucket: it has small letters, digits, `-` and single dots, begins and ends with a letter or digit, and is no address"
        ));
    }
    if prefix.is_some_and(|prefix| prefix.chars().any(char::is_control)) {
        return invalid("`OutputS3KeyPrefix` has control characters, which no key should have".to_owned());
    }
    Ok(())
}

/// Whether a bucket can be made with this name.
///
/// *Source*: AWS docs, "General purpose bucket naming rules".
fn can_be_made(bucket: &str) -> bool {
    let is_label = |label: &str| {
        let ends = [label.bytes().next(), label.bytes().last()];
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        ends.iter().all(|end| end.is_some_and(is_word)) && label.bytes().all(|byte| is_word(byte) || byte == b'-')
    };
    bucket.parse::<std::net::Ipv4Addr>().is_err() && bucket.split('.').all(is_label)
}

/// The object store that takes the output, which the sender must have the right to. A bucket that none takes is no error: the
/// command runs, and its upload says what is missing; of a store that takes it later the right is asked then
/// ([`may_fill`](super::sender::may_fill)).
///
/// *Errors*: `AccessDeniedException`.
pub fn permitted(tx: &Tx<'_>, cx: &Cx, extras: &Extras) -> ApiResult<Option<String>> {
    let Some(wish) = Wish::of(extras) else { return Ok(None) };
    let store = stores::for_output(tx, &wish.bucket, &wish.prefix)?.map(|store| store.name);
    if let Some(name) = &store {
        cx.permit_for(tx, SEND, &Target::Resource(stores::KIND, name.clone()))?;
    }
    Ok(store)
}

/// Where the streams of a step lie, stdout and stderr; empty without a bucket, or a store that takes it.
pub fn urls(tx: &Tx<'_>, command: &Command, node: &NodeId, step: &StepRow) -> Result<(String, String), StoreError> {
    let Some(wish) = Wish::of(&command.extras) else {
        return Ok(Default::default());
    };
    let Some(store) = stores::for_output(tx, &wish.bucket, &wish.prefix)? else {
        return Ok(Default::default());
    };
    let url = |stream| {
        let key = wish.key(&command.id, node, (&step.name, &step.action), stream);
        client::location(&store, &wish.bucket, &key).unwrap_or_default()
    };
    Ok((url(StreamName::Stdout), url(StreamName::Stderr)))
}

/// Puts a share that has just ended into the queue, if it left any output.
pub fn queue(tx: &Tx<'_>, command: &CommandId, node: &NodeId, now: Timestamp) -> Result<(), StoreError> {
    let Some(wish) = sql::extras(tx, command)?.as_ref().and_then(Wish::of) else {
        return Ok(());
    };
    if sql::has_output(tx, command, node)? {
        let store = stores::for_output(tx, &wish.bucket, &wish.prefix)?.map(|store| store.name);
        sql::insert(tx, command, node, &wish, &store.unwrap_or_default(), now)?;
    }
    Ok(())
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListOutputUploadsRequest")]
struct ListRequest {
    command_id: Option<CommandId>,
    node_id: Option<NodeId>,
    state: Option<State>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListOutputUploadsResult")]
struct ListResult {
    uploads: Vec<UploadView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// The newest first.
async fn list_output_uploads(cx: Cx, request: ListRequest) -> ApiResult<ListResult> {
    let size = page::size(request.max_results, 1, 100, 50)?;
    let after: Option<(i64, CommandId, NodeId)> = page::parse(request.next_token.as_deref())?;
    let visible = cx.visible(SHARE, "invocation");
    let mut select = Select::new(sql::SELECT).and_condition(&visible);
    if let Some(command) = &request.command_id {
        select = select.and("u.command_id = ?", [command.into()]);
    }
    if let Some(node) = &request.node_id {
        select = select.and("u.node_id = ?", [node.into()]);
    }
    if let Some(state) = request.state {
        select = select.and("u.state = ?", [Value::from(state.as_str())]);
    }
    if let Some((at, command, node)) = &after {
        select = select.and(
            "(u.queued_at, u.command_id, u.node_id) < (?, ?, ?)",
            [(*at).into(), command.into(), node.into()],
        );
    }
    let select = select.order("u.queued_at DESC, u.command_id DESC, u.node_id DESC").limit(size + 1);
    let found = cx.read(move |tx| Ok(select.rows(tx, sql::from_row)?)).await?;
    let (uploads, next_token) = page::cut(found, size, |u| (u.queued_at.millis(), u.command_id.clone(), u.node_id.clone()));
    Ok(ListResult { uploads, next_token })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "RetryOutputUploadRequest")]
struct RetryRequest {
    command_id: CommandId,
    node_id: NodeId,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RetryOutputUploadResult")]
struct Empty {}

/// One that waits is tried at once, one that was given up once more.
async fn retry_output_upload(cx: Cx, request: RetryRequest) -> ApiResult<Empty> {
    let (now, bus) = (cx.now(), cx.services.bus.clone());
    cx.write(move |tx| {
        let (command, node) = (request.command_id, request.node_id);
        if sql::retry(tx, &command, &node, now)? == 0 {
            return Err(ApiError::new(
                "ResourceNotFoundException",
                format!("there is no output of command `{command}` on `{node}` that waits for its bucket or was given up"),
            ));
        }
        bus.emit(tx, Event::CommandChanged(command));
        Ok(Empty {})
    })
    .await
}

pub mod sql {
    use super::*;

    pub const SELECT: &str =
        "SELECT u.command_id, u.node_id, u.bucket, u.prefix, u.store, u.state, u.queued_at, u.attempts, u.next_attempt_at,
        u.ended_at, u.last_error FROM output_upload u
        JOIN invocation ON invocation.command_id = u.command_id AND invocation.node_id = u.node_id";

    pub fn from_row(row: &Row<'_>) -> Result<UploadView, StoreError> {
        let state: State = row.parsed("state")?;
        let (command_id, node_id) = (row.get("command_id")?, row.get("node_id")?);
        let wish = Wish {
            bucket: row.get("bucket")?,
            prefix: row.get("prefix")?,
        };
        Ok(UploadView {
            key_prefix: wish.folder(&command_id, &node_id),
            bucket: wish.bucket,
            store: Some(row.get::<String>("store")?).filter(|store| !store.is_empty()),
            state,
            queued_at: row.get("queued_at")?,
            attempts: row.get("attempts")?,
            next_attempt_at: row.get::<Option<Timestamp>>("next_attempt_at")?.filter(|_| state == State::Waiting),
            ended_at: row.get("ended_at")?,
            last_error: row.get("last_error")?,
            command_id,
            node_id,
        })
    }

    pub fn extras(tx: &Tx<'_>, command: &CommandId) -> Result<Option<Extras>, StoreError> {
        tx.row("SELECT extras FROM command WHERE id = :id", &[(":id", command.into())], |row| {
            row.json("extras")
        })
    }

    pub fn has_output(tx: &Tx<'_>, command: &CommandId, node: &NodeId) -> Result<bool, StoreError> {
        let sql = "SELECT count(*) FROM step_output WHERE command_id = :command AND node_id = :node";
        Ok(tx.count(sql, &[(":command", command.into()), (":node", node.into())])? > 0)
    }

    pub fn insert(tx: &Tx<'_>, command: &CommandId, node: &NodeId, wish: &Wish, store: &str, now: Timestamp) -> Result<(), StoreError> {
        let params = [
            (":command", command.into()),
            (":node", node.into()),
            (":bucket", (&wish.bucket).into()),
            (":prefix", (&wish.prefix).into()),
            (":store", store.into()),
            (":now", now.into()),
        ];
        let sql = "INSERT INTO output_upload (command_id, node_id, bucket, prefix, store, state, queued_at, attempts, next_attempt_at,
                       last_error, done_count)
                   VALUES (:command, :node, :bucket, :prefix, :store, 'Waiting', :now, 0, :now, '', 0)";
        tx.execute(sql, &params).map(|_| ())
    }

    pub fn retry(tx: &Tx<'_>, command: &CommandId, node: &NodeId, now: Timestamp) -> Result<usize, StoreError> {
        let sql = "UPDATE output_upload SET state = 'Waiting', next_attempt_at = :now, failing_since = NULL, ended_at = NULL
                   WHERE command_id = :command AND node_id = :node AND state <> 'Uploaded'";
        tx.execute(sql, &[(":now", now.into()), (":command", command.into()), (":node", node.into())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_laid_out_as_upstream_lays_them_out() {
        let command: CommandId = "11111111-1111-4111-8111-111111111111".parse().unwrap();
        let node: NodeId = "mi-0123456789abcdef0".parse().unwrap();
        let wish = |prefix: &str| Wish {
            bucket: "logs".into(),
            prefix: clean(prefix),
        };
        let key = |prefix: &str, name: &str, action: &str| wish(prefix).key(&command, &node, (name, action), StreamName::Stdout);
        let share = format!("{command}/{node}");
        let shell = "aws:runShellScript";
        assert_eq!(
            key("", shell, shell),
            format!("{share}/awsrunShellScript/0.awsrunShellScript/stdout")
        );
        assert_eq!(key("/a//b/", "greet", shell), format!("a/b/{share}/awsrunShellScript/greet/stdout"));
        let second = "aws:runShellScript:1.aws:runShellScript";
        assert_eq!(
            key("", second, shell),
            format!("{share}/awsrunShellScript/1.awsrunShellScript/stdout")
        );
        assert_eq!(key("a/../../b", "x", shell), format!("b/{share}/awsrunShellScript/x/stdout"));
        assert_eq!(key("", "..", shell), format!("{share}/stdout"));
    }

    #[test]
    fn members_have_upstreams_lengths() {
        let check = |bucket: usize, prefix: usize, region: usize| {
            let text = |length: usize| "a".repeat(length);
            check_members(Some(&text(bucket)), Some(&text(prefix)), Some(&text(region)))
        };
        assert!(check(3, 0, 3).is_ok() && check(63, 500, 20).is_ok() && check_members(None, None, None).is_ok());
        for (bucket, prefix, region) in [(2, 0, 3), (64, 0, 3), (3, 501, 3), (3, 0, 2), (3, 0, 21)] {
            assert_eq!(check(bucket, prefix, region).unwrap_err().code, "ValidationException");
        }
    }

    #[test]
    fn what_no_bucket_can_be_called_is_no_folder() {
        let check = |bucket: &str, prefix: &str| check_members(Some(&bucket.to_owned()), Some(&prefix.to_owned()), None);
        for fine in ["logs", "my-logs.2026", "1st", "a--b"] {
            assert!(check(fine, "team/nightly ü").is_ok(), "{fine}");
        }
        for wrong in ["bad bucket", "x..y", "UPPER", "192.168.1.1", "-ab", "ab-", ".ab", "a_b", "büc"] {
            assert_eq!(check(wrong, "").unwrap_err().code, "InvalidOutputFolder", "{wrong}");
        }
        assert_eq!(check("logs", "a\0b").unwrap_err().code, "InvalidOutputFolder");
    }
}
