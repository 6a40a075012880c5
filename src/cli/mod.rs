//! The face of the program: parse, run one verb, end with a documented exit code.
//!
//! `serve` and `up` start the two processes; every other verb is a client of the hub's API ([`client`]) under the
//! credentials that [`context`] finds. One file per verb or noun; [`output`] prints all of them. Only this module uses
//! `anyhow` and writes to stdout. The program starts on one thread: the agent's helper must be forked before any other
//! thread exists, and a client needs no more.

mod args;
mod channel;
mod client;
mod config;
mod connection;
mod context;
mod data;
mod diff;
mod each;
mod failure;
mod follow;
mod groups;
mod in_use;
mod lines;
mod live;
mod offline;
mod oidc;
mod output;
mod pace;
mod progress;
mod prompt;
mod rows;
mod shell;
mod steps;
mod structured;
mod tag;
mod text;
mod trust;
mod url;

mod access_key;
mod activation;
mod admin;
mod agent;
mod api;
mod approval;
mod audit;
mod audit_shipping;
mod aws_env;
mod command;
mod completions;
mod document;
mod freeze;
mod group;
mod how;
mod hub_key;
mod join_line;
mod join_request;
mod key;
mod limits;
mod lock;
mod login;
mod login_rule;
mod login_session;
mod login_steps;
mod logs;
mod node;
mod notify;
mod object_store;
mod param;
mod policy;
mod rights;
mod role;
mod run;
mod search;
mod serve;
mod session;
mod setup_link;
mod sign;
mod ssh;
mod up;
mod user;
mod version;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::cli::failure::{Exit, Failure};
use crate::cli::output::Show;

/// AWS Systems Manager, self-hosted: hub, agent and operator's command line in one binary
#[derive(Parser)]
#[command(name = "roadstead", version, max_term_width = 110, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    show: Show,
    #[command(subcommand)]
    verb: Verb,
}

const EXIT_CODES: &str = "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 denied, 5 conflict, 6 partly failed, 7 time-out, \
8 unreachable, 130 interrupted";

#[derive(Subcommand)]
enum Verb {
    /// Start a hub and the agent of this host, as you, until Ctrl-C
    Up(up::UpArgs),
    /// Run the hub, or with --agent the agent, in the foreground
    Serve(serve::ServeArgs),
    #[command(flatten)]
    Client(ClientVerb),
    /// The agent of this node, seen from the node itself
    #[command(subcommand)]
    Agent(agent::AgentVerb),
    /// What no hub may do on this node; local, without a hub
    #[command(subcommand)]
    Lock(lock::LockVerb),
    /// Print the version
    Version,
    /// What the agent runs a step of a document in
    #[command(hide = true)]
    AgentStep { file: std::path::PathBuf },
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
}

