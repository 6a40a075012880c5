"""Parameter Store over keep-alive connections, and how many times as fast it is as a mock of the API in Python."""

import contextlib

import peer_moto
from harness.measure import percentile
from harness.process import Bed
from load import repeat, signed, spread, workers
from result import Probe, against, at_least, at_most

MANY = 100_000
PUTS = 20_000
SECONDS = 4
#: Of the comparison with the mock; what it was seen to do a second, in docs/performance.md.
TURNS, CONNECTIONS = 2, (8, 64, 128)
RECORDED = {"put": 199, "get": 242, "by-path": 104}


def run(_options):
    with Bed(tag="bench-parameters") as hub:
        for clients, goal in ((8, 1500), (64, 4000)):
            rate, latencies = puts(hub, clients)
            yield at_least(f"put-parameter-{clients}", rate, "1/s", goal, f"durable, p99 {percentile(latencies, 99) * 1e3:.1f} ms")
        hub.api.ssm("PutParameter", Name="/plain", Value="v" * 64, Type="String")
        hub.api.ssm("PutParameter", Name="/secret", Value="v" * 64, Type="SecureString")
        plain, _ = gets(hub, 8, "GetParameter", {"Name": "/plain"})
        yield at_least("get-parameter-8", plain, "1/s", 8000, "8 clients on this machine's cores too")
        secret, _ = gets(hub, 8, "GetParameter", {"Name": "/secret", "WithDecryption": True})
        yield at_most("get-secret-to-plain", plain / secret, "x", 1.2, f"{secret:.0f}/s decrypted, audited")
        fill(hub)
        pages = [{"Path": f"/bench/many/f{n * 37 % (MANY // 20)}", "MaxResults": 10} for n in range(200)]
        _, latencies = gets(hub, 1, "GetParametersByPath", *pages)
        yield at_most("by-path-p99", percentile(latencies, 99) * 1e3, "ms", 3, f"10 of {MANY} parameters")


def run_against_mock(options):
    """Both by the same client in the same run, by turns, each with the number of connections that it does best with: the mock answers
    one request at a time, the hub puts what is on its way at once into one commit."""
    with contextlib.ExitStack() as stack:
        hub = stack.enter_context(Bed(tag="bench-mock"))
        mock = stack.enter_context(peer_moto.running()) if options.with_peers and peer_moto.find() else None
        for operation, recorded in RECORDED.items():
            ours, theirs = {}, {}
            for turn in range(TURNS):
                for clients in CONNECTIONS:
                    keep_best(ours, clients, spread(hub, asked(hub, operation, 6000, f"{turn}-{clients}"), clients)[0])
                    if mock:
                        keep_best(theirs, clients, spread(mock, asked(mock, operation, 400, f"{turn}-{clients}"), clients, refused=[])[0])
            rate, clients = max((rate, clients) for clients, rate in ours.items())
            peer = max(theirs.values()) if theirs else None
            name = f"{operation}-to-mock"
            yield against(name, rate, "1/s", 40, peer, recorded, f"best of {TURNS} turns, {clients} connections", less=False)


def keep_best(rates, clients, rate):
    rates[clients] = max(rate, rates.get(clients, 0))


def asked(hub, operation, count, place):
    """That many requests; those that read find what was put under the same place."""
    bodies = {
        "put": lambda n: ("PutParameter", {"Name": f"/mock/{place}/p{n}", "Value": "v" * 64, "Type": "String"}),
        "get": lambda n: ("GetParameter", {"Name": f"/mock/{place}/p{n % 400}"}),
        "by-path": lambda n: ("GetParametersByPath", {"Path": f"/mock/{place}", "MaxResults": 10}),
    }
    return [signed(hub, *bodies[operation](n)) for n in range(count)]


def puts(hub, clients):
    names = [f"/bench/c{clients}/f{n % 300}/p{n}" for n in range(PUTS)]
    requests = [signed(hub, "PutParameter", {"Name": name, "Value": "v" * 64, "Type": "String"}) for name in names]
    return spread(hub, requests, clients)


def fill(hub):
    requests = [
        signed(hub, "PutParameter", {"Name": f"/bench/many/f{n % (MANY // 20)}/p{n}", "Value": "v" * 64, "Type": "String"})
        for n in range(MANY)
    ]
    spread(hub, requests, 64)


def gets(hub, clients, operation, *bodies):
    """For some seconds the same requests over and over."""
    requests = [signed(hub, operation, body) for body in bodies]
    with workers(clients) as pool:
        parts = pool.map(repeat, [(hub.port, requests, SECONDS)] * clients, chunksize=1)
    latencies = [one for part in parts for one in part]
    return len(latencies) / SECONDS, latencies


FIGURES = ["put-parameter-8", "put-parameter-64", "get-parameter-8", "get-secret-to-plain", "by-path-p99"]
PROBES = [Probe("parameters", FIGURES, run), Probe("mock", [f"{operation}-to-mock" for operation in RECORDED], run_against_mock)]
