"""Tags over many resources: a search among a hundred thousand, and ten thousand of them changed at once."""

import concurrent.futures
import time

from harness.measure import percentile
from harness.process import Bed
from load import signed, spread
from result import Probe, at_most

MANY = 100_000
CHANGED = 10_000
#: As the console does it.
BATCH, PARALLEL, PAGE = 250, 2, 1000
ROUNDS = 60


def run(_options):
    with Bed(tag="bench-tags") as hub:
        fill(hub)
        times = [took(lambda n=n: found(hub, {"Key": "team", "Values": [f"t{n % 100}"]})) for n in range(ROUNDS)]
        yield at_most("tag-search-p99", percentile(times, 99) * 1e3, "ms", 50, f"a page of 100 of 1,000 that match, among {MANY}")
        narrow = [{"Key": "team", "Values": ["t7"]}, {"Key": "env", "Values": ["prod"]}]
        times = [took(lambda: found(hub, *narrow)) for _ in range(ROUNDS)]
        yield at_most("tag-search-two-p99", percentile(times, 99) * 1e3, "ms", 50, "by two keys, one of which half of them have")
        times = [took(lambda n=n: searched(hub, tokens(team=f"t{n % 100}"))) for n in range(ROUNDS)]
        yield at_most("tag-editor-p99", percentile(times, 99) * 1e3, "ms", 50, "the console's search, with the count of all that match")
        began = time.perf_counter()
        resources = matching(hub, tokens(band="b3"))
        read = time.perf_counter() - began
        assert len(resources) == CHANGED, len(resources)
        change(hub, resources)
        whole = time.perf_counter() - began
        assert searched(hub, tokens(owner="me"))["Total"] == CHANGED
        yield at_most("bulk-tag", whole, "s", 3, f"{CHANGED} resources, read in {read:.2f} s, then in steps of {BATCH}")


def took(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def fill(hub):
    def tags(n):
        pairs = {"team": f"t{n % 100}", "band": f"b{n % 10}", "env": "prod" if n % 2 else "test"}
        return [{"Key": key, "Value": value} for key, value in pairs.items()]

    requests = [
        signed(hub, "PutParameter", {"Name": f"/bench/f{n % (MANY // 20)}/p{n}", "Value": "v", "Type": "String", "Tags": tags(n)})
        for n in range(MANY)
    ]
    spread(hub, requests, 64)


def tokens(**tags):
    return {"Terms": [{"Key": f"tag:{key}", "Op": "eq", "Value": value} for key, value in tags.items()]}


def found(hub, *filters):
    answer = hub.api._call("ResourceGroupsTaggingAPI_20170126", "GetResources", {"TagFilters": filters, "ResourcesPerPage": 100})
    assert len(answer["ResourceTagMappingList"]) == 100, answer
    return answer


def searched(hub, filter, **more):
    return hub.api.hub("SearchResources", Filter=filter, **more)


def matching(hub, filter):
    resources, token = [], None
    while True:
        page = searched(hub, filter, MaxResults=PAGE, **({"NextToken": token} if token else {}))
        resources += page["Resources"]
        token = page.get("NextToken")
        if token is None:
            return resources


def change(hub, resources):
    def send(part):
        changes = [
            {"ResourceType": one["ResourceType"], "ResourceId": one["ResourceId"], "Set": [{"Key": "owner", "Value": "me"}], "Remove": ["band"]}
            for one in part
        ]
        answer = hub.api.hub("ChangeTags", Changes=changes)
        assert answer["Changed"] == len(part), answer

    parts = [resources[at:at + BATCH] for at in range(0, len(resources), BATCH)]
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(send, parts))


FIGURES = ["tag-search-p99", "tag-search-two-p99", "tag-editor-p99", "bulk-tag"]
PROBES = [Probe("tags", FIGURES, run)]
