import pytest
import respx


@pytest.fixture(autouse=True)
def pages():
    """The origins, mocked."""
    with respx.mock(assert_all_called=False) as mocked:
        route = mocked.get(url__startswith="http://pages.test/")
        route.respond(text="a page", headers={"Cache-Control": "max-age=60"})
        mocked.route(host="127.0.0.1", port=9001).respond(text="blue")
        mocked.route(host="127.0.0.1", port=9002).respond(text="green")
        yield route
