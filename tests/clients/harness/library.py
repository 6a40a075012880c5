"""Runs documents of the library on one node."""

from harness.wait import until


class Library:
    def __init__(self, ssm, node):
        self.ssm, self.node = ssm, node

    def send(self, document, **parameters):
        given = {key: [str(value)] for key, value in parameters.items()}
        return self.ssm.send_command(DocumentName=document, InstanceIds=[self.node], Parameters=given)["Command"]["CommandId"]

    def ended(self, command, seconds=120):
        def over():
            (one,) = self.ssm.list_command_invocations(CommandId=command, InstanceId=self.node, Details=True)["CommandInvocations"] or [None]
            return one if one and one["Status"] not in ("Pending", "InProgress", "Delayed") else None

        return until(over, seconds, f"{command} ending")

    def __call__(self, document, fails=False, within=120, **parameters):
        """What it has printed; it must succeed, or fail when that is expected."""
        ended = self.ended(self.send(document, **parameters), within)
        output = "\n".join(plugin["Output"] for plugin in ended["CommandPlugins"])
        assert ended["Status"] == ("Failed" if fails else "Success"), output
        return output

    def twice(self, document, **parameters):
        """It changes something, and the same again changes nothing."""
        assert "changed:" in (first := self(document, **parameters)).replace("unchanged:", ""), first
        second = self(document, **parameters)
        assert "unchanged:" in second and "changed:" not in second.replace("unchanged:", ""), second
