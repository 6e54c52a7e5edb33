"""The HTTP session: paced, and with errors that reveal no secret."""

from __future__ import annotations

import io
import os
import ssl
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from singer_sdk.exceptions import RetriableAPIError
from typing_extensions import override
from urllib3.exceptions import HTTPError

from tap_partoo.api.deadline import LimitedResponse, TooSlowError
from tap_partoo.api.errors import address, error_for_exception
from tap_partoo.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3.connectionpool import HTTPConnectionPool

    from tap_partoo.api.pacing import Pacer


class PartooSession(requests.Session):
    """A session for one host, shared by all requests of the tap."""

    def __init__(
        self,
        url: str,
        *,
        pacer: Pacer,
        connections: int,
        headers: Mapping[str, str],
    ) -> None:
        """Read the proxy and certificate variables of the environment, once.

        `requests` alone reads them for each request, and never `SSL_CERT_FILE`.

        Args:
            url: The base address of the API.
            pacer: Decides when a request may be sent.
            connections: Maximum number of requests at the same time.
            headers: The headers of every request.

        Raises:
            InputError: If the certificates cannot be read, or the proxy needs a package
                that is not installed.
        """
        super().__init__()
        self._url = url
        self.headers.update(headers)
        self.pacer = pacer
        found = self.merge_environment_settings(url, {}, None, None, None)
        self.trust_env = False
        # Plain HTTP is for loopback only, which needs neither: via a proxy, the key
        # would leave the machine, and large certificate files take long to load.
        is_plain = urlsplit(url).scheme == "http"
        self.verify = True if is_plain else _certificates(verify=found["verify"])
        self.proxies = {} if is_plain else found["proxies"]
        if _is_socks(select_proxy(url, self.proxies)) and not find_spec("socks"):
            msg = (
                "The proxy variables name a SOCKS proxy, which needs PySocks: install "
                "the package `PySocks` next to the tap, or check HTTPS_PROXY, "
                "HTTP_PROXY, ALL_PROXY and NO_PROXY."
            )
            raise InputError(msg)
        self.mount(  # for all spellings of the address
            f"{urlsplit(url).scheme}://",
            _Adapter(pool_connections=1, pool_maxsize=connections, pool_block=True),
        )

    def prepare(self, path: str, query: Mapping[str, str]) -> requests.PreparedRequest:
        """Return the request as it is sent.

        Args:
            path: The path to add to the base address, quoted.
            query: The query parameters.

        Raises:
            FatalAPIError: If the base address cannot be valid, as with a host like
                `.co`.
        """
        request = self._prepared.copy()
        base = str(request.url).rstrip("/")
        request.url = f"{base}{path}?{urlencode(query)}" if query else f"{base}{path}"
        return request

    @cached_property
    def _prepared(self) -> requests.PreparedRequest:
        """What all requests have in common.

        To check and merge it for each of them, as `requests` does, would be a seventh
        of the CPU time of a request.
        """
        request = requests.Request("GET", self._url, headers=self.headers)
        try:
            return request.prepare()
        except requests.RequestException as error:
            failure = error_for_exception(error, str(request.url))
        raise failure

    @override
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: unlike `Authorization`, a custom header would be sent on."""

    @override
    def send(
        self,
        request: requests.PreparedRequest,
        **kwargs: Any,
    ) -> requests.Response:
        """Send one request when the pacer allows it, and read the whole response.

        It is read in one piece: `requests` reads pieces of 10 kB, and for each of them
        a worker has to get the GIL back from the thread that makes records.

        Raises:
            RetriableAPIError: If a retry can help.
            FatalAPIError: If it cannot.
        """
        try:
            with self.pacer:
                response = super().send(request, **kwargs | {"stream": True})
                body = response.raw.read(decode_content=True)
        except (requests.RequestException, HTTPError) as error:
            url = str(request.url)
            failure = _too_slow(error, url) or error_for_exception(error, url)
        else:
            response.raw = io.BytesIO(body)  # where `content` reads it from
            return response
        # Outside of the handler: a chained error would show the query in a traceback.
        raise failure


class _Adapter(HTTPAdapter):
    """Sends requests to one host, whose whole responses have a time limit."""

    _pool: HTTPConnectionPool | None = None

    @override
    def get_connection_with_tls_context(
        self, *args: Any, **kwargs: Any
    ) -> HTTPConnectionPool:
        """Return the pool of the host, which `requests` looks up for each request."""
        if self._pool is None:
            pool = cast(
                "HTTPConnectionPool",
                super().get_connection_with_tls_context(*args, **kwargs),
            )
            kind = pool.ConnectionCls
            limited = {"response_class": LimitedResponse}
            pool.ConnectionCls = type(kind.__name__, (kind,), limited)
            self._pool = pool
        return self._pool


def _too_slow(error: BaseException, url: str) -> RetriableAPIError | None:
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, TooSlowError):
            return RetriableAPIError(
                f"The response from {address(url)} was too slow: it was not complete "
                f"after {cause.seconds:.0f} s, five times `request_timeout`. Check the "
                "network, or run again later."
            )
        cause = cause.__cause__ or cause.__context__
    return None


def _is_socks(proxy: str | None) -> bool:
    return str(proxy).lower().startswith("socks")


def _certificates(*, verify: str | bool | None) -> str | bool:
    """Return the path of trusted certificates; True means those of `certifi`."""
    path = os.environ.get("SSL_CERT_FILE") if verify is True else verify
    if not path:
        return True
    try:
        folder = path if Path(path).is_dir() else None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(None if folder else path, folder)
    except OSError:
        msg = (
            f"The certificates at {path} cannot be read. Check REQUESTS_CA_BUNDLE, "
            "CURL_CA_BUNDLE and SSL_CERT_FILE."
        )
        raise InputError(msg) from None
    return str(path)
