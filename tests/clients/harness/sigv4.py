"""AWS Signature Version 4 for one kind of request (POST / with a body, or GET of a path without one)."""

import datetime
import hashlib
import hmac


def _mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def sign(method, path, host, headers, body, key, secret, region="local", service="ssm", now=None, token=None):
    """The headers of a signed request: those given, and the date, the host and the authorization."""
    now = now or datetime.datetime.now(datetime.timezone.utc)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    all_headers = {**{name.lower(): value for name, value in headers.items()}, "host": host, "x-amz-date": stamp}
    if token:
        all_headers["x-amz-security-token"] = token
    names = sorted(all_headers)
    canonical = "\n".join(
        [method, path, ""]
        + [f"{name}:{' '.join(str(all_headers[name]).split())}" for name in names]
        + ["", ";".join(names), hashlib.sha256(body).hexdigest()]
    )
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signing_key = ("AWS4" + secret).encode()
    for part in (stamp[:8], region, service, "aws4_request"):
        signing_key = _mac(signing_key, part)
    signature = hmac.new(signing_key, to_sign.encode(), hashlib.sha256).hexdigest()
    all_headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
    )
    return all_headers
