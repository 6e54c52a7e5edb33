"""The HTTP session: paced, without redirects, with errors that reveal nothing."""

from __future__ import annotations

import io
import os
import ssl
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

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

        The SDK sends with `Session.send`, which reads the proxies for each request and
        never `REQUESTS_CA_BUNDLE`.

        Args:
            url: The base address of the API.
            pacer: Says when a request may leave.
            connections: How many requests are under way at the most.
            headers: Of each request.

        Raises:
            InputError: If the file of certificates does not exist, or the proxy needs
                a package that is not installed.
        """
        super().__init__()
        self.headers.update(headers)
        self.pacer = pacer
        found = self.merge_environment_settings(url, {}, None, None, None)
        self.trust_env = False
        self.verify = _certificates(verify=found["verify"])
        # Plain HTTP is for loopback: through a proxy the key would leave this machine.
        self.proxies = {} if urlsplit(url).scheme == "http" else found["proxies"]
        if _is_socks(select_proxy(url, self.proxies)) and not find_spec("socks"):
            msg = (
                "The proxy variables name a SOCKS proxy, which needs PySocks: install "
                "the package `PySocks` beside the tap, or check HTTPS_PROXY, "
                "HTTP_PROXY, ALL_PROXY and NO_PROXY."
            )
            raise InputError(msg)
        self.mount(url, _Adapter(pool_connections=1, pool_maxsize=connections))

    @override
    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Return the request as it is sent.

        Raises:
            FatalAPIError: If there can be no such request, as with a host like `.co`.
        """
        try:
            return super().prepare_request(request)
        except requests.RequestException as error:
            failure = error_for_exception(error, str(request.url))
        raise failure

    @override
    def send(
        self,
        request: requests.PreparedRequest,
        **kwargs: Any,
    ) -> requests.Response:
        """Send one request when the pacer lets it pass, and read the whole response.

        In one piece: `requests` reads it in pieces of 10 kB, and for each a worker has
        to get the interpreter back from the thread that makes records.

        Raises:
            RetriableAPIError: If another try can help.
            FatalAPIError: If none can.
        """
        try:
            with self.pacer:
                response = super().send(request, **kwargs | {"stream": True})
                body = response.raw.read(decode_content=True)
        except (requests.RequestException, HTTPError) as error:
            url = str(request.url)
            failure = _too_slow(error, url) or error_for_exception(error, url)
        else:
            response.raw = io.BytesIO(body)  # where `content` takes it from
            return response
        # Outside of the handler: a chained error would show the query in a traceback.
        raise failure


class _Adapter(HTTPAdapter):
    """Sends requests whose responses have a limited time in all."""

    @override
    def get_connection_with_tls_context(
        self, *args: Any, **kwargs: Any
    ) -> HTTPConnectionPool:
        pool = cast(
            "HTTPConnectionPool",
            super().get_connection_with_tls_context(*args, **kwargs),
        )
        if "ConnectionCls" not in vars(pool):
            kind = pool.ConnectionCls
            limited = {"response_class": LimitedResponse}
            pool.ConnectionCls = type(kind.__name__, (kind,), limited)
        return pool


def _too_slow(error: BaseException, url: str) -> RetriableAPIError | None:
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, TooSlowError):
            return RetriableAPIError(
                f"The response of {address(url)} came too slowly: it was not complete "
                f"after {cause.seconds:.0f} s, five times `request_timeout`. Check the "
                "network, or run again later."
            )
        cause = cause.__cause__ or cause.__context__
    return None


def _is_socks(proxy: str | None) -> bool:
    return str(proxy).lower().startswith("socks")


def _certificates(*, verify: str | bool | None) -> str | bool:
    """Return the file of trusted certificates; True stands for those of `certifi`."""
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
