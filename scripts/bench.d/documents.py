"""Judging a document of 64 KB: LintDocument with one, and with a text of the same size that is only received and answered, so that
the difference is what parsing and checking cost."""

import json

from harness.measure import percentile
from harness.process import Bed
from load import repeat, signed
from result import Probe, at_most

SIZE = 64 * 1024


def document():
    """Steps of a plausible shape until the size is reached."""
    steps = []
    while True:
        number = len(steps)
        lines = [f"echo step {number} line {line} of the script, {{{{ name }}}}" for line in range(24)]
        step = {"action": "aws:runShellScript", "name": f"step{number}", "inputs": {"timeoutSeconds": 60, "runCommand": lines}}
        content = {"schemaVersion": "2.2", "description": "measured", "parameters": {
            "name": {"type": "String", "interpolationType": "ENV_VAR", "default": "x", "allowedPattern": "[a-z]{1,20}"}}, "mainSteps": [*steps, step]}
        if len(json.dumps(content, indent=1)) > SIZE or number == 50:
            return content if not steps else {**content, "mainSteps": steps}
        steps.append(step)


def yaml(content):
    lines = [f"schemaVersion: '{content['schemaVersion']}'", "description: measured", "parameters:", "  name:", "    type: String",
             "    interpolationType: ENV_VAR", "    default: x", "    allowedPattern: '[a-z]{1,20}'", "mainSteps:"]
    for step in content["mainSteps"]:
        lines += [f"- name: {step['name']}", f"  action: {step['action']}", "  inputs:", "    timeoutSeconds: 60", "    runCommand:"]
        lines += [f"    - {line}" for line in step["inputs"]["runCommand"]]
    return "\n".join(lines) + "\n"


def lint(hub, text, **members):
    return signed(hub, "LintDocument", {"Content": text, **members}, prefix="Roadstead")


def run(_options):
    content = document()
    with Bed(tag="bench") as hub:
        for name, text in (("json", json.dumps(content, indent=1)), ("yaml", yaml(content))):
            plain = lint(hub, text, DocumentType="ApplicationConfiguration", DocumentFormat="TEXT")
            judged = lint(hub, text, DocumentFormat=name.upper())
            for request in (plain, judged):
                repeat((hub.port, [request], 0.5))
            base, whole = (percentile(repeat((hub.port, [request], 3)), 50) * 1e3 for request in (plain, judged))
            detail = f"{len(text) >> 10} KiB, {len(content['mainSteps'])} steps; with the API's own {whole:.2f} ms"
            yield at_most(f"document-check-{name}", whole - base, "ms", 2, detail)


PROBES = [Probe("documents", ["document-check-json", "document-check-yaml"], run)]
