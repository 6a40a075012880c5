"""Moto, the Python mock of the API that many test suites use, when it is installed: the same requests, for the ratio."""

import contextlib
import os
import shutil
import socket
import subprocess
import types

from harness.process import free_port
from harness.wait import until


def find():
    return shutil.which("moto_server", path=os.pathsep.join(filter(None, [os.environ.get("MOTO_BIN"), os.environ.get("PATH")])))


@contextlib.contextmanager
def running():
    """Something to send signed requests to."""
    port = free_port()
    server = subprocess.Popen([find(), "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listens():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    try:
        until(listens, 30, "the mock listening")
        yield types.SimpleNamespace(port=port, key="testing", secret="testing", api=types.SimpleNamespace(authority=f"127.0.0.1:{port}"))
    finally:
        server.terminate()
        server.wait()
