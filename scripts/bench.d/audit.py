"""What the audit log costs a write: the same hub with its rows, and with a trigger that leaves them out, by turns."""

import sqlite3
import statistics

from harness.process import Bed
from load import repeat, signed, workers
from result import Probe, at_most

CLIENTS = 16
SECONDS = 1
ROUNDS = 25
LEAVE_OUT = "CREATE TRIGGER bench_leave_out BEFORE INSERT ON audit BEGIN SELECT RAISE(IGNORE); END"


def run(_options):
    with Bed(tag="bench") as hub, workers(CLIENTS) as pool:
        hub.api.ssm("PutParameter", Name="bench", Value="x", Type="String")
        members = {"ResourceType": "Parameter", "ResourceId": "bench", "Tags": [{"Key": "a", "Value": "b"}]}
        requests = [signed(hub, "AddTagsToResource", members)]

        # Short rounds, each beside one of the other kind: the disk is now quicker, now slower, for seconds at a time.
        def rate():
            return sum(len(part) for part in pool.map(repeat, [(hub.port, requests, SECONDS)] * CLIENTS, chunksize=1)) / SECONDS

        rate()
        with_rows, without = [], []
        for _ in range(ROUNDS):
            with_rows.append(rate())
            change(hub, LEAVE_OUT)
            without.append(rate())
            change(hub, "DROP TRIGGER bench_leave_out")
        figures = metrics(hub)
        each = figures["roadstead_audit_seconds_total"] / figures["roadstead_audit_rows_total"] * 1e6
        a, b = statistics.median(with_rows), statistics.median(without)
        price = statistics.median(1 - one / other for one, other in zip(with_rows, without))
        detail = f"{a:.0f}/s with, {b:.0f}/s without, median of {ROUNDS} pairs; {CLIENTS} clients; {each:.0f} us in the writer each"
        yield at_most("audit-price", price * 100, "%", 10, detail)


def change(hub, sql):
    database = sqlite3.connect(hub.data / "hub.db", timeout=30)
    database.execute(sql)
    database.commit()
    database.close()


def metrics(hub):
    lines = hub.get("/metrics")[1].decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))}


PROBES = [Probe("audit", ["audit-price"], run)]
