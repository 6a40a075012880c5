//! `aws:downloadContent`: files from a web server, a Git repository, an S3-compatible store or the hub, or a document of the hub.
//!
//! *Source*: AWS docs, "Command document plugin reference", aws:downloadContent.

use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use super::{Task, digest, git, http, place, tell};
use crate::agent::objects::received;
use crate::model::document::secrets::{Secrets, fill_value};
use crate::model::document::sources::{self, Source};
use crate::wire::objects::{FileFor, Granted, MAX_DOWNLOAD_BYTES};

pub fn run(task: &Task, objects: &[Granted]) -> Result<(), String> {
    let info = filled(task.map("sourceInfo")?, &task.secrets());
    let target = destination(task)?;
    match task.text("sourceType")? {
        "HTTP" => from_web(&info, text(&info, "url")?, "", &target),
        "S3" => from_store(&info, objects, &target),
        "Git" => git::fetch(task, &info, text(&info, "repository")?, "", &target),
        "GitHub" => {
            let repository = format!("https://github.com/{}/{}.git", text(&info, "owner")?, text(&info, "repository")?);
            git::fetch(task, &info, &repository, optional(&info, "path"), &target)
        }
        "SSMDocument" => from_document(task, &info, &target),
        sources::HUB => from_hub(task, &info, objects, &target),
        other => Err(format!(
            "sourceType `{other}` does not exist: use HTTP, S3, Git, GitHub, SSMDocument or Hub"
        )),
    }
}

fn filled(info: Map<String, Value>, secrets: &Secrets) -> Map<String, Value> {
    info.into_iter().map(|(name, value)| (name, fill_value(&value, secrets))).collect()
}

/// A path that is not absolute lies below the run's own downloads. One that is goes anywhere the agent's user may write, as
/// upstream's agent does it: who may send such a document has a shell in all but name, and the node lock counts it as one.
fn destination(task: &Task) -> Result<PathBuf, String> {
    fs::create_dir_all(&task.downloads).map_err(|error| format!("`{}` cannot be made: {error}", task.downloads.display()))?;
    let given = match task.inputs.get("destinationPath") {
        None | Some(Value::Null) => "",
        Some(Value::String(text)) => text.trim(),
        Some(other) => return Err(format!("input `destinationPath` must be a text, not `{other}`")),
    };
    if Path::new(given).components().any(|part| part == Component::ParentDir) {
        return Err(format!("destinationPath `{given}` must not lead upwards"));
    }
    Ok(task.downloads.join(given))
}

fn text<'m>(info: &'m Map<String, Value>, name: &str) -> Result<&'m str, String> {
    match optional(info, name) {
        "" => Err(format!("sourceInfo has no `{name}`")),
        text => Ok(text),
    }
}

pub(super) fn optional<'m>(info: &'m Map<String, Value>, name: &str) -> &'m str {
    info.get(name).and_then(Value::as_str).map(str::trim).unwrap_or_default()
}

pub(super) fn is_true(info: &Map<String, Value>, name: &str) -> bool {
    match info.get(name) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

/// The file's place: below a directory, or where a file is named.
fn file_in(target: &Path, name: &str) -> Result<PathBuf, String> {
    let is_folder = target.is_dir() || target.as_os_str().to_string_lossy().ends_with('/');
    let file = match is_folder {
        true => target.join(name),
        false => target.to_owned(),
    };
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(|error| format!("`{}` cannot be made: {error}", folder.display()))?;
    }
    Ok(file)
}

fn from_web(info: &Map<String, Value>, url: &str, when_refused: &str, target: &Path) -> Result<(), String> {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let name = path
        .rsplit('/')
        .next()
        .filter(|name| !name.is_empty() && !name.contains(':'))
        .unwrap_or("index.html");
    let file = file_in(target, name)?;
    let wanted = http::Wanted {
        url,
        login: login(info)?,
        is_insecure_fine: is_true(info, "allowInsecureDownload"),
        store: None,
        when_refused,
        most_bytes: MAX_DOWNLOAD_BYTES,
    };
    let size = http::fetch(&wanted, &file)?;
    tell(&format!("Content downloaded to {} ({size} bytes)", file.display()));
    Ok(())
}

/// Documents spell it in both ways.
pub(super) fn user(info: &Map<String, Value>) -> &str {
    match optional(info, "userName") {
        "" => optional(info, "username"),
        name => name,
    }
}

