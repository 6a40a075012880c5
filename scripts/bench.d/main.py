"""Runs probes and prints their figures; see scripts/bench."""

import argparse
import json
import resource
import signal
import sys
import traceback

import api_rate
import audit
import documents
import fleet
import footprint
import output
import parameters
import rights
import run_command
import search
import session
import signing
import tags
from result import Options

PROBES = [
    *run_command.PROBES, *footprint.PROBES, *session.PROBES, *api_rate.PROBES, *audit.PROBES, *documents.PROBES, *output.PROBES, *parameters.PROBES,
    *signing.PROBES, *fleet.PROBES,
    *rights.PROBES, *tags.PROBES, *search.PROBES,
]


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--with-peers", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--agents", type=int, default=10_000, help="simulated agents of the fleet probe")
    arguments = parser.parse_args()
    if arguments.list:
        for probe in PROBES:
            print(f"{probe.name:14} {' '.join(probe.figures)}")
        return 0
    # A terminated run still ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    chosen = [probe for probe in PROBES if wanted(probe, arguments.names)]
    if not chosen:
        parser.error(f"no probe is called {' or '.join(arguments.names)}; --list names them")
    good = True
    for probe in chosen:
        try:
            for one in probe.run(Options(arguments.with_peers, arguments.agents)):
                if arguments.names and not any(one.name.startswith(n) or probe.name.startswith(n) for n in arguments.names):
                    continue
                print(json.dumps(one.as_json()) if arguments.json else one.as_row(), flush=True)
                good &= one.ok is not False
        except Exception:
            good = False
            traceback.print_exc()
            print(f"probe {probe.name} broke off", file=sys.stderr)
    return 0 if good else 1


def wanted(probe, names):
    return not names or any(probe.name.startswith(n) or any(f.startswith(n) for f in probe.figures) for n in names)


if __name__ == "__main__":
    sys.exit(main())
