"""The key goes to the host of `api_url` and nowhere else, through TLS and proxies."""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING

import pytest
import trustme
from singer_sdk.exceptions import ConfigurationError, FatalAPIError

from tests import tap
from tests.conftest import API_KEY
from tests.failures import FAILURES, STATE, check_end
from tests.in_process import run_here
from tests.partoo_api import Account, StandIn, faults, make_keys
from tests.relays import Proxy, TlsRelay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import RunTap

# Whoever runs the tests may have certificates of a company; an empty variable is none.
NO_CERTIFICATES = {
    "REQUESTS_CA_BUNDLE": "",
    "CURL_CA_BUNDLE": "",
    "SSL_CERT_FILE": "",
}


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority that nobody knows."""
    return trustme.CA()


@pytest.fixture
def authority_file(authority: trustme.CA, tmp_path: Path) -> str:
    """The file that makes the authority known."""
    path = tmp_path / "company.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def certificate(authority: trustme.CA, host: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    return context


@pytest.fixture
def tls(api: StandIn, authority: trustme.CA) -> Iterator[TlsRelay]:
    """The stand-in behind TLS, with a certificate of that authority."""
    with TlsRelay(api.url, certificate(authority)) as relay:
        yield relay


def check_complete(run: tap.Run, api: StandIn) -> None:
    assert run.returncode == 0, run.stderr
    assert run.ids == [record["id"] for record in api.account.records()]


# Redirects.


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("page", [1, 2])
def test_a_redirect_leads_nowhere(api: StandIn, status: int, page: int) -> None:
    with StandIn(api.account) as elsewhere:
        target = f"{elsewhere.url}/api_keys"
        api.faults.add(faults.redirect(target, status), page=page)
        with pytest.raises(Exception, match=f"redirects .* \\(HTTP {status}\\)"):
            run_here(api)
        assert not elsewhere.requests
        assert len([r for r in api.requests if r.query.get("page") in {None, "1"}]) == 1


@pytest.mark.parametrize("target", ["http://[x", "http://\xe9\xff:port/", "", "//"])
def test_a_redirect_to_what_is_no_address_says_the_same(
    target: str, api: StandIn
) -> None:
    api.faults.add(faults.redirect(target), times=None)
    with pytest.raises(FatalAPIError, match=r"redirects .* \(HTTP 302\)"):
        run_here(api)


def test_a_redirect_ends_the_command_and_leaks_nothing(
    api: StandIn, run_tap: RunTap
) -> None:
    with StandIn(api.account) as elsewhere:
        target = f"{elsewhere.url}/api_keys"
        api.faults.add(faults.redirect(target), times=None)
        run = run_tap(api, state=STATE)
        check_end(run, FAILURES["redirect 302"], where=f"{api.url}/api_keys")
        assert len(api.requests) == 1
        assert not elsewhere.requests


# TLS.


def test_an_unknown_authority_ends_the_command_at_once(
    tls: TlsRelay, api: StandIn, run_tap: RunTap
) -> None:
    run = run_tap(api, config={"api_url": tls.url}, state=STATE, env=NO_CERTIFICATES)
    check_end(run, FAILURES["TLS"], where=f"{tls.url}/api_keys")
    assert tls.connections == 1
    assert not api.requests


def test_a_certificate_of_another_host_ends_the_command_at_once(
    authority: trustme.CA, authority_file: str, api: StandIn, run_tap: RunTap
) -> None:
    with TlsRelay(api.url, certificate(authority, "partoo.invalid")) as tls:
        run = run_tap(
            api,
            config={"api_url": tls.url},
            state=STATE,
            env=NO_CERTIFICATES | {"SSL_CERT_FILE": authority_file},
        )
        check_end(run, FAILURES["TLS"], where=f"{tls.url}/api_keys")
        assert tls.connections == 1
    assert not api.requests


@pytest.mark.parametrize(
    "variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"]
)
def test_an_authority_in_the_environment_is_known(
    tls: TlsRelay, authority_file: str, api: StandIn, run_tap: RunTap, variable: str
) -> None:
    run = run_tap(
        api,
        config={"api_url": tls.url},
        env=NO_CERTIFICATES | {variable: authority_file},
    )
    check_complete(run, api)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_certificates_that_do_not_exist_end_the_command(
    tls: TlsRelay, api: StandIn, run_tap: RunTap, tmp_path: Path, variable: str
) -> None:
    missing = str(tmp_path / "missing.pem")
    run = run_tap(
        api,
        config={"api_url": tls.url},
        state=STATE,
        env=NO_CERTIFICATES | {variable: missing},
    )
    check_end(run, FAILURES["certificates"], path=missing)
    assert tls.connections == 0


def test_a_file_without_certificates_ends_the_command(
    tls: TlsRelay, api: StandIn, run_tap: RunTap, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")
    run = run_tap(
        api,
        config={"api_url": tls.url},
        state=STATE,
        env=NO_CERTIFICATES | {"REQUESTS_CA_BUNDLE": str(empty)},
    )
    check_end(run, FAILURES["certificates"], path=str(empty))


def test_https_where_there_is_none_ends_the_command_at_once(
    api: StandIn, run_tap: RunTap
) -> None:
    url = api.url.replace("http:", "https:")
    run = run_tap(api, config={"api_url": url}, state=STATE)
    check_end(run, FAILURES["no TLS"], where=f"{url}/api_keys")


def test_a_tls_connection_that_breaks_off_is_tried_again(
    authority: trustme.CA, authority_file: str, api: StandIn, run_tap: RunTap
) -> None:
    with TlsRelay(api.url, certificate(authority), drops=2) as tls:
        run = run_tap(
            api,
            config={"api_url": tls.url},
            env=NO_CERTIFICATES | {"SSL_CERT_FILE": authority_file},
            command=tap.IMPATIENT,
        )
        check_complete(run, api)
        assert tls.connections > 2


# Proxies.


def test_a_proxy_connects_and_sees_nothing(
    tls: TlsRelay, authority_file: str, api: StandIn, run_tap: RunTap
) -> None:
    with Proxy() as proxy:
        run = run_tap(
            api,
            config={
                "api_url": tls.url,
                "api_keys_search_text": "Données",
                "concurrency": 2,
            },
            env=NO_CERTIFICATES
            | {"SSL_CERT_FILE": authority_file, "HTTPS_PROXY": proxy.url},
        )
        assert run.returncode == 0, run.stderr
        assert len(run.records) > 1
        assert proxy.heads
        for head in proxy.heads:
            assert head.startswith(f"CONNECT 127.0.0.1:{tls.port} HTTP/1.")
            assert API_KEY not in head
            assert "Donn" not in head
    assert {request.headers["x-apikey"] for request in api.requests} == {API_KEY}


@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_a_host_without_proxy_is_reached_directly(
    tls: TlsRelay, authority_file: str, api: StandIn, run_tap: RunTap, variable: str
) -> None:
    with Proxy() as proxy:
        run = run_tap(
            api,
            config={"api_url": tls.url},
            env=NO_CERTIFICATES
            | {
                "SSL_CERT_FILE": authority_file,
                "HTTPS_PROXY": proxy.url,
                variable: "127.0.0.1",
            },
        )
        check_complete(run, api)
        assert proxy.connections == 0


@pytest.mark.parametrize("status", ["403 Forbidden", "407 Authentication Required"])
def test_a_proxy_that_refuses_ends_the_command_after_few_tries(
    tls: TlsRelay, api: StandIn, run_tap: RunTap, status: str
) -> None:
    with Proxy(refusal=status) as proxy:
        run = run_tap(
            api,
            config={"api_url": tls.url},
            state=STATE,
            command=tap.IMPATIENT,
            env={"HTTPS_PROXY": proxy.url.replace("//", "//user:proxy-pass-5Wq@")},
        )
        check_end(run, FAILURES["proxy"], where=f"{tls.url}/api_keys")
        assert proxy.connections == 3
    assert "proxy-pass-5Wq" not in run.stderr
    assert tls.connections == 0


def test_a_proxy_that_is_not_there_ends_the_command_after_few_tries(
    tls: TlsRelay, api: StandIn, run_tap: RunTap
) -> None:
    with Proxy() as proxy:
        url = proxy.url
    run = run_tap(
        api,
        config={"api_url": tls.url},
        state=STATE,
        command=tap.IMPATIENT,
        env={"ALL_PROXY": url},
    )
    check_end(run, FAILURES["proxy"], where=f"{tls.url}/api_keys")
    assert "Gave up after 3 attempts" in run.errors[0]


@pytest.mark.parametrize(
    ("proxy", "failure"),
    [("http://", "bad proxy"), ("socks5://127.0.0.1:1", "SOCKS")],
)
def test_an_impossible_proxy_ends_the_command_at_once(
    tls: TlsRelay, api: StandIn, run_tap: RunTap, proxy: str, failure: str
) -> None:
    run = run_tap(
        api, config={"api_url": tls.url}, state=STATE, env={"HTTPS_PROXY": proxy}
    )
    values = {"where": f"{tls.url}/api_keys", "kind": "InvalidProxyURL"}
    check_end(run, FAILURES[failure], **values)
    assert tls.connections == 0


# Responses that never end.


class Trickle(ThreadingTCPServer):
    """Sends a response at some bytes a second, each of which comes in time."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, head: bytes, drop: bytes) -> None:
        """Prepare to send one text, and then another without end."""
        super().__init__(("127.0.0.1", 0), TrickleHandler)
        self.head, self.drop = head, drop
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v2"


