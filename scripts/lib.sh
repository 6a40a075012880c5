# shellcheck shell=bash
# What the scripts beside this file share: where things lie, how a missing tool is installed, when a step can be left out.
# Sourced, never run. Every step says what it does; a step with nothing to do says nothing and costs next to nothing.
# `|| return` stands where a failure must end a function: a caller that tests the function's result switches `set -e` off in it.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"

say() { printf '\033[2m==>\033[0m %s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}
[ -t 2 ] || say() { printf '==> %s\n' "$*" >&2; }

# --- the machine ---------------------------------------------------------------------------------------------------

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "this needs root and there is no sudo: $*"
    fi
}

APT_UPDATED=
# apt_install PACKAGE...: installs Debian packages; the lists are fetched at most once a run.
apt_install() {
    command -v apt-get >/dev/null || die "please install by hand (no apt-get on this machine): $*"
    say "installing $* with apt-get"
    mkdir -p "$(target_dir)"
    # One at a time: what is fetched ahead goes on beside this. Nothing that a package starts holds the lock.
    (
        flock 9
        [ -n "$APT_UPDATED" ] || as_root apt-get update -qq >&2 9>&- || exit
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2 9>&-
    ) 9>"$(target_dir)/.apt.lock" || return
    APT_UPDATED=1
}

# need COMMAND PACKAGE...: the command is there afterwards.
need() {
    local command=$1
    shift
    command -v "$command" >/dev/null || apt_install "$@"
}

need_rust() {
    if ! command -v cargo >/dev/null && [ -x "$HOME/.cargo/bin/cargo" ]; then
        PATH="$HOME/.cargo/bin:$PATH"
        export PATH
    fi
    command -v cargo >/dev/null || die "there is no cargo here: install a Rust toolchain ($(rust_wanted) or newer), then run this again"
    local have
    have=$(rustc --version | cut -d' ' -f2)
    [ "$(printf '%s\n%s\n' "$(rust_wanted)" "$have" | sort -V | head -n1)" = "$(rust_wanted)" ] ||
        die "rustc is $have, but $(rust_wanted) or newer is needed: update the toolchain (\`rustup update stable\`)"
    need gcc gcc libc6-dev
}

rust_wanted() { sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml; }

need_node() {
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        die "there is no node or npm here: install Node.js 20.19 or newer, then run this again"
    fi
    local have
    have=$(node --version | tr -d v)
    [ "$(printf '%s\n20.19.0\n' "$have" | sort -V | head -n1)" = 20.19.0 ] || die "node is $have, but 20.19 or newer is needed"
}

# --- where cargo puts things ---------------------------------------------------------------------------------------

# The target that gives a static binary on this CPU; .cargo/config.toml has the flags of both.
triple() {
    case $(uname -m) in
        x86_64) echo x86_64-unknown-linux-gnu ;;
        aarch64) echo aarch64-unknown-linux-gnu ;;
        *) die "no static build is set up for $(uname -m); .cargo/config.toml lists the targets" ;;
    esac
}

target_dir() { echo "${CARGO_TARGET_DIR:-$ROOT/target}"; }

# --- leaving out what is done --------------------------------------------------------------------------------------

# hash_of PATH...: one hash over the names and contents of all files below the paths (generated folders left out).
hash_of() {
    find "$@" \( -name node_modules -o -name dist -o -name test-results -o -name .venv -o -name __pycache__ \) -prune -o -type f -print0 |
        LC_ALL=C sort -z | xargs -0 -r sha256sum | sha256sum | cut -d' ' -f1
}

# is_fresh STAMP HASH: whether the step that wrote the stamp has seen exactly this input.
is_fresh() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

# npm_ci FOLDER: installs what the folder's lock file says, when it has changed.
npm_ci() {
    local folder=$1 hash
    need_node
    hash=$(hash_of "$folder/package.json" "$folder/package-lock.json")
    if ! is_fresh "$folder/node_modules/.stamp" "$hash"; then
        say "$folder: npm ci"
        npm --prefix "$folder" ci --no-audit --no-fund --loglevel=error >&2 || return
        echo "$hash" >"$folder/node_modules/.stamp"
    fi
}

# build_web SCRIPT: runs that npm script (\`build\` or \`build:release\`) when a source of the console has changed.
build_web() {
    local script=$1 hash
    # A release build packs the page.
    has_page() { [ -f web/dist/index.html ] || [ -f web/dist/index.html.br ]; }
    npm_ci web || return
    hash="$script $(hash_of web)"
    # A release build serves a test as well; the other way round it would not be packed.
    if [ "$script" = build ] && is_fresh web/node_modules/.stamp-dist "build:release ${hash#* }" && has_page; then
        return
    fi
    if ! is_fresh web/node_modules/.stamp-dist "$hash" || ! has_page; then
        say "web: npm run $script"
        rm -f web/node_modules/.stamp-dist
        npm --prefix web run --silent "$script" >&2 || return
        # Taken again, because a build writes generated sources (the theme).
        echo "$script $(hash_of web)" >web/node_modules/.stamp-dist
    fi
}

VENV=$ROOT/tests/clients/.venv
# need_venv: boto3, aws-cli and pytest, exactly as tests/clients/requirements.txt pins them.
need_venv() {
    local hash python
    python=$(command -v python3 || true)
    [ -n "$python" ] || {
        apt_install python3 python3-venv
        python=$(command -v python3)
    }
    hash="$(hash_of tests/clients/requirements.txt) $("$python" --version)"
    if ! is_fresh "$VENV/.stamp" "$hash" || ! "$VENV/bin/python" -c 'import boto3' 2>/dev/null; then
        "$python" -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
        say "tests/clients: installing boto3, aws-cli and pytest into a virtual environment"
        rm -rf "$VENV"
        "$python" -m venv "$VENV" || return
        "$VENV/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps -r tests/clients/requirements.txt >&2 || return
        echo "$hash" >"$VENV/.stamp"
    fi
}
