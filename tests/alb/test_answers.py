import pytest

from edgegw.alb.answers import error_page, fixed_response

DATE = b"Sat, 21 Nov 2026 00:00:00 GMT"


@pytest.mark.parametrize(
    ("status", "phrase", "length"),
    [
        (301, b"Moved Permanently", 134),
        (302, b"Found", 110),
        (400, b"Bad Request", 122),
        (401, b"Authorization Required", 144),
        (403, b"Forbidden", 118),
        (404, b"Not Found", 118),
        (405, b"Not Allowed", 122),
        (408, b"Request Time-out", 132),
        (413, b"Request Entity Too Large", 148),
        (414, b"Request-URI Too Large", 142),
        (500, b"Internal Server Error", 142),
        (501, b"Not Implemented", 130),
        (502, b"Bad Gateway", 122),
        (503, b"Service Temporarily Unavailable", 162),
        (504, b"Gateway Time-out", 132),
        (505, b"HTTP Version Not Supported", 152),
        (507, b"Insufficient Storage", 140),
    ],
)
def test_error_page_has_the_exact_bytes(status: int, phrase: bytes, length: int) -> None:
    page = error_page(status, date=DATE)
    title = b"%d %b" % (status, phrase)
    assert page.body.content == (
        b"<html>\r\n<head><title>" + title + b"</title></head>\r\n<body>\r\n<center><h1>"
        b"" + title + b"</h1></center>\r\n</body>\r\n</html>\r\n"
    )
    assert page.body.length == length
    assert page.reason == phrase
    assert [name for name, _ in page.headers] == [
        b"Server",
        b"Date",
        b"Content-Type",
        b"Content-Length",
        b"Connection",
    ]
    assert page.headers.get(b"server") == b"awselb/2.0"
    assert page.headers.get(b"content-type") == b"text/html"
    closing = status in (400, 408, 413, 414)
    assert page.headers.get(b"connection") == (b"close" if closing else b"keep-alive")


@pytest.mark.parametrize("status", [460, 463, 464, 561, 562])
def test_own_statuses_have_no_phrase_and_no_body(status: int) -> None:
    page = error_page(status, date=DATE)
    assert (page.reason, page.body.content) == (b"", b"")
    assert page.headers.get(b"content-length") == b"0"


def test_fixed_response() -> None:
    answer = fixed_response(503, "application/json", '{"ü": 1}', date=DATE)
    assert (answer.status, answer.reason) == (503, b"Service Unavailable")
    assert answer.headers.get(b"content-type") == b"application/json; charset=utf-8"
    assert answer.headers.get(b"content-length") == b"9"
