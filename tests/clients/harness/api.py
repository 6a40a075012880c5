"""A signed client of the hub's API that shows the raw answer, for what boto3 would not send or would hide."""

import http.client
import json
import ssl
import threading
import time
import urllib.parse

from harness.sigv4 import sign

CONTENT_TYPE = "application/x-amz-json-1.1"
KEPT_FOR = 10
#: What requests are signed for, where it is not Systems Manager, by what stands before the operation.
SIGNED_FOR = {
    "AWSSecurityTokenServiceV20110615": "sts", "ResourceGroupsTaggingAPI_20170126": "tagging", "Ardi": "resource-groups",
    "Logs_20140328": "logs",
}


def joined(headers):
    """Headers by lower-case name; what comes more than once (cookies do) is one value of several lines."""
    found = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    return {name: "\n".join(values) for name, values in found.items()}


def session_cookie(headers):
    """`name=value` of the cookie that carries a login."""
    cookies = [line.split(";", 1)[0] for line in headers["set-cookie"].split("\n")]
    return next(cookie for cookie in cookies if cookie.startswith("roadstead_session="))


class Refused(Exception):
    """The hub answered with an error."""

    def __init__(self, status, body, headers):
        self.status, self.body, self.headers = status, body, headers
        try:
            answer = json.loads(body)
        except ValueError:
            answer = {}
        self.code = str(answer.get("__type", "")).rsplit("#", 1)[-1]
        self.message = answer.get("message") or answer.get("Message") or ""
        super().__init__(f"{status} {self.code}: {self.message or body[:300]!r}")


class Api:
    """One caller; a connection per thread is kept alive."""

    def __init__(self, url, key, secret, region="local", ca=None, timeout=60):
        parts = urllib.parse.urlsplit(url)
        self.tls = parts.scheme == "https"
        self.host, self.port = parts.hostname, parts.port
        self.authority = parts.netloc
        self.key, self.secret, self.region, self.timeout = key, secret, region, timeout
        self.context = ssl.create_default_context(cafile=ca) if self.tls else None
        self._local = threading.local()

    def ssm(self, operation, **members):
        return self._call("AmazonSSM", operation, members)

    def hub(self, operation, **members):
        return self._call("Roadstead", operation, members)

    def _call(self, service, operation, members):
        status, body, headers = self.raw(f"{service}.{operation}", json.dumps(members).encode())
        if status != 200:
            raise Refused(status, body, headers)
        return json.loads(body)

    def raw(self, target, body, *, signed=True, now=None, key=None, secret=None, headers=None, method="POST", path="/"):
        """(status, body, headers) of one request, whatever it is."""
        send = {"content-type": CONTENT_TYPE, "x-amz-target": target, **(headers or {})}
        if signed:
            service = SIGNED_FOR.get(target.split(".")[0], "ssm")
            send = sign(method, path, self.authority, send, body, key or self.key, secret or self.secret, self.region, service, now=now)
        return self.send(method, path, send, body)

    def send(self, method, path, headers, body=b""):
        for attempt in (0, 1):
            connection = self._connection(fresh=attempt == 1)
            try:
                connection.request(method, path, body=body, headers=headers)
                answer = connection.getresponse()
                return answer.status, answer.read(), joined(answer.getheaders())
            except (http.client.RemoteDisconnected, ConnectionError):
                # A kept connection may have been closed meanwhile; a fresh one that fails is an answer.
                self.close()
                if attempt or method != "GET" and not self._idempotent(headers):
                    raise
        raise AssertionError("unreachable")

    @staticmethod
    def _idempotent(headers):
        name = str(headers.get("x-amz-target", "")).rsplit(".", 1)[-1]
        return name.startswith(("List", "Describe", "Get", "Search", "Resolve"))

    def _connection(self, fresh):
        if time.monotonic() - getattr(self._local, "used", 0) > KEPT_FOR:
            # The hub hangs up on whoever is idle for long; what is no read must not meet that.
            self.close()
        self._local.used = time.monotonic()
        connection = None if fresh else getattr(self._local, "connection", None)
        if connection is None:
            if self.tls:
                connection = http.client.HTTPSConnection(self.host, self.port, timeout=self.timeout, context=self.context)
            else:
                connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
            self._local.connection = connection
        return connection

    def close(self):
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None
