"""Object stores: one that is real and not ours (nanio), and one that answers what a test tells it to. Both speak TLS, the second also without."""

import hashlib
import http.server
import re
import socket
import ssl
import sys
import threading
import urllib.parse
import uuid

import boto3
from botocore.config import Config

from harness.process import Process, base_env, free_port
from harness.wait import until

LOOPBACK = ["127.0.0.0/8", "::1"]


class ObjectStore(Process):
    """A server that checks every signature; one key."""

    def __init__(self, folder, authority):
        self.key, self.secret, self.port = "AK" + uuid.uuid4().hex[:14].upper(), uuid.uuid4().hex, free_port()
        self.authority = authority
        (folder / "data").mkdir()
        env = base_env(NANIO_ACCESS_KEY=self.key, NANIO_SECRET_KEY=self.secret, NANIO_DATA_DIR=folder / "data")
        argv = [sys.executable, "-m", "uvicorn", "--factory", "nanio.app:build_app", "--host", "127.0.0.1", "--port", str(self.port),
                "--ssl-certfile", str(authority[0]), "--ssl-keyfile", str(authority[1]), "--log-level", "warning"]
        super().__init__(argv, folder, "store", env)
        self.url = f"https://localhost:{self.port}"
        self.s3 = boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=self.key, aws_secret_access_key=self.secret,
            verify=str(authority[0]), # This server stores the checksum that boto3 sends behind a body as if it were the body's.
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, request_checksum_calculation="when_required"),
        )

    def __enter__(self):
        self.spawn()
        until(lambda: self.s3.list_buckets(), 60, "the object store being there")
        return self

    def __exit__(self, *_):
        self.kill()

    def objects(self, bucket, prefix=""):
        """Contents by key."""
        found = self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        return {one["Key"]: self.s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in found}


class FakeStore:
    """Takes objects whole or in parts, and is told how to fail: `answers` are (status, headers, body) for the next requests, or nothing
    to break the connection off; while `open` is cleared, the answers that `holds` says are held back."""

    def __init__(self, authority=None):
        store = self
        self.requests, self.objects, self.uploads, self.answers = [], {}, {}, []
        self.open = threading.Event()
        self.open.set()
        self.holds = lambda method, path: True

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                store.requests.append((self.command, self.path, dict(self.headers), hashlib.sha256(body).hexdigest()))
                if store.holds(self.command, self.path):
                    store.open.wait(60)
                if store.answers:
                    answer = store.answers.pop(0)
                    if answer is None:
                        self.close_connection = True
                        self.connection.shutdown(socket.SHUT_RDWR)
                        return
                    self.answer(*answer)
                else:
                    self.answer(*store.take(self.command, self.path, body))

            do_GET = do_PUT = do_POST = do_DELETE = do

            def answer(self, status, headers, body):
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                """A hub that was killed is part of the test."""

        self.server = Server(("127.0.0.1", 0), Handler)
        if authority:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*authority[:2])
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        scheme = "https" if authority else "http"
        self.url, self.key, self.secret = f"{scheme}://localhost:{self.server.server_port}", "AKFAKE", uuid.uuid4().hex
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, method, path, body):
        path, _, query = path.partition("?")
        query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        upload = query.get("uploadId")
        if method == "POST" and "uploads" in query:
            upload = f"upload/{len(self.uploads)}+"
            self.uploads[upload] = {}
            return 200, {}, f"<R><UploadId>{upload}</UploadId></R>".encode()
        if method == "PUT" and upload:
            self.uploads[upload][int(query["partNumber"])] = body
            return 200, {"etag": f'"{hashlib.md5(body).hexdigest()}"'}, b""
        if method == "POST":
            named = [int(number) for number in re.findall(rb"<PartNumber>(\d+)<", body)]
            parts = self.uploads.pop(upload)
            assert named == sorted(parts)
            self.objects[path] = b"".join(parts[number] for number in named)
            return 200, {}, b"<CompleteMultipartUploadResult></CompleteMultipartUploadResult>"
        if method == "DELETE" and upload:
            gone = self.uploads.pop(upload, None)
            return (204 if gone is not None else 404), {}, b""
        if method == "PUT":
            self.objects[path] = body
            return 200, {"etag": '"x"'}, b""
        self.objects.pop(path, None)
        return 204, {}, b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open.set()
        self.server.shutdown()
        self.server.server_close()


def register(hub, name, store, authority, *places, secret=None, **settings):
    """Makes the hub know a store."""
    full = {"Endpoint": store.url, "AccessKeyId": store.key, "OutputPlaces": list(places), "AllowedNetworks": LOOPBACK,
            "CaPem": authority[2], **settings}
    hub.api.hub("PutObjectStore", Name=name, Settings=full, SecretAccessKey=secret or store.secret)


def upload(hub, command, node):
    """How it stands with the output of a share."""
    found = hub.api.hub("ListOutputUploads", CommandId=command, NodeId=node)["Uploads"]
    return found[0] if found else None


def uploaded(hub, command, node, state="Uploaded", seconds=30):
    def there():
        found = upload(hub, command, node)
        return found if found and found["State"] == state else None

    try:
        return until(there, seconds, f"the upload being {state}")
    except AssertionError as error:
        raise AssertionError(f"{error}: {upload(hub, command, node)}") from None
