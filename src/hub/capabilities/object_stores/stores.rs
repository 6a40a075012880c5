//! Stores: where one is, how it is spoken to, and for which buckets. Their secrets lie sealed, and no answer holds one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ApiError, ApiResult, Secret, Timestamp};
use crate::hub::api::{Cx, Declare, Service, Services, Target, constraint};
use crate::hub::audit::Outcome;
use crate::hub::capabilities::object_stores::client::Client;
use crate::hub::capabilities::object_stores::places::{Place, clean};
use crate::hub::store::{Row, StoreError, Tx, Value};
use crate::platform::outgoing::{Allowed, Url};

/// What rights call a store.
pub const KIND: &str = "object-store";
const MAX_STORES: i64 = 20;
const MAX_PLACES: usize = 50;
const MAX_NETWORKS: usize = 50;
const MAX_SECRET: usize = 1024;
/// What a test writes and removes.
const TEST_OBJECT: &str = "roadstead-test";

pub fn operations(api: &mut Declare<'_>) {
    api.read(
        Service::Roadstead,
        "ListObjectStores",
        |_: &ListRequest| Target::Hub,
        list_object_stores,
    )
    .read(
        Service::Roadstead,
        "GetObjectStore",
        |_: &NameRequest| Target::Hub,
        get_object_store,
    )
    .write(Service::Roadstead, "PutObjectStore", |_: &PutRequest| Target::Hub, put_object_store)
    .write(
        Service::Roadstead,
        "DeleteObjectStore",
        |_: &NameRequest| Target::Hub,
        delete_object_store,
    )
    .write(
        Service::Roadstead,
        "TestObjectStore",
        |_: &TestRequest| Target::Hub,
        test_object_store,
    );
}

/// How requests name the bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Addressing {
    /// `https://store.example/bucket/key`
    #[default]
    Path,
    /// `https://bucket.store.example/key`
    Host,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ObjectStoreSettings")]
pub struct Settings {
    /// `https://HOST[:PORT]`; with `http://` everybody on the way can read along.
    pub endpoint: String,
    /// What its signatures name; stores of one place mostly take any word they were set to.
    #[serde(default = "usual_region")]
    pub region: String,
    pub access_key_id: String,
    #[serde(default)]
    pub addressing: Addressing,
    /// Where the output of commands may go: `BUCKET[/PREFIX]`, with `*` at the end of a bucket's name for what may vary.
    #[serde(default)]
    pub output_places: Vec<Place>,
    /// What nodes may read when a command's document downloads it, written in the same way. Empty: nothing.
    #[serde(default)]
    pub download_places: Vec<Place>,
    /// Networks that may be called although they are not public.
    #[serde(default)]
    pub allowed_networks: Allowed,
    /// One more authority to trust, as PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
}

fn usual_region() -> String {
    "us-east-1".into()
}

impl Settings {
    pub fn endpoint(&self) -> ApiResult<Url> {
        let url = Url::plain_or_secure(&self.endpoint).ok().filter(|url| url.path == "/");
        url.ok_or_else(|| {
            let shown: String = self.endpoint.chars().filter(|c| !c.is_control()).take(200).collect();
            ApiError::validation(format!(
                "`{shown}` is no endpoint: write `https://HOST`, perhaps with a port, and no bucket"
            ))
        })
    }

    /// *Errors*: `ValidationException`.
    fn check(&self) -> ApiResult<()> {
        constraint::at_most(&self.endpoint, "settings.endpoint", 300)?;
        self.endpoint()?;
        let is_word = |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b',');
        if !is_word(&self.region, 64) || self.region.contains('/') {
            return Err(ApiError::validation("a region is a word such as `eu-central-1`"));
        }
        if !is_word(&self.access_key_id, 128) {
            return Err(ApiError::validation("an access key's id has 1 to 128 letters and digits"));
        }
        constraint::count_at_most(&self.output_places, "settings.outputPlaces", MAX_PLACES)?;
        constraint::count_at_most(&self.download_places, "settings.downloadPlaces", MAX_PLACES)?;
        constraint::count_at_most(&self.allowed_networks.0, "allowedNetworks", MAX_NETWORKS)?;
        constraint::authority(self.ca_pem.as_deref())?;
        Ok(())
    }
}

