//! Files that belong to a version of a document, kept in the hub's own store.
//!
//! The hub fetches nothing from outside: an operator puts a file below `DATA/files` and names it `hub://path`, or points at the
//! attachment of another version. Differs: upstream takes S3 and HTTPS addresses; the isolated network has neither.

use std::io::Read;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult};
use crate::hub::api::constraint::{self, Violations};
use crate::hub::api::{Cx, Target};
use crate::hub::capabilities::documents::hub_files;
use crate::hub::capabilities::documents::names::{self, KIND};
use crate::hub::store::blobs::{self, Blobs, Hash, INLINE_BYTES};
use crate::hub::store::{StoreError, Tx};
use crate::model::document::sources;

/// Upstream's limit of one call.
const MAX_FILES: usize = 20;
/// Of one file. What is larger is a package.
const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;
const KEYS: &[&str] = &["SourceUrl", "S3FileUrl", "AttachmentReference"];
const SCHEME: &str = sources::HUB_SCHEME;
/// What is asked of the file as well, whichever operation attaches it.
const CREATE: &str = "ssm:CreateDocument";

/// Where a file comes from, as upstream spells it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Source {
    key: Option<String>,
    #[serde(default)]
    values: Vec<String>,
    name: Option<String>,
}

/// A file on its way into the rows.
#[derive(Clone, Debug)]
pub struct File {
    pub name: String,
    size: u64,
    hash: Hash,
    /// Small ones lie in their row; a larger one is durable already.
    inline: Option<Vec<u8>>,
}

/// *Source*: `AttachmentContent` of the service model.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AttachmentContent {
    name: String,
    size: i64,
    hash: String,
    hash_type: &'static str,
    /// Good for a quarter of an hour ([`super::links`]).
    url: String,
}

/// A stored file.
pub struct Attachment {
    pub name: String,
    pub size: i64,
    pub hash: Vec<u8>,
}

impl Attachment {
    pub fn content(self, url: String) -> AttachmentContent {
        AttachmentContent {
            name: self.name,
            size: self.size,
            hash: data_encoding::HEXLOWER.encode(&self.hash),
            hash_type: "Sha256",
            url,
        }
    }
}

/// Reads the files and makes the large ones durable.
///
/// *Errors*: `ValidationException`, `InvalidDocumentContent`.
pub async fn fetch(cx: &Cx, sources: &[Source]) -> ApiResult<Vec<File>> {
    constraint::count_at_most(sources, "attachments", MAX_FILES)?;
    let mut files = Vec::new();
    for (number, source) in (1..).zip(sources) {
        let value = checked(source, number)?;
        let file = match source.key.as_deref() {
            Some("AttachmentReference") => referenced(cx, value, source.name.as_deref()).await?,
            _ => from_hub(cx, value, source.name.as_deref()).await?,
        };
        if files.iter().any(|other: &File| other.name == file.name) {
            return Err(invalid(format!("two attachments have the name `{}`", file.name)));
        }
        files.push(file);
    }
    Ok(files)
}

/// `number` counts the request's attachments from one.
fn checked(source: &Source, number: usize) -> ApiResult<&str> {
    let member = |name: &str| format!("attachments.{number}.member.{name}");
    let key = source.key.as_deref().unwrap_or_default();
    constraint::one_of(key, &member("key"), KEYS)?;
    let wrong = |side: &str| {
        let count = format!("[{} entries]", source.values.len());
        constraint::violated(&count, &member("values"), &format!("have length {side} than or equal to 1"))
    };
    let value = match source.values.as_slice() {
        [value] => value,
        [] => return Err(wrong("greater")),
        _ => return Err(wrong("less")),
    };
    let mut broken = Violations::default();
    broken.length(Some(value), &member("values"), 1..=1024);
    broken.check()?;
    if let Some(name) = &source.name {
        names::check_name_at(name, &member("name"))?;
    }
    Ok(value)
}

fn invalid(message: String) -> ApiError {
    ApiError::new("InvalidDocumentContent", message)
}

/// *Errors*: also `AccessDeniedException` without a right on the file itself.
async fn from_hub(cx: &Cx, value: &str, name: Option<&str>) -> ApiResult<File> {
    let Some(path) = value.strip_prefix(SCHEME) else {
        return Err(invalid(format!(
            "attachment `{value}` cannot be fetched: this hub fetches nothing from outside; put the file below the hub's folder `files` and name it `{SCHEME}path`"
        )));
    };
    hub_files::check(path).map_err(invalid)?;
    let name = name.unwrap_or_else(|| names::short(path)).to_owned();
    names::check_name(&name)?;
    let (asked, target) = (cx.clone(), hub_files::target(path));
    cx.read(move |tx| asked.permit_for(tx, CREATE, &target)).await?;
    let (data, blobs, path) = (cx.services.config.data.clone(), cx.services.blobs.clone(), path.to_owned());
    let stored = tokio::task::spawn_blocking(move || store(&data, &blobs, &path, name)).await;
    stored.map_err(|e| ApiError::internal(e.to_string()))?
}

