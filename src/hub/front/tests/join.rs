//! The join line run as an operator runs it, against the hub, and against somebody who poses as the hub.
//!
//! The "binary" is a shell script that behaves like the agent as far as the join script can see.

mod impostor;

use std::path::{Path, PathBuf};
use std::process::Output;

use data_encoding::BASE64URL_NOPAD;
use tempfile::TempDir;

use super::support::{TestPort, soon};
use crate::hub::front::{Binaries, Limits, join};
use impostor::Impostor;

const HUB_KEY: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Says its version; judges a token; joins by writing what the agent writes; runs until it is told to stop.
const AGENT: &str = r#"#!/bin/sh
[ "$1" = version ] && { echo "roadstead 0.1.0"; exit 0; }
join=no
while [ $# -gt 0 ]; do
    case $1 in
        --join) join=yes; shift ;;
        --check) [ ! -f "$TMPDIR/astray" ] || { echo "the join token is cut short"; exit 2; }; exit 0 ;;
        --data) data=$2; shift ;;
    esac
    shift
done
if [ -f "$data/../asked" ] && [ ! -f "$data/../approved" ]; then
    mkdir -p "$data"
    echo "WARN the hub lets this agent in once somebody approves it (request jr-1); trying again"
    trap 'exit 0' TERM
    while [ ! -f "$data/../approved" ]; do sleep 0.05; done
    join=yes
fi
if [ "$join" = yes ]; then
    [ -f "$data/../refuse" ] && { echo "the activation is used up: make a new join line"; exit 1; }
    printf '{"addresses":["h:1"],"hub_key":"HUB_KEY","node_id":"mi-0123456789abcdef0"}' >"$data/hub.json"
    echo "INFO connected to the hub at h:1"
fi
trap 'exit 0' TERM
while :; do sleep 0.05; done
"#;

/// A node with a folder of its own; what was started on it is stopped when it is dropped.
struct Node {
    home: TempDir,
}

impl Node {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let tools = home.path().join("tools");
        std::fs::create_dir(&tools).unwrap();
        executable(&tools.join("sudo"), "#!/bin/sh\nexec \"$@\"\n");
        Self { home }
    }

    /// One where a user who is not root asks `sudo`.
    fn of_ann(sudo: &str) -> Self {
        let node = Self::new();
        let tool = |name: &str, script: &str| executable(&node.home.path().join("tools").join(name), &format!("#!/bin/sh\n{script}"));
        tool("id", "[ \"$1\" = -u ] && echo 1000 || echo ann\n");
        tool("sudo", sudo);
        node
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn installed(&self) -> bool {
        self.home.path().join("bin/roadstead").exists()
    }

    /// Runs a line in a shell, with the installation kept inside the node's folder.
    async fn run(&self, shell: &str, line: &str) -> Ran {
        let home = self.home.path().display();
        let places = format!("--bin-dir {home}/bin --data {home}/data --no-service");
        let line = line.replacen("--sums", &format!("{places} --sums"), 1);
        let line = line.replacen("--binary", &format!("{places} --binary"), 1);
        let path = format!("{home}/tools:{}", std::env::var("PATH").unwrap());
        let mut command = tokio::process::Command::new(shell);
        command
            .arg("-c")
            .arg(line)
            .current_dir(self.home.path())
            .env("PATH", path)
            .env("TMPDIR", self.home.path());
        command.env_remove("https_proxy").env_remove("HTTPS_PROXY").kill_on_drop(true);
        Ran::from(soon("the line's end", command.output()).await.unwrap())
    }

    fn agent_pid(&self) -> Option<String> {
        let pid = std::fs::read_to_string(self.data().join("agent.pid")).ok()?;
        Some(pid.trim().to_owned())
    }

    fn agent_runs(&self) -> bool {
        self.agent_pid().is_some_and(|pid| Path::new("/proc").join(pid).exists())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(pid) = self.agent_pid() {
            let _ = std::process::Command::new("kill").arg(pid).status();
        }
    }
}

