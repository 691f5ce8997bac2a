"""What a HAR file holds: the requests that a browser sent, as its developer tools export them.

Source: HTTP Archive 1.2 (W3C draft), "entries", "request".
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from edgegw.errors import UsageError
from edgegw.values import value


@value
class RecordedRequest:
    """One request of a HAR file; `target` is path and query, header lines as they were sent."""

    method: str
    host: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def is_har(path: Path, text: str) -> bool:
    """Whether a file is one of recorded requests, and no list of paths."""
    return path.suffix.lower() == ".har" or text.lstrip()[:1] == "{"


def har_requests(text: str, name: str) -> list[RecordedRequest]:
    """The requests of a HAR file in its order. Raises UsageError where it is none."""
    try:
        log = json.loads(text)["log"]
        entries = cast("Sequence[Mapping[str, Any]]", log["entries"])
        requests = [_request(entry["request"]) for entry in entries]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{name} is no HAR file ({type(error).__name__}: {error}): export one from the "
            "developer tools of a browser, or write a path on each line"
        ) from None
    return [request for request in requests if request is not None]


def _request(recorded: Mapping[str, Any]) -> RecordedRequest | None:
    """The request; None where it went to nothing of HTTP, such as a `data:` URL."""
    url = urlsplit(str(recorded["url"]))
    if url.scheme not in ("http", "https"):
        return None
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    lines = tuple(
        (str(line["name"]), str(line["value"]))
        for line in recorded.get("headers", ())
        if not str(line["name"]).startswith(":")
    )
    return RecordedRequest(
        str(recorded["method"]).upper(), url.netloc, target, lines, _body(recorded)
    )


def _body(recorded: Mapping[str, Any]) -> bytes:
    posted = cast("Mapping[str, Any]", recorded.get("postData") or {})
    text = str(posted.get("text") or "")
    if posted.get("encoding") == "base64":
        return base64.b64decode(text)
    return text.encode()
