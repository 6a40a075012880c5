"""What other sites, old links and odd paths try against the console and the set-up; and the algorithms of the port."""

import http.client
import json
import socket
import subprocess
import sys

import pytest

from harness.process import ADMIN, ADMIN_PASSWORD, Hub
from harness.websocket import Refused, WebSocket

LIVE = "roadstead.live.v1"
TYPE = "application/x-amz-json-1.1"


class Browser:
    """What a page can make a browser send: its cookie comes along, headers of ours only from our own pages."""

    def __init__(self, hub, cookie=""):
        self.hub, self.cookie, self.csrf = hub, cookie, ""

    def post(self, target, members, origin=None, path="/", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.hub.port, timeout=60)
        send = {"content-type": TYPE, "x-amz-target": target, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.cookie:
            send["cookie"] = self.cookie
        if origin:
            send["origin"] = origin
        connection.request("POST", path, json.dumps(members), send)
        answer = connection.getresponse()
        body = answer.read()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie" and value.startswith("roadstead_session="):
                self.cookie = value.split(";")[0]
        connection.close()
        try:
            return answer.status, json.loads(body)
        except ValueError:
            return answer.status, body

    def login(self):
        status, answer = self.post("Roadstead.Login", {"UserName": ADMIN, "Password": ADMIN_PASSWORD}, origin=self.hub.http)
        assert status == 200, answer
        self.csrf = answer["CsrfToken"]
        return self


@pytest.fixture(scope="module")
def browser(hub):
    return Browser(hub).login()


FOREIGN = ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example"]


@pytest.mark.parametrize("origin", FOREIGN)
def test_another_site_changes_nothing_although_the_cookie_comes_along(hub, browser, origin):
    for csrf in ("", browser.csrf):
        headers = {"x_roadstead_csrf": csrf} if csrf else {}
        status, answer = browser.post("Roadstead.CreateAccessKey", {"Description": "x"}, origin=origin, **headers)
        assert (status, answer["__type"]) == (400, "AccessDeniedException"), answer


def test_a_form_of_another_site_changes_nothing(hub, browser):
    """A form cannot set our headers; the browser says from where it comes."""
    for headers in ({"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}, {}):
        status, answer = browser.post("Roadstead.CreateAccessKey", {"Description": "x"}, **headers)
        assert (status, answer["__type"]) == (400, "AccessDeniedException"), answer
    connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=20)
    body = "Action=CreateAccessKey&Description=x"
    connection.request("POST", "/", body, {"content-type": "application/x-www-form-urlencoded", "cookie": browser.cookie})
    assert connection.getresponse().status in (400, 403, 404, 415)
    connection.close()


@pytest.mark.parametrize("origin", [*FOREIGN, None])
def test_another_site_opens_no_websocket(hub, browser, origin):
    headers = {"Cookie": browser.cookie, **({"Origin": origin} if origin else {})}
    with pytest.raises(Refused) as refused:
        WebSocket(f"ws://127.0.0.1:{hub.port}/live", LIVE, headers)
    assert refused.value.status in (400, 401, 403)


def test_the_consoles_own_page_opens_it(hub, browser):
    WebSocket(f"ws://127.0.0.1:{hub.port}/live", LIVE, {"Cookie": browser.cookie, "Origin": hub.http}).close()


@pytest.mark.parametrize("path", ["/", "/setup", "/login", "/nodes", "/healthz", "/assets/absent.js"])
def test_nothing_is_shown_in_a_frame_of_somebody_else(hub, path):
    _, _, headers = hub.get(path)
    policy = headers.get("content-security-policy", "")
    assert "frame-ancestors 'none'" in policy or headers.get("x-frame-options", "").upper() == "DENY", (path, headers)
    assert headers.get("x-content-type-options") == "nosniff", path


def test_a_session_cannot_be_chosen_in_advance(hub):
    """Whoever plants a cookie before the login must not have the session after it."""
    planted = "roadstead_session=" + "a" * 64
    victim = Browser(hub, planted).login()
    assert victim.cookie != planted
    status, answer = Browser(hub, planted).post("Roadstead.GetCaller", {}, origin=hub.http)
    assert (status, answer["__type"]) == (400, "MissingAuthenticationTokenException")
    first = victim.cookie
    victim.login()
    assert victim.cookie != first, "each login is another session"


def test_logging_out_ends_the_session_for_whoever_has_its_cookie(hub):
    leaving = Browser(hub).login()
    cookie = leaving.cookie
    status, _ = leaving.post("Roadstead.Logout", {}, origin=hub.http, x_roadstead_csrf=leaving.csrf)
    assert status == 200
    _, answer = Browser(hub, cookie).post("Roadstead.GetCaller", {}, origin=hub.http)
    assert answer["__type"] == "MissingAuthenticationTokenException"


SETUP_PATHS = [
    "/", "/setup", "/setup/", "//setup", "/setup/..;/", "/./setup", "/%2e/setup", "/%2e%2e/setup", "/setup%2f", "/SETUP", "/setup;a=b",
    "/login/../setup", "/setup%00", "/api", "/api/", "//api", "/api/..;/", "/%61pi",
]


@pytest.mark.parametrize("path", SETUP_PATHS)
def test_set_up_does_not_come_back_by_another_path(hub, path):
    """There is an administrator: whatever the path, no second first one is made."""
    before = len(hub.api.hub("ListAccessKeys")["AccessKeys"])
    token = "0" * 40
    members = {"Token": token, "UserName": "mallory", "Password": "a long enough password"}
    with socket.create_connection(("127.0.0.1", hub.port), 20) as line:
        body = json.dumps(members).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{hub.port}\r\nContent-Type: {TYPE}\r\nX-Amz-Target: Roadstead.CreateFirstAdmin\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        line.sendall(head.encode() + body)
        answer = b""
        while piece := line.recv(65536):
            answer += piece
    status = int(answer.split(b" ", 2)[1])
    assert status != 200 and b"CsrfToken" not in answer and b"set-cookie" not in answer.lower(), answer[:300]
    if status == 400 and b"__type" in answer:
        assert b"SetupClosedException" in answer or b"UnknownOperation" in answer, answer[:400]
    assert hub.api.hub("GetSetupState")["NeedsAdmin"] is False
    assert len(hub.api.hub("ListAccessKeys")["AccessKeys"]) == before


def test_a_used_set_up_token_makes_no_second_admin(binary, tmp_path):
    """A hub that is set up by its link: the link is worth nothing afterwards."""
    fresh = Hub(binary, tmp_path / "h")
    fresh.env = {name: value for name, value in fresh.env.items() if not name.startswith("ROADSTEAD_ADMIN")}
    fresh.start()
    try:
        done = subprocess.run(
            [binary, "setup-link"], env={**fresh.env, "ROADSTEAD_DATA": str(fresh.data)}, capture_output=True, text=True, timeout=30
        )
        token = done.stdout.split("#token=")[1].split()[0]
        stranger = Browser(fresh)
        members = {"Token": token, "UserName": "first", "Password": "a long enough password"}
        assert stranger.post("Roadstead.CreateFirstAdmin", members)[0] == 200
        again = Browser(fresh).post("Roadstead.CreateFirstAdmin", {**members, "UserName": "second"})
        assert again[1]["__type"] == "SetupClosedException"
    finally:
        fresh.close()


def test_the_port_speaks_no_weak_protocol_and_no_weak_cipher(hub, tmp_path):
    """By sslyze, which knows them all."""
    found = tmp_path / "sslyze.json"
    scan = [
        sys.executable, "-m", "sslyze", f"127.0.0.1:{hub.port}", f"--json_out={found}", "--mozilla_config=disable", "--sslv2", "--sslv3",
        "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3", "--heartbleed", "--openssl_ccs", "--robot", "--reneg", "--compression", "--fallback",
    ]
    done = subprocess.run(scan, capture_output=True, text=True, timeout=240)
    assert found.exists(), done.stdout + done.stderr
    (server,) = json.loads(found.read_text())["server_scan_results"]
    assert server["scan_status"] == "COMPLETED", server
    results = server["scan_result"]

    def accepted(protocol):
        result = results[f"{protocol}_cipher_suites"]["result"]
        return [suite["cipher_suite"]["name"] for suite in result["accepted_cipher_suites"]]

    for old in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"):
        assert accepted(old) == [], old
    assert accepted("tls_1_3"), "TLS 1.3 is spoken"
    for name in accepted("tls_1_2") + accepted("tls_1_3"):
        assert "GCM" in name or "CHACHA20" in name, name
    for name in accepted("tls_1_2"):
        assert name.startswith("TLS_ECDHE_"), name
    assert not results["heartbleed"]["result"]["is_vulnerable_to_heartbleed"]
    assert not results["openssl_ccs_injection"]["result"]["is_vulnerable_to_ccs_injection"]
    assert results["robot"]["result"]["robot_result"].startswith("NOT_VULNERABLE")
    assert not results["tls_compression"]["result"]["supports_compression"]
    assert not results["session_renegotiation"]["result"]["is_vulnerable_to_client_renegotiation_dos"]
