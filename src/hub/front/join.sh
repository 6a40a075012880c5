#!/bin/sh
# Joins this node to a Roadstead hub.
#
# It trusts nothing it has not checked. The line that started it verified this script; this script verifies the list of checksums
# (--sums, from the same line), and with that list the binary. So it does not matter who answers at the hub's address.
#
#   sh join.sh --hub HOST:PORT --sums SHA256 [OPTION…] TOKEN        fetches the binary from the hub
#   sh join.sh --binary FILE --sha256 HEX[,HEX…] [OPTION…] TOKEN    takes a binary that was carried here
#
#   --hub HOST:PORT     where to fetch from; may be repeated, the first that answers is used
#   --sums SHA256       what /binaries/SHA256SUMS of the hub must hash to
#   --binary FILE       install this file; nothing is fetched
#   --sha256 HEX,…      what FILE must hash to (one of them)
#   --data DIR          the agent's data (root: /var/lib/roadstead/agent, else ~/.local/state/roadstead/agent)
#   --bin-dir DIR       where the binary goes (root: /usr/local/bin, else ~/.local/bin)
#   --token-file FILE   read TOKEN from a file
#   --no-service        start the agent detached although systemd runs here
#   --rejoin            leave the hub that this node belongs to: its old data is set aside first
#   --dry-run           fetch and verify, say what would be done, change nothing
#
# Run it again to upgrade: a node that has joined already keeps its identity, gets the hub's binary and is restarted;
# commands that are running go on. A node that was removed from its hub joins it again, by a line that it has not joined by yet.
# Token and hub are judged before a running agent is stopped; when the join fails all the same, that agent is started again.
# Where the hub wants the join approved first, the agent is left to wait for that and goes on by itself.

set -eu

SERVICE=roadstead-agent
UNIT_FILE=/etc/systemd/system/$SERVICE.service
JOIN_SECONDS=30

say() { printf 'roadstead: %s\n' "$*"; }
warn() { printf 'roadstead: %s\n' "$*" >&2; }
die() {
    warn "$*"
    exit 1
}

unit() {
    cat <<'UNIT'
@AGENT_UNIT@
UNIT
}

main() {
    read_arguments "$@"
    check_arguments
    work=$(mktemp -d)
    trial='' stopped='' aside='' unfinished=''
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM

    if [ -n "$binary" ]; then
        take_binary
    else
        fetch_binary
    fi
    chmod 755 "$work/roadstead"
    version=$("$work/roadstead" version 2>&1) ||
        die "the binary does not run on this node ($(uname -m)): $version"
    check_token

    if [ "$dry_run" = yes ]; then
        say "would install $version as $target, data in $data"
        say "would $(describe_start)"
        exit 0
    fi
    check_membership
    stop_agent
    set_aside
    install_binary
    join
    stopped='' aside=''
    start_agent
}

# However this ends: an agent that was stopped for a join that came to nothing goes on as before.
clean_up() {
    set +e
    end_trial
    if [ -n "$aside" ]; then
        rm -rf "$data"
        mv "$aside" "$data"
    fi
    [ -z "$unfinished" ] || rm -f "$unfinished"
    [ -z "$stopped" ] || warn "starting the agent that ran before again"
    case $stopped in
        service) systemctl start "$SERVICE" ;;
        detached) launch ;;
    esac
    rm -rf "$work"
}

read_arguments() {
    hubs='' sums='' binary='' hashes='' data='' bin_dir='' token='' token_file=''
    service=yes rejoin=no dry_run=no
    while [ $# -gt 0 ]; do
        case $1 in
            --hub | --sums | --binary | --sha256 | --data | --bin-dir | --token-file)
                [ $# -ge 2 ] || die "$1 takes a value"
                ;;
        esac
        case $1 in
            --hub) hubs="$hubs $2" && shift ;;
            --sums) sums=$2 && shift ;;
            --binary) binary=$2 && shift ;;
            --sha256) hashes=$2 && shift ;;
            --data) data=$2 && shift ;;
            --bin-dir) bin_dir=$2 && shift ;;
            --token-file) token_file=$2 && shift ;;
            --no-service) service=no ;;
            --rejoin) rejoin=yes ;;
            --dry-run) dry_run=yes ;;
            -h | --help) usage ;;
            -*) die "unknown option $1; --help lists them" ;;
            *)
                [ -z "$token" ] || die "there is more than one token: $1"
                token=$1
                ;;
        esac
        shift
    done
}

