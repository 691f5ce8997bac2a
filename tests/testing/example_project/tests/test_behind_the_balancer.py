"""The load balancer, alone and behind the distribution."""

import pytest


@pytest.mark.edgegw(door="web")
def test_a_function_answers(sync_edge_client):
    assert sync_edge_client.get("/api/hello?name=ada").text == "hello ada"


def test_a_function_answers_behind_the_distribution(gateway, sync_edge_client):
    response = sync_edge_client.get("/api/hello")
    assert response.text == "hello world"
    (inner,) = gateway.exchange(response).inner
    assert inner.target_group == "hello"


@pytest.mark.edgegw(door="web", seed=1)
def test_weights_are_the_same_again(sync_edge_client):
    assert "".join(sync_edge_client.get("/api/x").text[0] for _ in range(10)).count("g") < 5


@pytest.mark.edgegw(door="web")
def test_an_old_path_is_redirected(sync_edge_client):
    response = sync_edge_client.get("/old/a")
    assert (response.status_code, response.headers["location"][-4:]) == (301, "/new")


@pytest.mark.edgegw(door="web")
def test_anything_else_is_not_there(sync_edge_client):
    assert sync_edge_client.get("/else").status_code == 404