fn login(info: &Map<String, Value>) -> Result<http::Login, String> {
    match optional(info, "authMethod").to_ascii_lowercase().as_str() {
        "" | "none" => Ok(http::Login::None),
        "basic" => {
            let pair = format!("{}:{}", user(info), text(info, "password")?);
            Ok(http::Login::Basic(format!(
                "Basic {}",
                data_encoding::BASE64.encode(pair.as_bytes())
            )))
        }
        "digest" => Ok(http::Login::Digest(digest::Account {
            user: user(info).to_owned(),
            password: text(info, "password")?.to_owned(),
        })),
        _ => Err(format!(
            "authMethod `{}` does not exist: use None, Basic or Digest",
            optional(info, "authMethod")
        )),
    }
}

/// What to do about an object that the hub has not signed an address for.
const NOT_SIGNED: &str = "; it is not readable by everybody, and no object store of the hub takes this place: an administrator makes one with `roadstead object-store add … --readable BUCKET`";

/// A whole URL, or `s3://bucket/key`, perhaps with the `endpoint` of a store that speaks S3. What the hub has signed addresses for
/// is fetched by those; anything else must be readable by everybody or be signed in the URL.
fn from_store(info: &Map<String, Value>, objects: &[Granted], target: &Path) -> Result<(), String> {
    let path = text(info, "path")?;
    let source = Source::of(info);
    if let Some(granted) = objects.iter().find(|one| Some(&one.source) == source.as_ref()) {
        return granted_objects(info, granted, target);
    }
    let url = match (path.strip_prefix("s3://"), optional(info, "endpoint")) {
        (None, _) => path.to_owned(),
        (Some(_), "") => {
            return Err(format!(
                "`{path}` needs the `endpoint` of your store in sourceInfo, such as https://s3.example.net, or an object store of the hub that is readable for nodes"
            ));
        }
        (Some(rest), endpoint) => format!("{}/{rest}", endpoint.trim_end_matches('/')),
    };
    from_web(info, &url, NOT_SIGNED, target)
}

fn granted_objects(info: &Map<String, Value>, granted: &Granted, target: &Path) -> Result<(), String> {
    let mut left = MAX_DOWNLOAD_BYTES;
    for object in &granted.objects {
        let name = inner_name(&object.name)?;
        let file = match granted.is_folder {
            true => file_in(&target.join(name), "")?,
            false => file_in(target, name)?,
        };
        let wanted = http::Wanted {
            url: object.url.expose(),
            login: http::Login::None,
            is_insecure_fine: is_true(info, "allowInsecureDownload"),
            store: Some(http::Store {
                name: &granted.store,
                ca_pem: granted.ca_pem.as_deref(),
            }),
            when_refused: "",
            most_bytes: left,
        };
        let size = http::fetch(&wanted, &file)?;
        left -= size;
        tell(&format!("Content downloaded to {} ({size} bytes)", file.display()));
    }
    Ok(())
}

/// What the hub has sent along lies beside the run's downloads; another step of the document may want it too.
fn from_hub(task: &Task, info: &Map<String, Value>, objects: &[Granted], target: &Path) -> Result<(), String> {
    let path = text(info, "path")?;
    let source = Source::of_hub(info);
    let granted = objects.iter().find(|one| Some(&one.source) == source.as_ref());
    let granted = granted.ok_or_else(|| format!("the hub sent no file `{path}` along"))?;
    for object in &granted.objects {
        let name = inner_name(&object.name)?;
        let there = FileFor::place_in(object.url.expose()).ok_or("the hub named no place of the file")?;
        let file = match granted.is_folder {
            true => file_in(&target.join(name), "")?,
            false => file_in(target, name)?,
        };
        let received = fs::File::open(received(&task.downloads, there));
        let copied = received.and_then(|received| place::write(received, &file));
        let size = copied.map_err(|error| format!("`{}` cannot be written: {error}", file.display()))?;
        tell(&format!("Content downloaded to {} ({size} bytes)", file.display()));
    }
    Ok(())
}

/// The name of a file below a folder.
fn inner_name(name: &str) -> Result<&str, String> {
    let is_inside = !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    match is_inside {
        true => Ok(name),
        false => Err(format!(
            "an object is called `{}`, which is no file below a folder",
            name.escape_default()
        )),
    }
}

fn from_document(task: &Task, info: &Map<String, Value>, target: &Path) -> Result<(), String> {
    let name = text(info, "name")?;
    let content = task
        .documents
        .get(name)
        .ok_or_else(|| format!("the hub sent no document `{name}` along"))?;
    let file = file_in(target, &format!("{}.json", plain_name(name)))?;
    place::write(content.as_bytes(), &file).map_err(|error| format!("`{}` cannot be written: {error}", file.display()))?;
    tell(&format!("Content downloaded to {}", file.display()));
    Ok(())
}

