"""Verifies a callback of Ringback with Python alone."""

import base64
import hashlib
import hmac
import json
import os
import sys
import time

TOLERANCE_SECONDS = 5 * 60


def verify_callback(secret: str, headers, body: bytes) -> dict:
    """Returns the event.

    secret: whsec_…
    headers: anything with get(name), such as request.headers in Flask and Django
    body: as it came, before anything parses it

    Raises ValueError when Ringback did not send it, or not just now.
    """
    key = base64.b64decode(secret.removeprefix("whsec_"))
    if len(key) < 24:
        raise ValueError("the secret is not the whsec_ one of CALLBACK_SECRET")
    message_id = headers.get("webhook-id")
    timestamp = headers.get("webhook-timestamp")
    signatures = headers.get("webhook-signature")
    if not (message_id and timestamp and signatures):
        raise ValueError("a webhook header is missing")

    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256))
    if not any(hmac.compare_digest(s.encode(), expected) for s in signatures.split(" ")):
        raise ValueError("no signature matches")

    age = time.time() - int(timestamp)
    if abs(age) > TOLERANCE_SECONDS:
        raise ValueError(f"the timestamp is {age:.0f} s old")
    return json.loads(body)


# Run by itself it checks one callback, {"headers": {…}, "body": "…"} on standard input.
if __name__ == "__main__":
    callback = json.load(sys.stdin.buffer)
    try:
        event = verify_callback(
            os.environ.get("CALLBACK_SECRET", ""), callback["headers"], callback["body"].encode()
        )
    except ValueError as error:
        print(f"invalid: {error}")
        sys.exit(1)
    print(f"valid: {event['type']} of {event['timestamp']}")