class TrickleHandler(StreamRequestHandler):
    """Serves one request."""

    server: Trickle

    def handle(self) -> None:
        while self.rfile.readline().strip():
            pass
        with contextlib.suppress(OSError):
            self.wfile.write(self.server.head)
            while True:
                self.wfile.write(self.server.drop)
                time.sleep(0.2)


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


TRICKLES = {
    "length": (OK + b"Content-Length: 100000\r\n\r\n", b" "),
    "until it is closed": (OK + b"\r\n", b" "),
    "chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "head": (OK, b"x"),
    "status line": (b"", b"H"),
}


def test_a_response_that_trickles_ends(tmp_path: Path) -> None:
    # All at a time: each of them is given up after five seconds.
    with ThreadPoolExecutor(len(TRICKLES)) as pool:
        list(pool.map(partial(check_trickle, tmp_path), TRICKLES))


def check_trickle(folder: Path, kind: str) -> None:
    own = folder / kind
    own.mkdir()
    with Trickle(*TRICKLES[kind]) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        # The time is limited for any spelling of the address.
        url = server.url + "//" if kind == "length" else server.url
        config = {"api_key": "some-good-key", "api_url": url, "request_timeout": 1}
        files = tap.arguments(own, config)
        started = time.monotonic()
        run = tap.run(*files, command=tap.IMPATIENT, timeout=60)
        took = time.monotonic() - started
        server.shutdown()
    assert took > 5
    assert run.returncode == 1
    [error] = run.errors
    assert error.startswith(
        f"Error: api_keys: The response from {server.url}/api_keys was too slow: it "
        "was not complete after 5 s, five times `request_timeout`."
    )
    assert run.records == []