/// A document's own name, from `NAME:VERSION` or an ARN.
fn plain_name(named: &str) -> &str {
    let name = named.rsplit_once("document/").map_or(named, |(_, name)| name);
    name.split(':').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;
    use crate::base::id::CommandId;
    use crate::wire::objects::Object;
    use serde_json::json;
    use std::collections::BTreeMap;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    fn task(downloads: &Path, inputs: Value) -> Task {
        Task {
            action: "aws:downloadContent".into(),
            inputs: inputs.as_object().unwrap().clone(),
            run: CommandId::random(),
            downloads: downloads.to_owned(),
            documents: BTreeMap::from([("Greet:2".into(), "{\"a\": 1}".into())]),
            depth: 0,
            settings: Default::default(),
            secrets: Default::default(),
            wants_objects: false,
        }
    }

    #[test]
    fn a_file_has_the_name_of_its_document() {
        for named in [
            "Setup",
            "Setup:2",
            "arn:aws:ssm:eu-west-1:000000000000:document/Setup",
            "arn:aws:ssm:eu-west-1:0:document/Setup:2",
        ] {
            assert_eq!(plain_name(named), "Setup");
        }
    }

    #[test]
    fn a_document_of_the_hub_becomes_a_file() {
        let folder = tempfile::tempdir().unwrap();
        run(
            &task(
                folder.path(),
                json!({"sourceType": "SSMDocument", "sourceInfo": "{\"name\": \"Greet:2\"}"}),
            ),
            &[],
        )
        .unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("Greet.json")).unwrap(), "{\"a\": 1}");
        let other = json!({"sourceType": "SSMDocument", "sourceInfo": {"name": "Other"}});
        assert!(run(&task(folder.path(), other), &[]).unwrap_err().contains("`Other`"));
    }

    const SIGNATURE: &str = "0badc0de0badc0de";

    /// A store that answers as it is told, once for each answer; what it was asked is what it ends with.
    fn store(answers: &'static [(&'static str, &'static str)]) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = std::thread::spawn(move || {
            let serve = |(status, body): &(&str, &str)| {
                let (mut line, mut request, mut piece) = (listener.accept().unwrap().0, Vec::new(), [0; 1024]);
                while !request.ends_with(b"\r\n\r\n") {
                    let read = line.read(&mut piece).unwrap();
                    request.extend_from_slice(&piece[..read]);
                }
                write!(line, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
                String::from_utf8(request).unwrap().lines().next().unwrap().to_owned()
            };
            answers.iter().map(serve).collect()
        });
        (url, serving)
    }

    fn granted(path: &str, is_folder: bool, objects: &[(&str, String)]) -> Granted {
        let object = |(name, url): &(&str, String)| Object {
            name: (*name).into(),
            url: Secret::new(format!("{url}?X-Amz-Signature={SIGNATURE}")),
        };
        Granted {
            source: Source {
                path: path.into(),
                endpoint: String::new(),
            },
            store: "minio".into(),
            is_folder,
            objects: objects.iter().map(object).collect(),
            ca_pem: None,
        }
    }

    fn from_s3(folder: &Path, path: &str, granted: &[Granted]) -> Result<(), String> {
        let inputs = json!({"sourceType": "S3", "sourceInfo": {"path": path, "allowInsecureDownload": true}});
        run(&task(folder, inputs), granted)
    }

    #[test]
    fn an_object_is_fetched_by_the_address_that_was_signed_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let (url, serving) = store(&[("200 OK", "whole")]);
        let others = granted("s3://tools/other", false, &[("other", "http://127.0.0.1:1".into())]);
        let own = granted("s3://tools/x/tool.sh", false, &[("tool.sh", format!("{url}/tools/x/tool.sh"))]);
        from_s3(folder.path(), " s3://tools/x/tool.sh ", &[others, own]).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("tool.sh")).unwrap(), "whole");
        let asked = serving.join().unwrap();
        assert_eq!(asked, [format!("GET /tools/x/tool.sh?X-Amz-Signature={SIGNATURE} HTTP/1.1")]);
    }

    #[test]
    fn a_folder_comes_with_its_inner_folders_and_names_lead_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let (url, serving) = store(&[("200 OK", "one"), ("200 OK", "two")]);
        let files = [
            ("a.part", format!("{url}/b/f/a.part")),
            ("deep/er/a", format!("{url}/b/f/deep/er/a")),
        ];
        from_s3(folder.path(), "s3://b/f/", &[granted("s3://b/f/", true, &files)]).unwrap();
        serving.join().unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("a.part")).unwrap(), "one");
        assert_eq!(fs::read_to_string(folder.path().join("deep/er/a")).unwrap(), "two");
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(folder.path().join("deep/er/a")).unwrap().permissions());
        assert_eq!(mode & 0o700, 0o700, "its owner can run it");
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            2,
            "nothing is left of what was under way"
        );
        for name in ["../x", "/etc/x", "a/../../x", ""] {
            let one = granted("s3://b/f/", true, &[(name, "http://127.0.0.1:1/".into())]);
            let refused = from_s3(folder.path(), "s3://b/f/", &[one]).unwrap_err();
            assert!(refused.contains("no file below a folder"), "{refused}");
        }
    }

    #[test]
    fn what_a_store_refuses_is_said_in_its_words_and_without_the_signature() {
        let folder = tempfile::tempdir().unwrap();
        const GONE: &str = "<Error><Code>NoSuchKey</Code><Message>it is not there</Message></Error>";
        let (url, serving) = store(&[("404 Not Found", GONE), ("307 Temporary Redirect", ""), ("403 Forbidden", "")]);
        let named = format!("`{url}/tools/x`");
        for expected in [
            format!("the object store `minio` answered 404 NoSuchKey to {named}: it is not there"),
            format!("the object store `minio` answered 307 to {named}"),
        ] {
            let one = granted("s3://tools/x", false, &[("x", format!("{url}/tools/x"))]);
            assert_eq!(from_s3(folder.path(), "s3://tools/x", &[one]).unwrap_err(), expected);
        }
        // What the hub signs nothing for is fetched as anybody could.
        let refused = from_s3(folder.path(), &format!("{url}/other/x"), &[]).unwrap_err();
        assert!(refused.contains("answered 403") && refused.contains("--readable"), "{refused}");
        assert_eq!(serving.join().unwrap()[2], "GET /other/x HTTP/1.1");
        for nowhere in ["http://127.0.0.1:1/x", "ftp://127.0.0.1/x", "https://127.0.0.1:1/x"] {
            let one = granted("s3://tools/x", false, &[("x", nowhere.to_owned())]);
            let refused = from_s3(folder.path(), "s3://tools/x", &[one]).unwrap_err();
            assert!(!refused.contains("X-Amz"), "{refused}");
        }
    }

    #[test]
    fn wrong_inputs_are_named() {
        let folder = tempfile::tempdir().unwrap();
        for (inputs, expected) in [
            (json!({"sourceType": "FTP", "sourceInfo": "{}"}), "`FTP` does not exist"),
            (json!({"sourceType": "HTTP", "sourceInfo": "{}"}), "no `url`"),
            (json!({"sourceType": "HTTP", "sourceInfo": "{"}), "not a map in JSON"),
            (
                json!({"sourceType": "HTTP", "sourceInfo": {"url": "http://127.0.0.1:1/x"}}),
                "allowInsecureDownload",
            ),
            (
                json!({"sourceType": "HTTP", "sourceInfo": {"url": "x"}, "destinationPath": "../up"}),
                "must not lead upwards",
            ),
            (
                json!({"sourceType": "HTTP", "sourceInfo": {"url": "x"}, "destinationPath": 5}),
                "`destinationPath` must be a text, not `5`",
            ),
            (
                json!({"sourceType": "S3", "sourceInfo": {"path": "s3://b/k"}}),
                "needs the `endpoint`",
            ),
            (
                json!({"sourceType": "Git", "sourceInfo": {"repository": "x", "getOptions": "tag:1"}}),
                "`branch:name`",
            ),
            (
                json!({"sourceType": "HTTP", "sourceInfo": {"url": "x", "authMethod": "NTLM"}}),
                "`NTLM` does not exist: use None, Basic or Digest",
            ),
        ] {
            let refused = run(&task(folder.path(), inputs), &[]).unwrap_err();
            assert!(refused.contains(expected), "{refused}");
        }
    }

    #[test]
    fn a_login_is_known_in_small_letters_and_its_user_in_either_spelling() {
        for member in ["username", "userName"] {
            let info = json!({"authMethod": "basic", member: "bob", "password": "word"});
            let Ok(http::Login::Basic(header)) = login(info.as_object().unwrap()) else {
                panic!("{member}");
            };
            assert_eq!(header, "Basic Ym9iOndvcmQ=");
        }
    }
}