/// A store as it is kept.
#[derive(Clone, Debug)]
pub struct Store {
    pub name: String,
    pub settings: Settings,
    sealed_secret: Vec<u8>,
    changed_by: String,
    changed_at: Timestamp,
}

impl Store {
    /// *Errors*: in words for the operator.
    pub fn secret(&self, services: &Services) -> Result<Secret<String>, String> {
        let opened = services.vault.open_sealed(&context(&self.name), &self.sealed_secret);
        let text = opened.ok().and_then(|bytes| String::from_utf8(bytes.take()).ok());
        text.map(Secret::new)
            .ok_or_else(|| format!("the secret key of the object store `{}` cannot be opened: give it again", self.name))
    }

    #[cfg(test)]
    pub fn for_tests(name: &str, settings: Settings) -> Self {
        Self {
            name: name.to_owned(),
            settings,
            sealed_secret: Vec::new(),
            changed_by: String::new(),
            changed_at: Timestamp::from_millis(0),
        }
    }
}

fn context(name: &str) -> String {
    format!("object-store:{name}")
}

/// The store that takes output to this place: the first by name.
pub fn for_output(tx: &Tx<'_>, bucket: &str, prefix: &str) -> Result<Option<Store>, StoreError> {
    let takes = |store: &Store| store.settings.output_places.iter().any(|place| place.takes(bucket, prefix));
    Ok(sql::list(tx)?.into_iter().find(takes))
}

