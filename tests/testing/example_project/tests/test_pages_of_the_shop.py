"""Pages: rewriting, variants, cache, headers."""

import pytest


def test_a_page_comes_from_the_origin(sync_edge_client):
    assert sync_edge_client.get("/page").text == "a page"


def test_a_folder_has_an_index(gateway, sync_edge_client):
    exchange = gateway.exchange(sync_edge_client.get("/shoes/"))
    assert exchange.origin.request.url.path == "/shoes/index.html"


@pytest.mark.parametrize(("cookie", "path"), [("a", "/p"), ("b", "/b/p"), ("c", "/p"), ("", "/p")])
def test_a_cookie_chooses_the_variant(gateway, sync_edge_client, cookie, path):
    response = sync_edge_client.get("/p", headers={"Cookie": f"variant={cookie}"})
    assert gateway.exchange(response).origin.request.url.path == path


def test_variants_are_stored_apart(sync_edge_client, pages):
    for variant in ("a", "b", "a", "b"):
        sync_edge_client.get("/p", headers={"Cookie": f"variant={variant}"})
    assert pages.call_count == 2


def test_a_page_is_stored_for_a_minute(gateway, sync_edge_client, pages):
    assert gateway.exchange(sync_edge_client.get("/p")).cache.verdict == "Miss"
    gateway.clock.advance(59)
    assert gateway.exchange(sync_edge_client.get("/p")).cache.verdict == "Hit"
    gateway.clock.advance(2)
    assert gateway.exchange(sync_edge_client.get("/p")).cache.verdict == "Miss"
    assert pages.call_count == 2


def test_the_key_has_the_variant(gateway, sync_edge_client):
    response = sync_edge_client.get("/p", headers={"Cookie": "variant=b"})
    assert gateway.exchange(response).cache.key["headers"] == {"x-variant": "b"}


def test_no_page_is_framed(sync_edge_client):
    assert sync_edge_client.get("/p").headers["x-frame-options"] == "DENY"
    assert sync_edge_client.get("/p").headers["x-frame-options"] == "DENY"  # nor one that is stored


def test_what_a_function_printed(gateway, sync_edge_client):
    run = gateway.exchange(sync_edge_client.get("/p")).run("origin-request")
    assert [line.strip() for line in run.logs] == ["variant a"]


def test_an_invalidation(gateway, sync_edge_client, pages):
    sync_edge_client.get("/p")
    assert gateway.invalidate("shop", "/p") == 1
    sync_edge_client.get("/p")
    assert pages.call_count == 2


def test_an_origin_that_fails_is_a_502_or_what_is_stored(gateway, sync_edge_client, pages):
    pages.respond(500)
    assert sync_edge_client.get("/p").status_code == 500
    assert gateway.exchange(sync_edge_client.get("/p")).cache.verdict == "Error"


@pytest.mark.edgegw(clock="2030-01-01T00:00:00Z", seed=3)
def test_the_clock_is_the_tests_own(sync_edge_client):
    assert sync_edge_client.get("/p").headers["date"] == "Tue, 01 Jan 2030 00:00:00 GMT"


async def test_asynchronously(edge_client):
    assert (await edge_client.get("/p")).text == "a page"