struct Ran {
    ok: bool,
    said: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            ok: output.status.success(),
            said: String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
        }
    }
}

fn executable(path: &Path, content: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn token(hub_key: &str) -> String {
    let json = format!(r#"{{"addresses":["h:1"],"hub_key":"{hub_key}","activation_id":"x","activation_code":"y?>"}}"#);
    format!("rs1_{}", BASE64URL_NOPAD.encode(json.as_bytes()))
}

fn agent_program(folder: &Path) -> PathBuf {
    let program = folder.join("agent.sh");
    executable(&program, &AGENT.replace("HUB_KEY", HUB_KEY));
    program
}

/// A hub whose own binary is the made-up agent.
async fn hub() -> (TestPort, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let program = agent_program(folder.path());
    let port = TestPort::start_with(Limits::default(), |data| Binaries::with_own(program, data)).await;
    (port, folder)
}

async fn line(port: &TestPort) -> String {
    let addresses = ["127.0.0.1:9".to_owned(), port.address.to_string()];
    join::lines(&port.front.binaries, &addresses, &token(HUB_KEY)).await.online
}

#[tokio::test]
async fn the_line_joins_the_node_and_a_second_run_keeps_it() {
    let (port, _folder) = hub().await;
    let line = line(&port).await;
    for shell in ["sh", "bash"] {
        let node = Node::new();
        let ran = node.run(shell, &line).await;
        assert!(ran.ok && ran.said.contains("joined as mi-0123456789abcdef0"), "{}", ran.said);
        assert!(node.agent_runs());
        assert!(ran.said.contains("give your init system this line"), "{}", ran.said);

        let first = node.agent_pid();
        let again = node.run(shell, &line).await;
        assert!(
            again.ok && again.said.contains("has joined already, as mi-0123456789abcdef0"),
            "{}",
            again.said
        );
        assert!(node.agent_runs() && node.agent_pid() != first);
    }
}

#[tokio::test]
async fn a_user_who_is_not_root_gets_an_agent_of_their_own() {
    let (port, _folder) = hub().await;
    let node = Node::of_ann("echo asked for sudo\nexec \"$@\"\n");
    let ran = node.run("sh", &line(&port).await).await;
    assert!(ran.ok && ran.said.contains("asked for sudo"), "{}", ran.said);
    assert!(ran.said.contains("SUDO= before the line it all runs as ann"), "{}", ran.said);
    assert!(ran.said.contains("the agent will run as ann"), "{}", ran.said);
    assert!(ran.said.contains("(crontab -e)") && node.agent_runs(), "{}", ran.said);
}

#[tokio::test]
async fn a_user_whom_sudo_refuses_joins_as_themselves_when_told_so() {
    let (port, _folder) = hub().await;
    let node = Node::of_ann("echo ann is not in the sudoers file >&2\nexit 1\n");
    let refused = node.run("sh", &line(&port).await).await;
    assert!(!refused.ok && refused.said.contains("SUDO= before the line"), "{}", refused.said);
    let ran = node.run("sh", &format!("SUDO= {}", line(&port).await)).await;
    assert!(
        ran.ok && ran.said.contains("the agent will run as ann") && node.agent_runs(),
        "{}",
        ran.said
    );
}

/// The tools that a minimal system has, and these.
fn only_tools(node: &Node, more: &[&str]) -> String {
    let folder = node.home.path().join("few");
    std::fs::create_dir(&folder).unwrap();
    let base = "sh id mktemp rm sha256sum cut sed tr uname mkdir cp chmod mv cat grep sleep date base64 tail nohup setsid kill";
    for tool in base.split(' ').chain(more.iter().copied()) {
        let found = ["/usr/bin", "/bin"]
            .iter()
            .map(|dir| Path::new(dir).join(tool))
            .find(|path| path.exists());
        if let Some(found) = found {
            std::os::unix::fs::symlink(found, folder.join(tool)).unwrap();
        }
    }
    format!("PATH={} ", folder.display())
}

#[tokio::test]
async fn wget_will_do_where_there_is_no_curl() {
    if !Path::new("/usr/bin/wget").exists() {
        return;
    }
    let (port, _folder) = hub().await;
    let node = Node::new();
    let tools = only_tools(&node, &["wget"]);
    let ran = node.run("sh", &format!("{tools}SUDO= {}", line(&port).await)).await;
    assert!(ran.ok && ran.said.contains("joined as mi-0123456789abcdef0"), "{}", ran.said);
}

#[tokio::test]
async fn a_line_that_reaches_no_hub_says_so_and_what_to_look_at() {
    let (port, _folder) = hub().await;
    let astray = line(&port).await.replace(&port.address.to_string(), "127.0.0.1:10");
    for tools in [&["curl"][..], &["wget"], &[]] {
        let node = Node::new();
        let tools = only_tools(&node, tools);
        let ran = node.run("sh", &format!("{tools}{astray}")).await;
        let words = "roadstead: no hub answers at 127.0.0.1:9 127.0.0.1:10: is curl or wget here";
        assert!(!ran.ok && ran.said.contains(words), "{}", ran.said);
        assert!(!ran.said.contains("FAILED") && !ran.said.contains("sha256sum"), "{}", ran.said);
    }
}

#[tokio::test]
async fn a_node_that_must_be_approved_first_is_left_waiting_by_itself() {
    let (port, _folder) = hub().await;
    let node = Node::new();
    std::fs::write(node.home.path().join("asked"), "").unwrap();
    let ran = node.run("sh", &line(&port).await).await;
    assert!(ran.ok && ran.said.contains("roadstead join-request approve"), "{}", ran.said);
    assert!(
        ran.said.contains("agent status --data") && !ran.said.contains("what to check"),
        "{}",
        ran.said
    );
    assert!(node.agent_runs() && !node.data().join("hub.json").exists());
    std::fs::write(node.home.path().join("approved"), "").unwrap();
    let joined = async {
        while !node.data().join("hub.json").exists() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    soon("the join", joined).await;
}

#[tokio::test]
async fn an_installation_that_finds_no_room_leaves_nothing_behind() {
    let (port, _folder) = hub().await;
    let node = Node::new();
    // The script's own copies go into a temporary folder; the one that is to be installed finds the disk full.
    executable(
        &node.home.path().join("tools/cp"),
        "#!/bin/sh\ncase $2 in */bin/*) echo half >\"$2\"; echo 'cp: no space left on device' >&2; exit 1 ;; esac\nexec /bin/cp \"$@\"\n",
    );
    let ran = node.run("sh", &line(&port).await).await;
    assert!(!ran.ok && ran.said.contains("no space left"), "{}", ran.said);
    assert_eq!(std::fs::read_dir(node.home.path().join("bin")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let (port, _folder) = hub().await;
    let node = Node::new();
    let ran = node.run("sh", &line(&port).await.replace("--sums", "--dry-run --sums")).await;
    assert!(ran.ok && ran.said.contains("would install roadstead 0.1.0"), "{}", ran.said);
    assert!(!node.installed() && !node.data().exists());
}

#[tokio::test]
async fn a_refused_join_shows_why_and_starts_nothing() {
    let (port, _folder) = hub().await;
    let node = Node::new();
    std::fs::write(node.home.path().join("refuse"), "").unwrap();
    let ran = node.run("sh", &line(&port).await).await;
    assert!(!ran.ok && ran.said.contains("the activation is used up"), "{}", ran.said);
    assert!(ran.said.contains("what to check") && !node.agent_runs());
}

#[tokio::test]
async fn a_token_that_leads_nowhere_stops_no_agent() {
    let (port, _folder) = hub().await;
    let node = Node::new();
    assert!(node.run("sh", &line(&port).await).await.ok);
    let before = node.agent_pid();
    std::fs::write(node.home.path().join("astray"), "").unwrap();
    let ran = node.run("sh", &line(&port).await).await;
    assert!(!ran.ok && ran.said.contains("the join token is cut short"), "{}", ran.said);
    assert!(node.agent_runs() && node.agent_pid() == before);
}

#[tokio::test]
async fn an_agent_that_was_stopped_for_a_refused_join_is_started_again() {
    let (port, _folder) = hub().await;
    let node = Node::new();
    assert!(node.run("sh", &line(&port).await).await.ok);
    let before = node.agent_pid();
    std::fs::write(node.home.path().join("refuse"), "").unwrap();
    for line in [line(&port).await, line(&port).await.replace("--sums", "--rejoin --sums")] {
        let ran = node.run("sh", &line).await;
        assert!(
            !ran.ok && ran.said.contains("starting the agent that ran before again"),
            "{}",
            ran.said
        );
        assert!(node.agent_runs() && node.agent_pid() != before);
        assert!(node.data().join("hub.json").exists(), "the old data is back");
    }
}

#[tokio::test]
async fn a_node_of_another_hub_is_left_alone_until_told_to_rejoin() {
    let (port, _folder) = hub().await;
    let node = Node::new();
    assert!(node.run("sh", &line(&port).await).await.ok);
    let stranger = line(&port).await.replace(&token(HUB_KEY), &token(&HUB_KEY.replace('a', "b")));
    let refused = node.run("sh", &stranger).await;
    assert!(!refused.ok && refused.said.contains("belongs to another hub"), "{}", refused.said);
    let moved = node.run("sh", &stranger.replace("--sums", "--rejoin --sums")).await;
    assert!(moved.ok && moved.said.contains("joined as"), "{}", moved.said);
}

#[tokio::test]
async fn the_offline_line_takes_only_the_hubs_own_binary() {
    let (port, folder) = hub().await;
    let line = join::lines(&port.front.binaries, &[], &token(HUB_KEY)).await.offline;
    let node = Node::new();
    std::fs::write(node.home.path().join("join.sh"), join::script()).unwrap();
    executable(&node.home.path().join("roadstead"), "#!/bin/sh\ntouch ran\n");
    let refused = node.run("sh", &line).await;
    assert!(!refused.ok && refused.said.contains("not one of the hub's"), "{}", refused.said);
    assert!(!node.home.path().join("ran").exists());

    std::fs::copy(folder.path().join("agent.sh"), node.home.path().join("roadstead")).unwrap();
    let ran = node.run("sh", &line).await;
    assert!(ran.ok && ran.said.contains("joined as"), "{}", ran.said);

    let tampered = join::script().replace("set -eu", "set -u");
    std::fs::write(node.home.path().join("join.sh"), tampered).unwrap();
    let refused = node.run("sh", &line).await;
    assert!(!refused.ok && !refused.said.contains("joined already"), "{}", refused.said);
}

/// The hub's line, led astray to the impostor.
async fn astray(port: &TestPort, impostor: &Impostor) -> String {
    let line = line(port).await.replace("127.0.0.1:9 ", "");
    line.replace(&port.address.to_string(), &impostor.address)
}

#[tokio::test]
async fn a_man_in_the_middle_who_changes_the_script_runs_nothing() {
    let (port, _folder) = hub().await;
    let impostor = Impostor::between(&port, "/join.sh", "#!/bin/sh\ntouch owned\n").await;
    let node = Node::new();
    for shell in ["sh", "bash"] {
        let ran = node.run(shell, &astray(&port, &impostor).await).await;
        assert!(!ran.ok && ran.said.contains("FAILED"), "{}", ran.said);
        assert!(!node.home.path().join("owned").exists() && !node.installed());
    }
}

#[tokio::test]
async fn a_man_in_the_middle_who_changes_the_checksums_installs_nothing() {
    let (port, _folder) = hub().await;
    let sums = format!("{}  {}/roadstead\n", "0".repeat(64), Binaries::own_architecture());
    let impostor = Impostor::between(&port, "/binaries/SHA256SUMS", sums).await;
    let node = Node::new();
    let ran = node.run("sh", &astray(&port, &impostor).await).await;
    assert!(
        !ran.ok && ran.said.contains("is not the one this line was made for"),
        "{}",
        ran.said
    );
    assert!(!node.installed());
}

#[tokio::test]
async fn a_man_in_the_middle_who_changes_the_binary_installs_nothing() {
    let (port, _folder) = hub().await;
    let own = format!("/binaries/{}/roadstead", Binaries::own_architecture());
    let impostor = Impostor::between(&port, &own, "#!/bin/sh\ntouch owned\n").await;
    let node = Node::new();
    let ran = node.run("sh", &astray(&port, &impostor).await).await;
    assert!(!ran.ok && ran.said.contains("does not have the checksum"), "{}", ran.said);
    assert!(!node.installed() && !node.home.path().join("owned").exists());
}

#[tokio::test]
async fn a_node_of_another_architecture_hears_the_hubs_remedy() {
    let (port, _folder) = hub().await;
    let node = Node::new();
    executable(&node.home.path().join("tools/uname"), "#!/bin/sh\necho riscv64\n");
    let ran = node.run("sh", &line(&port).await).await;
    assert!(!ran.ok && ran.said.contains("DATA/binaries/riscv64/roadstead"), "{}", ran.said);
    assert!(!node.installed());
}

#[tokio::test]
async fn bad_arguments_are_named() {
    let node = Node::new();
    let script = node.home.path().join("join.sh");
    std::fs::write(&script, join::script()).unwrap();
    let script = script.display().to_string();
    for (arguments, words) in [
        ("", "the token is missing"),
        ("hello", "is not a join token"),
        ("rs1_a.b", "the token is damaged"),
        ("--frob rs1_x", "unknown option --frob"),
        ("--hub", "--hub takes a value"),
        ("rs1_a rs1_b", "more than one token"),
        ("--data '/a b' rs1_x", "the path /a b has characters"),
        ("rs1_x", "--hub and --sums are missing"),
        ("--hub 127.0.0.1:9 --sums 00 rs1_x", "no hub answers at 127.0.0.1:9"),
    ] {
        let ran = node.run("sh", &format!("sh {script} {arguments}")).await;
        assert!(!ran.ok && ran.said.contains(words), "{arguments}: {}", ran.said);
    }
    let help = node.run("sh", &format!("sh {script} --help")).await;
    assert!(
        help.ok && help.said.contains("--dry-run") && !help.said.contains("set -eu"),
        "{}",
        help.said
    );
}

#[test]
fn the_script_waits_for_words_that_the_agent_says() {
    let connected = include_str!("../../../agent/home/mod.rs");
    let waiting = include_str!("../../../agent/home/verdict.rs");
    for (said, words) in [(connected, "connected to the hub"), (waiting, "once somebody approves it")] {
        assert!(said.contains(words) && join::script().contains(&format!("'{words}'")), "{words}");
    }
}

#[tokio::test]
async fn the_script_is_clean_for_every_posix_shell() {
    let node = Node::new();
    let script = node.home.path().join("join.sh");
    std::fs::write(&script, join::script()).unwrap();
    for checker in [
        &["sh", "-n"][..],
        &["dash", "-n"],
        &["bash", "--posix", "-n"],
        &["busybox", "sh", "-n"],
        &["shellcheck", "-s", "sh"],
    ] {
        let mut command = std::process::Command::new(checker[0]);
        let Ok(output) = command.args(&checker[1..]).arg(&script).output() else {
            continue;
        };
        assert!(output.status.success(), "{checker:?}: {}", Ran::from(output).said);
    }
}
