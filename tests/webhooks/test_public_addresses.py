"""Which URLs and addresses webhooks may use."""

import socket

import httpx
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

from imagegen.net.guarded_transport import open_guarded_transport
from imagegen.webhooks import URL_PATTERN, is_public, policy_violation, receiver_of, url_fault
from tests.support.properties import given, settings, st

PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2002:808:808::1", "64:ff9b::808:808"]
PRIVATE = [
    "0.0.0.0",  # noqa: S104 - must be refused
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "no address",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_other_addresses_are_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "0x7f000001", "0177.0.0.1", "2130706433", "0", "10.0.0.1", "169.254.169.254"),
        *("[::1]", "[::ffff:127.0.0.1]", "[fd00::1]", "localhost", "LOCALHOST", "a.localhost", "localhost."),
    ],
)
def test_private_addresses_are_recognized_in_every_notation(host: str) -> None:
    faults = [
        policy_violation(f"https://{host}{rest}", https_only=True, allow_private=allowed)
        for rest in ("/", ":8443/hook", "?q")
        for allowed in (False, True)
    ]

    assert faults == ["must not lead to a private address (WEBHOOK_ALLOW_PRIVATE)", None] * 3


def test_plain_http_is_for_development_only() -> None:
    url = "http://hooks.example.com/a"

    assert [policy_violation(url, https_only=https_only, allow_private=False) for https_only in (True, False)] == [
        "must begin with https://",
        None,
    ]


@pytest.mark.parametrize(
    "url",
    [
        *("https://example.com", "HTTPS://Example.COM/", "http://a.b.c:1/x?y=z&w=%20#".removesuffix("#")),
        *("https://example.com:65535/?a=b", "https://xn--mnchen-3ya.example/", "https://under_score.example./"),
        *("https://8.8.8.8/", "https://[2606:4700::1111]:8443/hook", f"https://example.com/{'x' * 2028}"),
        *("https://example.com/with@in?and=@", "https://example.com/\\?'\""),
    ],
)
def test_unambiguous_urls_are_accepted(url: str) -> None:
    assert url_fault(url) is None


@pytest.mark.parametrize("url", ["https://user@example.com/", "https://u:p@example.com", "https://@example.com/?a"])
def test_user_or_password_is_refused(url: str) -> None:
    assert url_fault(url) == "must have no user or password before the host"


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.com", "//example.com/", "ftp://example.com/", "file:///etc/passwd", "https:///path", "https://"),
        *("https://example.com:0/", "https://example.com:65536/", "https://example.com:/", "https://example.com:x/"),
        *("https://example.com/#part", "https://example.com/ x", "https://example.com/\n", "https://example.com/é"),
        *(
            "https://\uff11\uff12\uff17.0.0.1/",
            "https://münchen.example/",
            "https://%31%32%37.0.0.1/",
            "https://a..example/",
        ),
        *("https://example.com\\.evil.example/", "https://[::1/", "https://[:::]/", "https://[::1%25eth0]/"),
        *(f"https://{'a' * 64}.example/", f"https://{'a.' * 130}example/", "https://-a.example/"),
    ],
)
def test_other_text_is_refused(url: str) -> None:
    assert url_fault(url) == "must be a URL such as https://example.com/hooks, in ASCII and without a fragment"


def test_url_has_at_most_2048_characters() -> None:
    assert url_fault(f"https://example.com/{'x' * 2029}") == "must have at most 2048 characters"


@pytest.mark.parametrize(
    "host",
    [
        *("256.256.256.256", "999.1.1.1", "1.2.3.04", "1.2.3.4.5", "1.2.3", "1.2.3.4.", "2130706433", "0x7f000001"),
        *("a.0x1", "example.1", "0x", "127.1", "0", "99999999999999999999"),
        *("xn--a", "xn--a.example", "a.xn--a.example", "XN--A", "xn--zzzzzz99999"),
    ],
)
def test_invalid_hosts_are_refused(host: str) -> None:
    faults = [url_fault(f"{scheme}://{host}{rest}") for scheme in ("http", "https") for rest in ("/x", ":8443", "")]

    assert set(faults) == {
        "must have a valid host: a name, an IPv4 address of four decimal numbers, or an IPv6 address in brackets"
    }


@settings(max_examples=400)
@given(st.from_regex(URL_PATTERN, fullmatch=True), st.from_regex(r"[0-9a-fxn.\-]{1,12}", fullmatch=True))
async def test_accepted_urls_can_be_sent(url: str, host: str) -> None:
    async with open_guarded_transport(1, lambda _: False, _NoNames()) as transport:
        for text in (url, f"http://{host}/", f"https://a.xn--{host}:8443/x"):
            if url_fault(text) is None:
                with pytest.raises(httpx.HTTPError):
                    await transport.handle_async_request(httpx.Request("POST", text))


class _NoNames(AbstractResolver):
    """A DNS without names."""

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        raise OSError("no such name")

    @override
    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("url", "receiver"),
    [
        ("https://Example.COM./hook?a", "example.com:443"),
        ("http://example.com", "example.com:80"),
        ("http://[2606:4700::1111]:8080/", "2606:4700::1111:8080"),
        ("http://[::1/", ""),
        ("http://example.com:99999/", ""),
        ("", ":80"),
    ],
)
def test_receiver_is_host_and_port(url: str, receiver: str) -> None:
    assert receiver_of(url) == receiver
