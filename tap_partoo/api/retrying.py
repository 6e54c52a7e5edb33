"""Retries a request where that can help, and waits as long as Partoo asks."""

from __future__ import annotations

import logging
import time
from functools import partial
from random import SystemRandom
from typing import TYPE_CHECKING, Any, TypeVar

import backoff
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError

from tap_partoo.api.errors import retry_after_seconds
from tap_partoo.api.pacing import ANNOUNCED_SECONDS
from tap_partoo.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from backoff.types import Details

    from tap_partoo.api.pacing import Pacer

Result = TypeVar("Result")

MAX_RETRY_SECONDS = 300
"""How long one request is retried. Partoo's limit is per 60 seconds: several such
windows pass in this time."""

BACKOFF_FACTOR_SECONDS = 1.0
BACKOFF_MAX_SECONDS = 30.0
MAX_JITTER_SECONDS = 1.0
UNREACHABLE_MAX_TRIES = 3

_RANDOM = SystemRandom()  # has no state that threads would share


def retrying(
    call: Callable[[], Result],
    name: str,
    *,
    pacer: Pacer,
    logger: logging.Logger,
) -> Result:
    """Return the result of a call, which is repeated after temporary errors.

    Args:
        call: Makes one request.
        name: What is requested, for messages.
        pacer: Holds back all other requests, too, while Partoo asks for a wait.
        logger: Logs the waits.

    Raises:
        FatalAPIError: The last error, when no attempt is left.
    """
    began = time.monotonic()

    def is_too_late(error: Exception) -> bool:
        wait = _retry_after(error) or 0.0
        return time.monotonic() - began + wait > MAX_RETRY_SECONDS

    on_exception = partial(
        backoff.on_exception,
        _waits,
        jitter=None,
        logger=None,  # its lines contain the arguments of the call
        on_backoff=partial(_announce, name, pacer, logger),
        on_giveup=_give_up,
    )
    few = on_exception(exception=UnreachableError, max_tries=UNREACHABLE_MAX_TRIES)
    many = on_exception(exception=RetriableAPIError, giveup=is_too_late)
    attempt: Callable[[], Result] = many(few(call))
    return attempt()


def _waits() -> Generator[float, Any, None]:
    """Yield the waits that Partoo asks for, else exponential ones with jitter."""
    exponential = backoff.expo(
        factor=BACKOFF_FACTOR_SECONDS, max_value=BACKOFF_MAX_SECONDS
    )
    next(exponential)
    wait = 0.0
    while True:
        error = yield wait
        asked = _retry_after(error)
        jitter = _RANDOM.uniform(0, MAX_JITTER_SECONDS)
        # "0 seconds" from a server in trouble would cause a tight loop.
        wait = asked or next(exponential) + jitter


def _announce(
    name: str,
    pacer: Pacer,
    logger: logging.Logger,
    details: Details,
) -> None:
    error, wait = details["exception"], details["wait"]
    pacer.note_retry(name, wait, for_all=_retry_after(error) is not None)
    logger.log(
        logging.INFO if wait > ANNOUNCED_SECONDS else logging.DEBUG,
        "%s: %s Trying again in %.0f s (attempt %d failed)",
        name,
        error,
        wait,
        details["tries"],
    )


def _give_up(details: Details) -> None:
    tries, error = details["tries"], details["exception"]
    asked = _retry_after(error)
    notes = [str(error)]
    if asked and details["elapsed"] + asked > MAX_RETRY_SECONDS:
        notes.append(f"The server asks to wait {asked:.0f} s: run again then.")
    if tries > 1:
        notes.append(f"Gave up after {tries} attempts in {details['elapsed']:.0f} s.")
    if len(notes) > 1:
        kind = type(error) if isinstance(error, FatalAPIError) else FatalAPIError
        raise kind(" ".join(notes)) from None


def _retry_after(error: object) -> float | None:
    response = getattr(error, "response", None)
    return None if response is None else retry_after_seconds(response.headers)