/// Blocking.
fn store(data: &Path, blobs: &Blobs, path: &str, name: String) -> ApiResult<File> {
    let mut file = hub_files::open(data, path).map_err(invalid)?;
    let missing = |e: std::io::Error| invalid(format!("`{path}` in the hub's folder `files` cannot be read: {}", e.kind()));
    let size = file.metadata().map_err(missing)?.len();
    if size > MAX_FILE_BYTES {
        return Err(invalid(format!("attachment `{path}` is larger than {} MB", MAX_FILE_BYTES >> 20)));
    }
    if size <= INLINE_BYTES as u64 {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(missing)?;
        return Ok(File {
            name,
            size: bytes.len() as u64,
            hash: blobs::hash(&bytes),
            inline: Some(bytes),
        });
    }
    let mut writer = blobs.writer().map_err(ApiError::internal)?;
    let mut piece = vec![0u8; 256 * 1024];
    loop {
        match file.read(&mut piece).map_err(missing)? {
            0 => break,
            read => writer.write(&piece[..read]).map_err(ApiError::internal)?,
        }
    }
    let (hash, size) = writer.finish().map_err(ApiError::internal)?;
    Ok(File {
        name,
        size,
        hash,
        inline: None,
    })
}

/// `document/version/name`.
async fn referenced(cx: &Cx, value: &str, name: Option<&str>) -> ApiResult<File> {
    let parts: Vec<String> = value.split('/').map(str::to_owned).collect();
    let [document, version, attachment] = <[String; 3]>::try_from(parts)
        .map_err(|_| invalid(format!("attachment reference `{value}` has not the form `document/version/name`")))?;
    let number: i64 = version.parse().unwrap_or(0);
    let (name, value) = (name.unwrap_or(&attachment).to_owned(), value.to_owned());
    let asked = cx.clone();
    cx.read(move |tx| {
        asked.permit_for(tx, "ssm:GetDocument", &Target::Resource(KIND, document.clone()))?;
        let found = of(tx, &document, number)?.into_iter().find(|one| one.name == attachment);
        let found = found.ok_or_else(|| invalid(format!("there is no attachment `{value}`")))?;
        let hash: Hash = found.hash.try_into().map_err(|_| ApiError::internal("a hash has 32 bytes"))?;
        let blob = blobs::find(tx, &hash)?.ok_or_else(|| ApiError::internal("an attachment's content is not there"))?;
        Ok(File {
            name,
            size: blob.size,
            hash,
            inline: blob.inline,
        })
    })
    .await
}

pub fn insert(tx: &Tx<'_>, name: &str, version: i64, files: &[File]) -> Result<(), StoreError> {
    for file in files {
        match &file.inline {
            Some(bytes) => blobs::insert_inline(tx, &file.hash, bytes)?,
            None => blobs::insert_file(tx, &file.hash, file.size)?,
        }
        tx.execute(
            "INSERT INTO document_attachment (name, version, attachment, size, hash) VALUES (:name, :version, :attachment, :size, :hash)",
            &[
                (":name", name.into()),
                (":version", version.into()),
                (":attachment", (&file.name).into()),
                (":size", file.size.into()),
                (":hash", file.hash.as_slice().into()),
            ],
        )?;
    }
    Ok(())
}

/// A new version keeps the files of the one before when it brings none.
pub fn inherit(tx: &Tx<'_>, name: &str, from: i64, to: i64) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO document_attachment (name, version, attachment, size, hash)
         SELECT name, :to, attachment, size, hash FROM document_attachment WHERE name = :name AND version = :from",
        &[(":name", name.into()), (":from", from.into()), (":to", to.into())],
    )
    .map(|_| ())
}

pub fn of(tx: &Tx<'_>, name: &str, version: i64) -> Result<Vec<Attachment>, StoreError> {
    tx.rows(
        "SELECT attachment, size, hash FROM document_attachment WHERE name = :name AND version = :version ORDER BY attachment",
        &[(":name", name.into()), (":version", version.into())],
        |row| {
            Ok(Attachment {
                name: row.get("attachment")?,
                size: row.get("size")?,
                hash: row.get("hash")?,
            })
        },
    )
}
