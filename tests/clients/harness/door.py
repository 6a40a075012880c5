"""One question at a node's own socket, by whoever runs this: it needs nothing that takes long to load."""

import http.client
import json
import socket


def ask(path, url, headers):
    """(status, what the answer holds)."""
    connection = http.client.HTTPConnection("agent")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(60)
    connection.sock.connect(str(path))
    connection.request("GET", url, headers=headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())