usage() {
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
    exit 0
}

check_arguments() {
    if [ -n "$token_file" ]; then
        token=$(tr -d ' \t\r\n' <"$token_file") || die "the token file $token_file cannot be read"
    fi
    [ -n "$token" ] || die "the token is missing: it is the last word of the line that the hub printed"
    case $token in
        rs1_*[!A-Za-z0-9_-]* | rs1_) die "the token is damaged: copy the whole line again" ;;
        rs1_*) ;;
        *) die "$token is not a join token: it starts with rs1_" ;;
    esac
    for tool in sha256sum sed mktemp uname tr; do
        command -v "$tool" >/dev/null 2>&1 || die "this node has no $tool; install coreutils or busybox"
    done
    if [ "$(id -u)" = 0 ]; then
        : "${data:=/var/lib/roadstead/agent}" "${bin_dir:=/usr/local/bin}"
    else
        : "${HOME:?HOME is not set}"
        : "${data:=${XDG_STATE_HOME:-$HOME/.local/state}/roadstead/agent}" "${bin_dir:=$HOME/.local/bin}"
        service=no
        say "not root: the agent will run as $(id -un), and so will every command"
    fi
    # systemd is the first process exactly when this folder exists.
    [ -d /run/systemd/system ] || service=no
    data=$(absolute "$data")
    bin_dir=$(absolute "$bin_dir")
    target=$bin_dir/roadstead
}

# The path goes into a unit file and a start line, where spaces and quotes would need three kinds of care.
absolute() {
    case $1 in
        *[!A-Za-z0-9/._-]*) die "the path $1 has characters other than letters, digits, / . _ and -" ;;
        /*) printf '%s' "$1" ;;
        *) printf '%s' "$PWD/$1" ;;
    esac
}

sha256() { sha256sum <"$1" | cut -d ' ' -f 1; }

fetch() {
    if command -v curl >/dev/null 2>&1; then
        curl -fsSkg --retry 3 --connect-timeout 10 -o "$2" "$1"
    elif command -v wget >/dev/null 2>&1; then
        wget -q --no-check-certificate -O "$2" "$1"
    else
        die "this node has neither curl nor wget: carry the binary here and use --binary (the hub shows the line for it)"
    fi
}

fetch_binary() {
    if [ -z "$hubs" ] || [ -z "$sums" ]; then
        die "--hub and --sums are missing (or --binary and --sha256, without a network)"
    fi
    found=''
    for hub in $hubs; do
        if fetch "https://$hub/binaries/SHA256SUMS" "$work/SHA256SUMS"; then
            found=$hub
            break
        fi
    done
    [ -n "$found" ] || die "no hub answers at$hubs: check the name, the port, a firewall between, and a proxy in https_proxy"
    [ "$(sha256 "$work/SHA256SUMS")" = "$sums" ] ||
        die "the list of checksums from $found is not the one this line was made for: either the hub has other binaries by now (make a new line) or somebody answers in its place. Nothing was installed."

    case $(uname -m) in
        amd64) architecture=x86_64 ;;
        arm64) architecture=aarch64 ;;
        *) architecture=$(uname -m) ;;
    esac
    expected=$(sed -n "s|^\([0-9a-f]\{64\}\)  $architecture/roadstead\$|\1|p" "$work/SHA256SUMS")
    url=https://$found/binaries/$architecture/roadstead
    [ -n "$expected" ] || refuse_architecture
    say "fetching the binary for $architecture from $found"
    fetch "$url" "$work/roadstead" || die "the binary could not be fetched from $url"
    [ "$(sha256 "$work/roadstead")" = "$expected" ] ||
        die "the binary from $found does not have the checksum it should have. Nothing was installed."
}

# The hub knows why it has none, and says so.
refuse_architecture() {
    words=''
    if command -v curl >/dev/null 2>&1; then
        words=$(curl -sSkg --connect-timeout 10 --max-filesize 10000 "$url" 2>/dev/null | tr -cd '[:print:]' || true)
    fi
    die "${words:-this hub has no binary for $architecture: put one into DATA/binaries/$architecture/roadstead on the hub, then make a new join line}"
}

take_binary() {
    [ -n "$hashes" ] || die "--sha256 is missing: without it the file cannot be checked"
    [ -f "$binary" ] || die "there is no file $binary: carry the binary here, or name it with --binary"
    cp "$binary" "$work/roadstead"
    actual=$(sha256 "$work/roadstead")
    case ",$hashes," in
        *",$actual,"*) ;;
        *) die "$binary has the checksum $actual, which is not one of the hub's. Nothing was installed." ;;
    esac
}

node_id() {
    [ -f "$data/hub.json" ] || return 0
    sed -n 's/.*"node_id" *: *"\(mi-[0-9a-f]\{17\}\)".*/\1/p' "$data/hub.json"
}

