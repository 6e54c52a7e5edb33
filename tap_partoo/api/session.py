"""The HTTP session: paced, without redirects, with errors that reveal nothing."""

from __future__ import annotations

import io
import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from typing_extensions import override
from urllib3.exceptions import HTTPError

from tap_partoo.api.errors import error_for_exception
from tap_partoo.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

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
            InputError: If the file of certificates does not exist.
        """
        super().__init__()
        self.headers.update(headers)
        self.pacer = pacer
        found = self.merge_environment_settings(url, {}, None, None, None)
        self.trust_env = False
        self.verify = _certificates(verify=found["verify"])
        # Plain HTTP is for loopback: through a proxy the key would leave this machine.
        self.proxies = {} if urlsplit(url).scheme == "http" else found["proxies"]
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections)
        self.mount(url, adapter)

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
            failure = error_for_exception(error, str(request.url))
        else:
            response.raw = io.BytesIO(body)  # where `content` takes it from
            return response
        # Outside of the handler: a chained error would show the query in a traceback.
        raise failure


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