def test_a_slow_response_that_ends_in_time_is_read(tmp_path: Path) -> None:
    body = b'{"api_keys": [], "page": 1, "max_page": 1, "count": 0}'
    head = OK + b"Content-Length: %d\r\n\r\n" % len(body)
    with Trickle(head, b"") as server:
        parts = [body[n : n + 5] for n in range(0, len(body), 5)]

        class Handler(TrickleHandler):
            def handle(self) -> None:
                while self.rfile.readline().strip():
                    pass
                self.wfile.write(head)
                for part in parts:
                    self.wfile.write(part)
                    time.sleep(0.2)

        server.RequestHandlerClass = Handler
        threading.Thread(target=server.serve_forever, daemon=True).start()
        config = {"api_key": "some-good-key", "api_url": server.url}
        files = tap.arguments(tmp_path, config | {"request_timeout": 1})
        run = tap.run(*files, timeout=60)
        server.shutdown()
    assert run.returncode == 0, run.stderr
    assert "retries" in run.stderr
    assert " 0 retries" in run.stderr


def test_what_is_sent_in_the_clear_never_goes_to_a_proxy(
    api: StandIn, run_tap: RunTap
) -> None:
    with Proxy(refusal="403 Forbidden") as proxy:
        variables = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
        run = run_tap(api, env=dict.fromkeys(variables, proxy.url))
        check_complete(run, api)
        assert proxy.connections == 0


# Addresses.


@pytest.mark.parametrize(
    "url",
    [
        "http://api.partoo.co/v2",
        "http://192.168.1.7/v2",
        "http://0.0.0.0:8080/v2",
        "http://localhost.example.com/v2",
        "http://127.0.0.1.example.com/v2",
        "http://localhost@example.com/v2",
        "http://example.com\\@127.0.0.1/v2",
        "ftp://api.partoo.co/v2",
        "https://key@api.partoo.co/v2",
        "https://",
    ],
)
def test_only_https_goes_to_another_machine(api: StandIn, url: str) -> None:
    with pytest.raises(ConfigurationError, match="The setting `api_url` must"):
        run_here(api, config={"api_url": url})


@pytest.mark.parametrize(
    ("host", "end"), [("127.0.0.1", "/"), ("localhost", ""), ("LOCALHOST", "//")]
)
def test_any_spelling_of_the_address_works(host: str, end: str) -> None:
    with StandIn(Account(make_keys(30), api_key=API_KEY)) as api:
        url = api.url.replace("127.0.0.1", host) + end
        run = run_here(api, config={"api_url": url, "per_page": 10})
        assert len(run.ids) == 30
        assert {request.path for request in api.requests} == {"/v2/api_keys"}


@pytest.mark.parametrize("host", [".co", "*.partoo.co", "a..partoo.co", "a" * 64])
def test_a_host_that_cannot_be_is_the_users_mistake(host: str, run_tap: RunTap) -> None:
    with StandIn(Account()) as api:
        config = {"api_url": f"https://{host}/v2"}
        run = run_tap(api, config=config, command=tap.IMPATIENT)
    assert run.returncode == 1
    [error] = run.errors
    assert "`api_url`" in error
    assert "report it" not in error


@pytest.mark.parametrize("seconds", [10**7, 10**10, 10**30])
def test_a_timeout_may_be_of_any_length(seconds: int, api: StandIn) -> None:
    assert run_here(api, config={"request_timeout": seconds}).ids


@pytest.mark.parametrize(
    "proxy", ["http://user:s3cr3t-pass@[::1", "http://[", "//", "x://y:99999"]
)
def test_a_proxy_that_cannot_be_is_the_users_mistake(
    proxy: str, api: StandIn, run_tap: RunTap
) -> None:
    config = {"api_url": "https://api.partoo.example/v2"}
    run = run_tap(api, config=config, env={"HTTPS_PROXY": proxy})
    assert run.returncode == 1
    [error] = run.errors
    assert "proxy variables" in error
    assert "report it" not in error
    assert "s3cr3t-pass" not in run.stderr