/// All of them, by name.
pub fn all(tx: &Tx<'_>) -> Result<Vec<Store>, StoreError> {
    sql::list(tx)
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ListObjectStoresRequest")]
struct ListRequest {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ListObjectStoresResult")]
struct ListResult {
    stores: Vec<StoreSummary>,
}

/// What everybody may know who may send output there.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ObjectStoreSummary")]
struct StoreSummary {
    name: String,
    endpoint: String,
    region: String,
    output_places: Vec<Place>,
    download_places: Vec<Place>,
}

async fn list_object_stores(cx: Cx, _request: ListRequest) -> ApiResult<ListResult> {
    cx.read(|tx| {
        let summary = |store: Store| StoreSummary {
            name: store.name,
            endpoint: store.settings.endpoint,
            region: store.settings.region,
            output_places: store.settings.output_places,
            download_places: store.settings.download_places,
        };
        Ok(ListResult {
            stores: sql::list(tx)?.into_iter().map(summary).collect(),
        })
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "ObjectStoreRequest")]
struct NameRequest {
    name: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "GetObjectStoreResult")]
struct GetResult {
    name: String,
    settings: Settings,
    changed_by: String,
    changed_at: Timestamp,
}

async fn get_object_store(cx: Cx, request: NameRequest) -> ApiResult<GetResult> {
    is_whole(&cx)?;
    cx.read(move |tx| {
        let store = find(tx, &request.name)?;
        Ok(GetResult {
            name: store.name,
            settings: store.settings,
            changed_by: store.changed_by,
            changed_at: store.changed_at,
        })
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "PutObjectStoreRequest")]
struct PutRequest {
    name: String,
    settings: Settings,
    /// The secret access key; absent to keep the one there is.
    secret_access_key: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ObjectStoreDone")]
struct Done {}

async fn put_object_store(cx: Cx, request: PutRequest) -> ApiResult<Done> {
    is_whole(&cx)?;
    constraint::plain_name(&request.name, "an object store")?;
    request.settings.check()?;
    let secret = request.secret_access_key.as_deref();
    if secret.is_some_and(|secret| !(1..=MAX_SECRET).contains(&secret.len())) {
        return Err(ApiError::validation(format!(
            "a secret access key has 1 to {MAX_SECRET} characters"
        )));
    }
    let sealed = secret.map(|secret| cx.services.vault.seal(&context(&request.name), secret.as_bytes()));
    let (by, now) = (cx.caller().name.clone(), cx.now());
    cx.write(move |tx| {
        let before = sql::find(tx, &request.name)?;
        if before.is_none() && tx.count("SELECT count(*) FROM object_store", &[])? >= MAX_STORES {
            return Err(ApiError::validation(format!("there are {MAX_STORES} object stores already")));
        }
        // Another server must not be shown what was signed for the one before.
        let is_moved = before
            .as_ref()
            .is_some_and(|store| store.settings.endpoint != request.settings.endpoint);
        let kept = before.filter(|_| !is_moved).map(|store| store.sealed_secret);
        let sealed_secret = sealed.or(kept).ok_or_else(|| {
            ApiError::validation("`SecretAccessKey` is missing: it is given with a new store, and again when the endpoint changes")
        })?;
        tx.note(|notes| notes.detail = format!("`{}`: {}", request.name, request.settings.endpoint));
        sql::put(
            tx,
            &Store {
                name: request.name,
                settings: request.settings,
                sealed_secret,
                changed_by: by,
                changed_at: now,
            },
        )?;
        Ok(Done {})
    })
    .await
}

async fn delete_object_store(cx: Cx, request: NameRequest) -> ApiResult<Done> {
    is_whole(&cx)?;
    cx.write(move |tx| {
        find(tx, &request.name)?;
        sql::delete(tx, &request.name)?;
        tx.note(|notes| notes.detail = format!("`{}`", request.name));
        Ok(Done {})
    })
    .await
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "TestObjectStoreRequest")]
struct TestRequest {
    name: String,
    /// `BUCKET[/PREFIX]`; without, each of the store's places that is one bucket.
    place: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "TestObjectStoreResult")]
struct TestResult {
    places: Vec<TriedPlace>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "TriedObjectStorePlace")]
struct TriedPlace {
    place: String,
    purpose: Purpose,
    /// Why it does not work; absent when it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What a place is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ObjectStorePurpose")]
enum Purpose {
    Output,
    Download,
}

/// Writes a small object to each place for output and removes it, and lists what nodes may read.
async fn test_object_store(cx: Cx, request: TestRequest) -> ApiResult<TestResult> {
    is_whole(&cx)?;
    let name = request.name.clone();
    let store = cx.read(move |tx| find(tx, &name)).await?;
    let tried = places_to_test(&store, request.place.as_deref())?;
    cx.audit(Outcome::Done, format!("`{}`", store.name)).await?;
    let mut places = Vec::new();
    for (purpose, bucket, prefix) in tried {
        let tried = match purpose {
            Purpose::Output => try_out(&cx.services, &store, &bucket, &prefix).await,
            Purpose::Download => try_reading(&cx.services, &store, &bucket, &prefix).await,
        };
        let (place, error) = (format!("{bucket}/{prefix}").trim_end_matches('/').to_owned(), tried.err());
        places.push(TriedPlace { place, purpose, error });
    }
    Ok(TestResult { places })
}

/// *Errors*: `ValidationException` when none is one bucket, or the store is not used there.
fn places_to_test(store: &Store, wanted: Option<&str>) -> ApiResult<Vec<(Purpose, String, String)>> {
    let output = store.settings.output_places.iter().map(|place| (Purpose::Output, place));
    let download = store.settings.download_places.iter().map(|place| (Purpose::Download, place));
    let all = output.chain(download);
    let Some(wanted) = wanted else {
        let own =
            |(purpose, place): (Purpose, &Place)| place.only().map(|(bucket, prefix)| (purpose, bucket.to_owned(), prefix.to_owned()));
        let found: Vec<_> = all.filter_map(own).collect();
        return match found.is_empty() {
            true => Err(ApiError::validation(
                "none of the store's places is one bucket: say `Place`, the bucket to try",
            )),
            false => Ok(found),
        };
    };
    let (bucket, prefix) = wanted.split_once('/').unwrap_or((wanted, ""));
    let prefix = clean(prefix);
    let taking = all.filter(|(_, place)| place.takes(bucket, &prefix));
    let mut found: Vec<_> = taking.map(|(purpose, _)| (purpose, bucket.to_owned(), prefix.clone())).collect();
    found.dedup();
    match found.is_empty() {
        true => Err(ApiError::validation(
            "the store is not used there: `OutputPlaces` or `DownloadPlaces` must hold it",
        )),
        false => Ok(found),
    }
}

async fn try_reading(services: &Services, store: &Store, bucket: &str, prefix: &str) -> Result<(), String> {
    let client = Client::new(services, store, bucket).map_err(|failure| failure.why)?;
    client.look(prefix).await.map_err(|failure| failure.why)
}

async fn try_out(services: &Services, store: &Store, bucket: &str, prefix: &str) -> Result<(), String> {
    let client = Client::new(services, store, bucket).map_err(|failure| failure.why)?;
    let key = clean(&format!("{prefix}/{TEST_OBJECT}"));
    let written = client.put(&key, bytes::Bytes::from_static(b"roadstead\n")).await;
    written.map_err(|failure| failure.why)?;
    client
        .delete(&key)
        .await
        .map_err(|failure| format!("written, but not removed again: {}", failure.why))
}

/// *Errors*: `AccessDeniedException` for somebody who is narrowed to some nodes: stores are for the output of all.
pub fn is_whole(cx: &Cx) -> ApiResult<()> {
    cx.require_fleet("object stores are of the whole hub: a user or key that is narrowed to some nodes neither sees nor sets them")
}

/// *Errors*: `ResourceNotFoundException`.
fn find(tx: &Tx<'_>, name: &str) -> ApiResult<Store> {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    let missing = || ApiError::new("ResourceNotFoundException", format!("there is no object store `{shown}`"));
    sql::find(tx, name)?.ok_or_else(missing)
}

pub mod sql {
    use super::*;

    fn from_row(row: &Row<'_>) -> Result<Store, StoreError> {
        Ok(Store {
            name: row.get("name")?,
            settings: row.json("settings")?,
            sealed_secret: row.get("sealed_secret")?,
            changed_by: row.get("changed_by")?,
            changed_at: row.get("changed_at")?,
        })
    }

    pub fn find(tx: &Tx<'_>, name: &str) -> Result<Option<Store>, StoreError> {
        let sql = "SELECT name, settings, sealed_secret, changed_by, changed_at FROM object_store WHERE name = :name";
        tx.row(sql, &[(":name", name.into())], from_row)
    }

    pub fn list(tx: &Tx<'_>) -> Result<Vec<Store>, StoreError> {
        let sql = "SELECT name, settings, sealed_secret, changed_by, changed_at FROM object_store ORDER BY name";
        tx.rows(sql, &[], from_row)
    }

    /// When one was changed last.
    pub fn changed_at(tx: &Tx<'_>) -> Result<Option<Timestamp>, StoreError> {
        let found = tx.row("SELECT max(changed_at) AS at FROM object_store", &[], |row| row.get("at"))?;
        Ok(found.flatten())
    }

    pub fn put(tx: &Tx<'_>, store: &Store) -> Result<(), StoreError> {
        let params = [
            (":name", (&store.name).into()),
            (":settings", Value::json(&store.settings)),
            (":secret", store.sealed_secret.as_slice().into()),
            (":by", (&store.changed_by).into()),
            (":at", store.changed_at.into()),
        ];
        let sql = "INSERT INTO object_store (name, settings, sealed_secret, changed_by, changed_at)
                   VALUES (:name, :settings, :secret, :by, :at)
                   ON CONFLICT (name) DO UPDATE SET settings = excluded.settings, sealed_secret = excluded.sealed_secret,
                       changed_by = excluded.changed_by, changed_at = excluded.changed_at";
        tx.execute(sql, &params).map(|_| ())
    }

    pub fn delete(tx: &Tx<'_>, name: &str) -> Result<(), StoreError> {
        tx.execute("DELETE FROM object_store WHERE name = :name", &[(":name", name.into())])
            .map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(endpoint: &str) -> Settings {
        Settings {
            endpoint: endpoint.into(),
            region: "eu".into(),
            access_key_id: "AKIA".into(),
            ..Settings::default()
        }
    }

    #[test]
    fn an_endpoint_is_a_server_and_nothing_more() {
        for fine in [
            "https://s3.eu-west-1.amazonaws.com",
            "http://10.0.0.1:9000",
            "https://minio.example/",
        ] {
            assert!(settings(fine).check().is_ok(), "{fine}");
        }
        for wrong in [
            "",
            "minio.example",
            "https://minio.example/bucket",
            "https://a@minio.example",
            "ftp://x",
            "https://x/?a",
        ] {
            assert_eq!(settings(wrong).check().unwrap_err().code, "ValidationException", "{wrong}");
        }
        for (region, key) in [("", "AKIA"), ("eu/west", "AKIA"), ("eu", ""), ("eu", "a b"), ("eu", "a,b")] {
            let odd = Settings {
                region: region.into(),
                access_key_id: key.into(),
                ..settings("https://x")
            };
            assert!(odd.check().is_err(), "{region} {key}");
        }
    }
}
