"""What a probe is, and what it gives back."""

import dataclasses
import typing


@dataclasses.dataclass
class Options:
    with_peers: bool
    agents: int


@dataclasses.dataclass
class Probe:
    name: str
    figures: list
    run: typing.Callable


@dataclasses.dataclass
class Figure:
    """One measured figure. `goal` is text such as `<= 20` or `<= 1.5 x peer`; `ok` follows from it."""

    name: str
    value: float
    unit: str
    goal: str
    ok: bool
    peer: typing.Optional[float] = None
    detail: str = ""

    def as_json(self):
        return {**dataclasses.asdict(self), "value": rounded(self.value), "peer": rounded(self.peer)}

    def as_row(self):
        verdict = {True: "ok", False: "MISSED", None: "-"}[self.ok]
        peer = "" if self.peer is None else f"peer {rounded(self.peer)}"
        return f"{self.name:28} {rounded(self.value):>10} {self.unit:10} {self.goal:16} {verdict:7} {peer:16} {self.detail}"


def at_most(name, value, unit, limit, detail="", peer=None):
    return Figure(name, value, unit, f"<= {limit:g}", value <= limit, peer, detail)


def at_least(name, value, unit, limit, detail="", peer=None):
    return Figure(name, value, unit, f">= {limit:g}", value >= limit, peer, detail)


def against(name, value, unit, factor, peer, recorded, detail, less=True):
    """Judged by a ratio to a peer: measured in this run, else the figure that docs/performance.md has recorded for it."""
    other = recorded if peer is None else peer
    ok = value <= factor * other if less else value >= factor * other
    if peer is None:
        detail = f"{detail}; judged by the recorded {recorded:g} {unit} of docs/performance.md, --with-peers measures it".lstrip("; ")
    else:
        detail = f"{value / peer:.2f} x; {detail}".rstrip("; ")
    return Figure(name, value, unit, f"{'<=' if less else '>='} {factor:g} x peer", ok, peer, detail)


def rounded(value):
    if value is None or isinstance(value, int):
        return value
    return round(value, 3 if abs(value) < 10 else 1)
