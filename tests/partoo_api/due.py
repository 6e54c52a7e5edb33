"""Which faults are due, and when."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .faults import Fault


@dataclass(frozen=True)
class Number:
    """The number of a request, from 1 on.

    Attributes:
        of_path: Among those of its path.
        of_lists: Among those of all lists, if it is one.
    """

    of_path: int
    of_lists: int | None


class Faults:
    """The faults that are due, in the order in which they were added."""

    def __init__(self) -> None:
        """Start without any."""
        self._lock = threading.Lock()
        self._due: list[_Due] = []

    def add(  # noqa: PLR0913 - all but the first narrow down
        self,
        fault: Fault,
        *,
        path: str | None = None,
        page: int | None = None,
        request: int | None = None,
        times: int | None = 1,
        match: Callable[[Mapping[str, str]], bool] | None = None,
    ) -> None:
        """Let requests fail.

        A response has at most one fault: the first that fits; the others wait for the
        next response.

        Args:
            fault: What goes wrong.
            path: Such as "/reviews" or "/sections/3"; by default any list.
            page: Only when this page would be sent.
            request: From this request on, counted from 1: of this path, or of
                all lists.
            times: How often; None is forever.
            match: Only requests whose query passes.
        """
        with self._lock:
            self._due.append(_Due(fault, path, page, request or 1, times, match))

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._due.clear()

    def take(
        self, path: str, number: Number, page: int | None, query: Mapping[str, str]
    ) -> Fault | None:
        """Return the fault for this request and page, which then is used up."""
        with self._lock:
            for due in self._due:
                if due.fits(path, number, page, query):
                    break
            else:
                return None
            if due.times is not None:
                due.times -= 1
                if due.times == 0:
                    self._due.remove(due)
            return due.fault


@dataclass(eq=False)
class _Due:
    fault: Fault
    path: str | None
    page: int | None
    request: int
    times: int | None
    match: Callable[[Mapping[str, str]], bool] | None

    def fits(
        self, path: str, number: Number, page: int | None, query: Mapping[str, str]
    ) -> bool:
        of_request = number.of_path if self.path else number.of_lists
        return (
            self.path in {None, path}
            and of_request is not None
            and self.request <= of_request
            and self.page in {None, page}
            and (self.match is None or self.match(query))
        )
