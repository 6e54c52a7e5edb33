"""What the documentation says `/api_keys` answers.

https://developers.partoo.co/rest_api/v2/
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

from .account import Account, Filters, Status, UserType
from .wire import Answer

Query = dict[str, str]
PastEnd = Literal["empty", "clamp", "not_found"]


def unauthenticated() -> Answer:
    """The answer to a request without a known key."""
    return Answer(401, {"error": {"authentication": "User not authenticated"}})


def forbidden() -> Answer:
    """The answer to a key without the right."""
    return Answer(403, {"error": {"authorization": "Operation not allowed"}})


def not_found() -> Answer:
    """The answer for what does not exist."""
    return Answer(404, {"error": {"json": "Resource not found"}})


def _bad_request(parameter: str, message: str) -> Answer:
    return Answer(400, {"error": {"json": {parameter: message}}})


@dataclass(frozen=True)
class Paging:
    """How pages are numbered: the documentation can be read in several ways.

    Attributes:
        first_page: The number of the first page. Where it is 1, a lower number asks
            for page 1.
        max_page_counts_pages: Whether `max_page` is the number of pages rather than
            the number of the last page; differs only where the first page is 0.
        empty_max_page: `max_page` of an empty list where the first page is 1.
        past_end: The answer past the last page: an empty page, the last page under
            its own number, or a 404.
    """

    first_page: Literal[0, 1] = 1
    max_page_counts_pages: bool = False
    empty_max_page: Literal[0, 1] = 1
    past_end: PastEnd = "empty"

    def last_page(self, count: int, per_page: int) -> int:
        """Give the number of the last page of `count` keys; the first when none."""
        pages = -(-count // per_page)
        return max(pages, 1) - 1 + self.first_page

    def max_page(self, count: int, per_page: int) -> int:
        """Give the `max_page` that is answered."""
        if self.first_page == 1 and count == 0:
            return self.empty_max_page
        if self.first_page == 0 and self.max_page_counts_pages:
            return -(-count // per_page)
        return self.last_page(count, per_page)


class _InvalidParameterError(Exception):
    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.answer = _bad_request(parameter, message)


def _integer(query: Query, name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise _InvalidParameterError(name, "Not a valid integer.")
    return int(text)


def _per_page(query: Query) -> int:
    per_page = _integer(query, "per_page", 30)
    if not 1 <= per_page <= 100:
        name = "per_page"
        raise _InvalidParameterError(name, "Must be between 1 and 100.")
    return per_page


Choice = TypeVar("Choice", bound=str)


def _choice(query: Query, name: str, choices: tuple[Choice, ...]) -> Choice | None:
    text = query.get(name)
    if text is None:
        return None
    for choice in choices:
        if choice == text:
            return choice
    raise _InvalidParameterError(name, f"Not one of: {', '.join(choices)}.")


def _filters(query: Query) -> Filters:
    whole = _choice(query, "include_all_permissions", ("true", "false"))
    return Filters(
        status=_choice(query, "status", get_args(Status)),
        type=_choice(query, "type", get_args(UserType)),
        search_text=query.get("search_text"),
        include_all_permissions=whole == "true",
    )


def list_keys(account: Account, paging: Paging, query: Query) -> Answer:
    """Answer `GET /api_keys`."""
    try:
        filters = _filters(query)
        page = max(_integer(query, "page", 0), paging.first_page)
        per_page = _per_page(query)
    except _InvalidParameterError as error:
        return error.answer

    def place(count: int) -> slice:
        nonlocal page
        if paging.past_end == "clamp":
            page = min(page, paging.last_page(count, per_page))
        start = (page - paging.first_page) * per_page
        return slice(start, start + per_page)

    count, keys = account.select(filters, place)
    if paging.past_end == "not_found" and page > paging.last_page(count, per_page):
        return not_found()
    body = b'{"page":%d,"max_page":%d,"count":%d,"api_keys":[%b]}' % (
        page,
        paging.max_page(count, per_page),
        count,
        b",".join(keys),
    )
    return Answer(200, body, page=page)


def get_key(account: Account, key_id: int, query: Query) -> Answer:
    """Answer `GET /api_keys/{id}`."""
    try:
        whole = _filters(query).include_all_permissions
        return Answer(200, account.record(key_id, include_all_permissions=whole))
    except _InvalidParameterError as error:
        return error.answer
    except KeyError:
        return not_found()


_WRITABLE = {
    "label",
    "description",
    "expiration_date",
    "ip_whitelist",
    "has_restricted_permissions",
    "permissions",
}


def create_key(account: Account, body: bytes) -> Answer:
    """Answer `POST /api_keys`."""
    try:
        fields = json.loads(body or b"{}")
    except ValueError:
        return _bad_request("body", "Not valid JSON.")
    if not isinstance(fields, dict) or not fields.keys() <= _WRITABLE:
        return _bad_request("body", f"Fields are: {', '.join(sorted(_WRITABLE))}.")
    return Answer(201, account.create(**fields))


def revoke_key(account: Account, key_id: int) -> Answer:
    """Answer `POST /api_keys/revoke/{id}`."""
    try:
        account.revoke(key_id)
    except KeyError:
        return not_found()
    return Answer(200, {"id": key_id, "status": "success"})
