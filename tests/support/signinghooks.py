"""Schemathesis as a member: each request that it invents is signed, so that it comes past the gate.

Loaded by name in the process of schemathesis.
"""

from urllib.parse import urlsplit

import requests.auth
import schemathesis
from hubhouse import sign


class AsMember(requests.auth.AuthBase):
    """Signs what is about to be sent, body and all."""

    def __call__(self, request):
        parts = urlsplit(request.url)
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else bytes(body)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        request.headers.update(sign(request.method, parts.netloc, path, body, "ada"))
        return request


@schemathesis.hook
def before_call(context, case, kwargs):
    # Where it leaves the signature out, to see whether that is noticed, it stays out.
    if "Signature" in (case.headers or {}):
        kwargs["auth"] = AsMember()