/// The verbs that talk to a hub.
#[derive(Subcommand)]
enum ClientVerb {
    /// Print the one-time link that makes the first admin
    SetupLink(setup_link::SetupLinkArgs),
    /// Log in to a hub: pins its identity and makes a key for this device
    Login(login::LoginArgs),
    /// Print what points aws-cli, boto3 and other SDKs at the hub
    AwsEnv(aws_env::AwsEnvArgs),
    /// Make a line that joins a new node
    JoinLine(join_line::JoinLineArgs),
    /// Permissions to join
    #[command(subcommand)]
    Activation(activation::ActivationVerb),
    /// Systems that wait to be let in
    #[command(subcommand, visible_alias = "join-requests")]
    JoinRequest(join_request::JoinRequestVerb),
    /// Managed nodes
    #[command(subcommand, visible_alias = "nodes")]
    Node(node::NodeVerb),
    /// Run a command on nodes and show its output
    Run(Box<run::RunArgs>),
    /// Commands that were sent
    #[command(subcommand, visible_alias = "commands")]
    Command(command::CommandVerb),
    /// Output of commands as log groups and streams
    #[command(subcommand)]
    Logs(logs::LogsVerb),
    /// Documents: what nodes can be told to do
    #[command(subcommand, visible_alias = "documents")]
    Document(document::DocumentVerb),
    /// Sign a command or a shell as an operator, for nodes that ask for it
    Sign(sign::SignArgs),
    /// Open a shell on a node
    Ssh(ssh::SshArgs),
    /// Shell sessions
    #[command(subcommand, visible_alias = "sessions")]
    Session(session::SessionVerb),
    /// Parameters and secrets
    #[command(subcommand, visible_alias = "parameter")]
    Param(param::ParamVerb),
    /// Keys that secrets are sealed under
    #[command(subcommand)]
    Key(key::KeyVerb),
    /// Access keys of programs
    #[command(subcommand)]
    AccessKey(access_key::AccessKeyVerb),
    /// The audit log: who did what, and proof of it
    #[command(subcommand)]
    Audit(audit::AuditVerb),
    /// Users of this hub
    #[command(subcommand, visible_alias = "users")]
    User(user::UserVerb),
    /// Roles: named sets of policies
    #[command(subcommand, visible_alias = "roles")]
    Role(role::RoleVerb),
    /// Policies: what is allowed and what is denied
    #[command(subcommand, visible_alias = "policies")]
    Policy(policy::PolicyVerb),
    /// Groups of nodes
    #[command(subcommand, visible_alias = "groups")]
    Group(group::GroupVerb),
    /// Tags over all resources, and rules about them
    #[command(subcommand, visible_alias = "tags")]
    Tag(tag::TagVerb),
    /// How many nodes one command may reach
    #[command(subcommand)]
    Limits(limits::LimitsVerb),
    /// Commands that wait for a second person
    #[command(subcommand, visible_alias = "approvals")]
    Approval(approval::ApprovalVerb),
    /// Stop everything that the hub would do to nodes, and go on
    #[command(subcommand)]
    Freeze(freeze::FreezeVerb),
    /// Where the hub sends notifications: webhooks, mail, ntfy
    #[command(subcommand, visible_alias = "channels")]
    Channel(channel::ChannelVerb),
    /// Where the output of commands may go: stores that speak S3
    #[command(subcommand, visible_alias = "object-stores")]
    ObjectStore(object_store::ObjectStoreVerb),
    /// Who may do this to that
    WhoCan(rights::WhoCanArgs),
    /// Why you (or a user) may, or may not, do this to that
    Why(rights::WhyArgs),
    /// Logins of people to the console
    #[command(subcommand, visible_alias = "login-sessions")]
    LoginSession(login_session::LoginSessionVerb),
    /// What the logins of a role's users must bring
    #[command(subcommand)]
    LoginRule(login_rule::LoginRuleVerb),
    /// Single sign-on by OpenID Connect, and who comes in by it
    #[command(subcommand)]
    Oidc(oidc::OidcVerb),
    /// What only the hub's own shell may do
    #[command(subcommand)]
    Admin(admin::AdminVerb),
    /// The key by which agents know the hub: change it
    #[command(subcommand)]
    HubKey(hub_key::HubKeyVerb),
    /// Call one operation of the API and print its answer
    Api(api::ApiArgs),
}

/// Parses the arguments, runs the verb, says what went wrong.
pub fn main() -> ExitCode {
    let cli = arguments();
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let (code, text) = failure::explain(&error);
            if let Some(text) = text {
                output::say(&text);
            }
            ExitCode::from(code)
        }
    }
}

/// Read on a thread of their own: the thousands of pieces of memory this takes and frees go with its end, instead of lying about in
/// the heap that the agent's helper, and with it every step host, is forked with.
fn arguments() -> Cli {
    const STACK_BYTES: usize = 8 * 1024 * 1024;
    let thread = std::thread::Builder::new().name("arguments".into()).stack_size(STACK_BYTES);
    match thread.spawn(Cli::parse).map(std::thread::JoinHandle::join) {
        Ok(Ok(cli)) => cli,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        // No thread can be had: it works without as well.
        Err(_) => Cli::parse(),
    }
}

fn dispatch(cli: Cli) -> Result<()> {
    let show = cli.show;
    if matches!(cli.verb, Verb::Serve(_) | Verb::Up(_) | Verb::Completions(_)) {
        show.check_is_plain("what this verb prints")?;
    }
    match cli.verb {
        Verb::Serve(args) => serve::run(args),
        Verb::Up(args) => on_one_thread(up::run(args)),
        Verb::Agent(verb) => agent::run(verb, &show),
        Verb::Lock(verb) => lock::run(verb, &show),
        Verb::Version => version::run(&show),
        Verb::AgentStep { file } => match crate::agent::inline::main(&file) {
            0 => Ok(()),
            code => Err(Failure::silent(Exit::Remote(code)).into()),
        },
        Verb::Completions(args) => completions::run(args),
        Verb::Client(verb) => on_one_thread(client(verb, &show)),
    }
}

