"""Runs one promise for a time and sums its rounds; see scripts/torture."""

import argparse
import json
import os
import pathlib
import resource
import signal
import sys
import time

import floods
import kills
import lines
import loads
from sums import Sums

PROMISES = {**kills.PROMISES, **lines.PROMISES, **loads.PROMISES, **floods.PROMISES}


def main():
    parser = argparse.ArgumentParser(prog="scripts/torture")
    parser.add_argument("name", choices=sorted(PROMISES))
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--agents", type=int, help="how many agents, where a promise has many")
    parser.add_argument("--sums", action="store_true")
    parser.add_argument("--fresh", action="store_true")
    arguments = parser.parse_args()
    folder = pathlib.Path(os.environ["TORTURE_STATE"])
    state = folder / f"{arguments.name}.json"
    if arguments.fresh:
        state.unlink(missing_ok=True)
    sums = Sums(state)
    if not arguments.sums:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        deadline = time.monotonic() + arguments.minutes * 60
        try:
            PROMISES[arguments.name](sums, deadline, arguments.agents)
        except KeyboardInterrupt:
            print("stopped; what was counted is kept", file=sys.stderr)
        finally:
            sums.save()
    print(json.dumps({"promise": arguments.name, **sums.shown()}, indent=1))
    return 1 if sums.broken() else 0


if __name__ == "__main__":
    sys.exit(main())
