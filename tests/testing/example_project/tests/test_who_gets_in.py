"""The account pages, whose gate is replaced or not."""

import pytest

from edgegw.testing import assert_allowed, assert_redirects


def test_a_stranger_is_sent_to_the_log_in(sync_edge_client):
    assert_redirects(sync_edge_client.get("/account/orders"), "/login?next=/account/orders")


def test_a_user_gets_in(sync_edge_client):
    assert_allowed(sync_edge_client.get("/account/orders", headers={"Cookie": "user=ada"}))


def test_the_origin_sees_the_cookie(gateway, sync_edge_client):
    response = sync_edge_client.get("/account/orders", headers={"Cookie": "user=ada"})
    assert gateway.exchange(response).origin.request.headers["cookie"] == "user=ada"


def closed(event, context):
    return {"status": "403"}


@pytest.mark.edgegw(functions={"gate": closed})
def test_a_gate_that_is_replaced(sync_edge_client):
    response = sync_edge_client.get("/account/orders", headers={"Cookie": "user=ada"})
    assert response.status_code == 403


def test_a_viewer_elsewhere(gateway, sync_edge_client):
    response = sync_edge_client.get("/account/a", headers={"X-Edgegw-Viewer": "country=DE"})
    assert response.status_code == 302