async fn client(verb: ClientVerb, show: &Show) -> Result<()> {
    match verb {
        ClientVerb::SetupLink(args) => setup_link::run(args, show).await,
        ClientVerb::Login(args) => login::run(args).await,
        ClientVerb::AwsEnv(args) => aws_env::run(args, show).await,
        ClientVerb::JoinLine(args) => join_line::run(args, show).await,
        ClientVerb::Activation(verb) => activation::run(verb, show).await,
        ClientVerb::JoinRequest(verb) => join_request::run(verb, show).await,
        ClientVerb::Node(verb) => node::run(verb, show).await,
        ClientVerb::Run(args) => run::run(*args, show).await,
        ClientVerb::Command(verb) => command::run(verb, show).await,
        ClientVerb::Logs(verb) => logs::run(verb, show).await,
        ClientVerb::Document(verb) => document::run(verb, show).await,
        ClientVerb::Sign(args) => sign::run(args, show).await,
        ClientVerb::Ssh(args) => {
            show.check_is_plain("a shell")?;
            ssh::run(args).await
        }
        ClientVerb::Session(verb) => session::run(verb, show).await,
        ClientVerb::Param(verb) => param::run(verb, show).await,
        ClientVerb::Key(verb) => key::run(verb, show).await,
        ClientVerb::AccessKey(verb) => access_key::run(verb, show).await,
        ClientVerb::Audit(verb) => audit::run(verb, show).await,
        ClientVerb::User(verb) => user::run(verb, show).await,
        ClientVerb::Role(verb) => role::run(verb, show).await,
        ClientVerb::Policy(verb) => policy::run(verb, show).await,
        ClientVerb::Group(verb) => group::run(verb, show).await,
        ClientVerb::Tag(verb) => tag::run(verb, show).await,
        ClientVerb::Limits(verb) => limits::run(verb, show).await,
        ClientVerb::Approval(verb) => approval::run(verb, show).await,
        ClientVerb::Freeze(verb) => freeze::run(verb, show).await,
        ClientVerb::Channel(verb) => channel::run(verb, show).await,
        ClientVerb::ObjectStore(verb) => object_store::run(verb, show).await,
        ClientVerb::WhoCan(args) => rights::who_can(args, show).await,
        ClientVerb::Why(args) => rights::why(args, show).await,
        ClientVerb::LoginSession(verb) => login_session::run(verb, show).await,
        ClientVerb::LoginRule(verb) => login_rule::run(verb, show).await,
        ClientVerb::Oidc(verb) => oidc::run(verb, show).await,
        ClientVerb::Admin(verb) => admin::run(verb, show).await,
        ClientVerb::HubKey(verb) => hub_key::run(verb, show).await,
        ClientVerb::Api(args) => api::run(args, show).await,
    }
}

/// Runs a verb to its end. What still waits then (a read of stdin, say) is left behind.
fn on_one_thread(verb: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(verb);
    runtime.shutdown_background();
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_verbs_and_their_options_fit_together() {
        Cli::command().debug_assert();
    }

    fn parses(line: &str) -> bool {
        Cli::try_parse_from(line.split(' ')).is_ok()
    }

    #[test]
    fn what_is_needed_is_asked_for_and_what_clashes_is_refused() {
        for good in [
            "roadstead run --node a -- uptime",
            "roadstead run --tag role=web,env=prod --script x.sh -o json",
            "roadstead node tag web env=prod old-",
            "roadstead ssh web",
            "roadstead ssh --resume admin-00000000000000001",
            "roadstead join-line --tags a=b,c=d --count 20 --expires 2h -o json",
            "roadstead run --node a --document AWS-RunShellScript --param commands=id --param commands=uptime",
            "roadstead document create x x.yaml --attach a.sh=hub://a.sh --attach y/1/b.sh --requires y --requires z:2 --target-type /",
            "roadstead document update x x.yaml --default --display-name X --version-name two --attach hub://a.sh",
            "roadstead document delete x --version 1",
            "roadstead document show x --at 1",
            "roadstead document show x --version 1",
            "roadstead document list --owner self --type COMMAND",
            "roadstead document review approve x --version 2 --comment fine",
            "roadstead node list --sort -name --filter status=online",
            "roadstead up --listen 127.0.0.1:0",
            "roadstead audit verify --data /var/lib/roadstead --against head.json",
            "roadstead audit list --filter node=web",
            "roadstead lock set --no-shell --no-root=false --allow-document AWS-RunShellScript --operator-class shell",
            "roadstead user create ann --role operator --scope-tag env=dev",
            "roadstead policy attach p --role web",
            "roadstead why ssm:StartSession web",
            "roadstead why --request 0123",
            "roadstead param put /app/db --secret --file x --overwrite",
            "roadstead param exec --path /app --decrypt -- env",
            "roadstead key rotate alias/aws/ssm",
        ] {
            assert!(parses(good), "{good}");
        }
        for bad in [
            "roadstead run -- uptime",
            "roadstead run --node a",
            "roadstead run --node a --tag b=c -- uptime",
            "roadstead run --node a --document x -- uptime",
            "roadstead ssh",
            "roadstead join-line --count 0",
            "roadstead serve --join x",
            "roadstead document list --owner nobody",
            "roadstead document create x x.yaml --attach https://example.org/a.sh",
            "roadstead document update x x.yaml --requires y",
            "roadstead document review amend x",
            "roadstead policy attach p",
            "roadstead why ssm:StartSession",
            "roadstead group create g --node a --rule tag:b",
        ] {
            assert!(!parses(bad), "{bad}");
        }
    }
}