# A field of the token, which is JSON in base64url without padding.
token_field() {
    body=$(printf '%s' "${token#rs1_}" | tr '_-' '/+')
    while [ $((${#body} % 4)) -ne 0 ]; do body="$body="; done
    printf '%s' "$body" | base64 -d 2>/dev/null | sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p"
}

# Whether the token is whole, and whether the hub that it is for answers with the right key.
check_token() {
    "$work/roadstead" serve --agent --join "$token" --check >"$work/log" 2>&1 ||
        explain "this line's token does not lead to its hub, so nothing was changed"
}

# Sets `before` to the id this node has at the hub already, if it has one.
check_membership() {
    before=$(node_id)
    if [ -z "$before" ] || [ "$rejoin" = yes ]; then
        return 0
    fi
    key=$(token_field hub_key)
    if [ -n "$key" ] && ! grep -q "$key" "$data/hub.json"; then
        die "this node belongs to another hub, as $before: run the line again with --rejoin in front of the token to leave it"
    fi
}

set_aside() {
    if [ -z "$before" ] || [ "$rejoin" = no ]; then
        return 0
    fi
    old=$data.$(date +%Y%m%d%H%M%S)
    mv "$data" "$old"
    aside=$old
    say "set the old data of $before aside: $old"
    before=''
}

install_binary() {
    mkdir -p "$bin_dir"
    # Never into the running file: it is replaced in one step.
    unfinished=$target.new.$$
    cp "$work/roadstead" "$unfinished"
    chmod 755 "$unfinished"
    mv -f "$unfinished" "$target"
    unfinished=''
    say "installed $version as $target"
}

# Runs the agent once in front of us, until the hub has let it in, so that a refusal is seen here and now. What has to be approved
# first may take days: the agent has noted its token then, and waits without us.
join() {
    mkdir -p "$data"
    chmod 700 "$data"
    ROADSTEAD_LOG=info ROADSTEAD_LOG_FORMAT=text "$target" serve --agent --join "$token" --data "$data" \
        </dev/null >"$work/log" 2>&1 &
    trial=$!
    began=$(date +%s)
    until grep -q 'connected to the hub' "$work/log"; do
        if grep -q 'once somebody approves it' "$work/log"; then
            end_trial
            request=$(sed -n 's/.*join-request approve \(jr-[0-9a-z]*\).*/\1/p' "$work/log" | tail -n 1)
            say "the hub lets this node in once somebody approves it, in the console or by: roadstead join-request approve ${request:-ID}"
            say "the key to compare with the request's is shown by: $target agent status --data $data"
            return 0
        fi
        kill -0 "$trial" 2>/dev/null || explain "the agent could not join"
        [ $(($(date +%s) - began)) -lt "$JOIN_SECONDS" ] ||
            explain "the hub did not let the agent in within $JOIN_SECONDS seconds"
        pause
    done
    end_trial
    node=$(node_id)
    [ -n "$node" ] || explain "the agent noted no node id in $data/hub.json"
    if [ "$node" = "$before" ]; then
        say "this node has joined already, as $node; its binary is up to date now"
    else
        say "joined as $node"
    fi
}

end_trial() {
    [ -n "$trial" ] || return 0
    kill "$trial" 2>/dev/null || true
    wait "$trial" 2>/dev/null || true
    trial=''
}

pause() { sleep 0.1 2>/dev/null || sleep 1; }

explain() {
    warn "$1. It said:"
    tail -n 15 "$work/log" | sed 's/^/    /' >&2
    cat >&2 <<'HELP'
roadstead: what to check:
    name    does the hub's name resolve here?                    getent hosts HUB
    port    is its port open from here?                          curl -k https://HUB:7400/healthz
    time    is the clock right? a token expires                  date -u
    proxy   the agent dials the hub directly, without a proxy
    token   used up, expired, deleted, or the one by which a removed node had joined: make a new line
HELP
    exit 1
}

describe_start() {
    if [ "$service" = yes ]; then
        printf 'install and start the systemd unit %s' "$UNIT_FILE"
    else
        printf 'start the agent detached: %s' "$(start_line)"
    fi
}

start_line() { printf '%s serve --agent --data %s' "$target" "$data"; }

detached_pid() {
    [ -f "$data/agent.pid" ] || return 0
    pid=$(tr -cd 0-9 <"$data/agent.pid")
    if [ -n "$pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q -- 'serve --agent'; then
        printf '%s' "$pid"
    fi
}

stop_agent() {
    if [ "$service" = yes ] && [ -f "$UNIT_FILE" ]; then
        case $(systemctl is-active "$SERVICE" || true) in
            active | activating | reloading) stopped=service ;;
        esac
        systemctl stop "$SERVICE" || true
    fi
    pid=$(detached_pid)
    [ -n "$pid" ] || return 0
    kill "$pid" 2>/dev/null || true
    began=$(date +%s)
    while kill -0 "$pid" 2>/dev/null; do
        [ $(($(date +%s) - began)) -lt 20 ] || die "the running agent (process $pid) does not stop"
        pause
    done
    stopped=detached
}

start_agent() {
    if [ "$service" = yes ]; then
        start_service
    else
        start_detached
    fi
}

start_service() {
    unit | sed -e "s|@BINARY@|$target|g" -e "s|@DATA@|$data|g" >"$UNIT_FILE.new"
    chmod 644 "$UNIT_FILE.new"
    mv -f "$UNIT_FILE.new" "$UNIT_FILE"
    systemctl daemon-reload
    systemctl enable --quiet "$SERVICE"
    systemctl restart "$SERVICE"
    systemctl is-active --quiet "$SERVICE" || die "the service does not run: see journalctl -u $SERVICE"
    say "$SERVICE.service runs: systemctl status $SERVICE"
}

# Sets `pid` and `log`.
launch() {
    log=$data/agent.log
    (
        cd /
        # Its own session: it outlives this terminal.
        if command -v setsid >/dev/null 2>&1; then
            exec setsid "$target" serve --agent --data "$data" </dev/null >>"$log" 2>&1
        fi
        exec nohup "$target" serve --agent --data "$data" </dev/null >>"$log" 2>&1
    ) &
    pid=$!
    printf '%s\n' "$pid" >"$data/agent.pid"
    sleep 1
    kill -0 "$pid" 2>/dev/null
}

start_detached() {
    launch || die "the agent ended at once: see $log"
    say "the agent runs as process $pid, its log is $log"
    say "to start it at boot, give your init system this line:"
    if [ "$(id -u)" = 0 ]; then
        say "    $(start_line)"
        say "or cron, in /etc/crontab:"
        say "    @reboot root $(start_line)"
    else
        say "    @reboot $(start_line)        (crontab -e)"
    fi
}

main "$@"
