"""Hosts, ports and URLs: what cannot be connected to is refused before anybody tries."""

from __future__ import annotations

import pytest

from edgegw.config.addresses import OriginAddress, host_and_port, host_fault, origin_address
from edgegw.config.resolve import load_dict
from edgegw.errors import ConfigError

PORTS = ("0", "65536", "99999999", "9" * 5000, "-1", "+80", "8o", "²", "٣", " 80", "0x50")
HOSTS = (
    *("", " ", "a b", "a..b", ".a", "-a", "a-", "a" * 64, ".".join(["a" * 60] * 5), "a\r\nb"),
    *("::1::", "1:2", "256.1.1.1", "1.2.3", "1.2.3.4.5", "ünï.example", "a@b", "a/b", "*"),
)
GOOD_HOSTS = ("localhost", "a_b", "a.example.", "127.0.0.1", "::1", "xn--bcher-kva.example", "a")


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_cannot_be(host: str) -> None:
    assert host_fault(host)
    for text in (f"{host}:80", f"[{host}]:80"):
        with pytest.raises(ValueError, match=r"."):
            host_and_port(text)


@pytest.mark.parametrize("host", GOOD_HOSTS)
def test_a_host_that_can_be(host: str) -> None:
    assert host_fault(host) is None
    shown = f"[{host}]" if ":" in host else host
    assert host_and_port(f"{shown}:80") == (host, 80)
    assert origin_address(f"http://{shown}:80") == OriginAddress("http", host, 80)


@pytest.mark.parametrize("port", PORTS)
def test_a_port_that_cannot_be(port: str) -> None:
    with pytest.raises(ValueError, match="port"):
        host_and_port(f"localhost:{port}")
    with pytest.raises(ValueError, match=r"."):
        origin_address(f"http://localhost:{port}")


@pytest.mark.parametrize(
    "url",
    [
        *("", "http", "http:", "http://", "http:///", "http://:80", "localhost:80", "ftp://a"),
        *("http://[", "http://[::1", "http://::1]", "http://[::1]x", "http://[::1]:", "http://]["),
        *("http://a:b@c", "http://a@c", "http://@c", "http://a/b", "http://a?b", "http://a#b"),
        *("http://a b", " http://a", "http://a\n", "http://a\tb", "http://a\0", "http://ü.example"),
        *("http://a:80:80", "http://a%20b", "http://" + "a." * 200, "http://1.2.3", "//a"),
    ],
)
def test_a_url_that_is_no_origin(url: str) -> None:
    if url == "http://[::1]:":  # an empty port is the default one (RFC 3986, 3.2.3)
        assert origin_address(url).port == 80
        return
    with pytest.raises(ValueError, match=r"."):
        origin_address(url)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://A.Example", OriginAddress("https", "a.example", 443)),
        ("http://a/", OriginAddress("http", "a", 80)),
        ("HTTP://a:65535", OriginAddress("http", "a", 65535)),
        ("https://[2001:db8::1]:8443", OriginAddress("https", "2001:db8::1", 8443)),
    ],
)
def test_where_an_origin_is(url: str, address: OriginAddress) -> None:
    assert origin_address(url) == address


def test_a_name_beyond_ascii_is_told_as_dns_writes_it() -> None:
    assert host_fault("bücher.example") == (
        "'bücher.example' must be written in ASCII, such as xn--bcher-kva.example"
    )


# In a configuration


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("key", ["listen", "health", "target", "redirect", "lambda_api"])
def test_ports_in_a_configuration(key: str, port: str) -> None:
    listener: dict[str, object] = {"listen": 0, "default_actions": [{"forward": "t"}]}
    group: dict[str, object] = {"targets": ["127.0.0.1:3000"]}
    config = {
        "target_groups": {"t": group},
        "load_balancers": {"web": {"listeners": [listener]}},
        "gateway": {},
    }
    match key:
        case "listen":
            listener["listen"] = f"127.0.0.1:{port}"
        case "health":
            group["health_check"] = {"port": port}
        case "target":
            group["targets"] = [f"127.0.0.1:{port}"]
        case "redirect":
            redirect = {"status_code": "HTTP_301", "port": port}
            listener["default_actions"] = [{"redirect": redirect}]
        case _:
            config["gateway"] = {"lambda_api": f"127.0.0.1:{port}"}
    if port == "0" and key in ("listen", "lambda_api"):  # there it means any
        assert load_dict(config)
        return
    with pytest.raises(ConfigError):
        load_dict(config)


@pytest.mark.parametrize("host", [host for host in HOSTS if host])
def test_hosts_in_a_configuration(host: str) -> None:
    site = {
        "listen": 0,
        "origins": {"app": {"url": "http://localhost"}},
        "default_behavior": {"origin": "app"},
    }
    for more in ({"listen": f"{host}:80"}, {"listen": {"address": host, "port": 80}}):
        with pytest.raises(ConfigError):
            load_dict({"distributions": {"site": {**site, **more}}})
    with pytest.raises(ConfigError):
        load_dict({"distributions": {"site": {**site, "aliases": [host]}}})
