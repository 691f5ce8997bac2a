"""Sends requests through the distribution in this process: no ports, no AWS."""

import pytest

pytestmark = pytest.mark.edgegw("edgegw.yaml")


def test_an_old_page_moves(gateway):
    with gateway.sync_client("site") as client:
        answer = client.get("/old/page")
    assert answer.status_code == 301
    assert answer.headers["location"] == "/new/page"


def test_the_origin_learns_the_bucket(gateway):
    with gateway.sync_client("site") as client:
        answer = client.get("/")  # nothing needs to listen: what left for the origin is kept
    sent = gateway.exchange(answer).origin_request
    assert sent.headers.get(b"x-bucket") in (b"a", b"b")
