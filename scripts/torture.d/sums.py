"""What has been counted: added up over rounds, threads and runs, and kept on disk."""

import json
import os
import sys
import threading
import time


class Sums:
    """`add` sums counts, `worst` keeps the largest figure, `broke` counts and tells a broken promise."""

    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()
        self.state = json.loads(path.read_text()) if path.exists() else {"counts": {}, "worst": {}, "broken": {}, "examples": []}
        self.began = time.monotonic()

    def add(self, **counts):
        with self.lock:
            for name, n in counts.items():
                self.state["counts"][name] = self.state["counts"].get(name, 0) + n

    def worst(self, **figures):
        with self.lock:
            for name, value in figures.items():
                self.state["worst"][name] = round(max(self.state["worst"].get(name, value), value), 3)

    def broke(self, what, example):
        print(f"BROKEN: {what}: {example}", file=sys.stderr, flush=True)
        with self.lock:
            self.state["broken"][what] = self.state["broken"].get(what, 0) + 1
            self.state["examples"] = (self.state["examples"] + [f"{what}: {example}"])[-20:]

    def round(self):
        """One more round is whole; the sums are safe on disk from here."""
        self.add(rounds=1)
        self.save()

    def save(self):
        with self.lock:
            now = time.monotonic()
            self.state["counts"]["seconds"] = round(self.state["counts"].get("seconds", 0) + now - self.began, 1)
            self.began = now
            new = self.path.with_suffix(".new")
            new.write_text(json.dumps(self.state))
            os.replace(new, self.path)

    def broken(self):
        return sum(self.state["broken"].values())

    def shown(self):
        return {**self.state["counts"], **{f"worst_{k}": v for k, v in self.state["worst"].items()}, "broken": self.state["broken"], "examples": self.state["examples"]}
