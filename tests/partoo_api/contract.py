"""What each path returns, by the documentation.

https://developers.partoo.co/rest_api/v2/
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .paging import Numbering, Page, Query
from .parameters import one_of
from .refusals import (
    InvalidParameterError,
    UnknownParameterError,
    bad_request,
    not_found,
    refused,
)
from .resource import Kind, Parameter, Resource, Values
from .wire import Response

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from .account import Account
    from .habits import Habits

_PAGE_PARAMETERS: dict[Kind, frozenset[str]] = {
    "numbered": frozenset(("page", "per_page")),
    "map": frozenset(("page", "per_page")),
    "cursor": frozenset(("cursor", "per_page")),
    "one response": frozenset(),
}


def _page_parameters(resource: Resource) -> frozenset[str]:
    names = _PAGE_PARAMETERS[resource.pages.kind]
    return names if resource.pages.maximum else names - {"per_page"}


def _values(
    account: Account,
    resource: Resource,
    habits: Habits,
    query: Query,
    names: Iterable[str],
) -> Values:
    """Parse the parameters; only these are known."""
    values: dict[str, Hashable] = {}
    for name in query:
        if name not in names:
            raise UnknownParameterError(name)
        parameter = _parameter(resource, habits, name)
        try:
            value = parameter.parse(query[name])
        except ValueError as error:
            raise InvalidParameterError(name, str(error)) from None
        values[name] = parameter.resolve(account, value) if parameter.resolve else value
    return values


def _parameter(resource: Resource, habits: Habits, name: str) -> Parameter:
    if name != "order_by":
        return resource.parameters[name]
    names = resource.orders if habits.orders else ()
    return Parameter(one_of(*names, *(f"-{each}" for each in names)))


def _list_values(
    account: Account, resource: Resource, habits: Habits, query: Query
) -> Values:
    """Parse the parameters of a list besides those of the page."""
    parameters = resource.parameters
    known = {name for name, each in parameters.items() if each.documented}
    if resource.orders:
        known.add("order_by")
    of_page = _page_parameters(resource)
    others = {name: query[name] for name in query if name not in of_page}
    values = _values(account, resource, habits, others, known)
    for name, parameter in parameters.items():
        if parameter.required and name not in values:
            raise InvalidParameterError(name, "Missing data for required field.")
    implied = resource.implied(values, habits) if resource.implied else None
    return {**values, **implied} if implied else values


def list_rows(
    account: Account,
    resource: Resource,
    numbering: Numbering,
    habits: Habits,
    query: Query,
) -> Response:
    """Return the response for a list."""
    if status := account.refusal(resource.name, query, detail={}):
        return refused(status)
    try:
        values = _list_values(account, resource, habits, query)
        page = Page(query, resource.pages, numbering)
    except InvalidParameterError as error:
        return error.response
    if resource.missing and resource.missing(account, values):
        return not_found()
    table = account[resource.name]
    if resource.units:
        units = table.units(values, habits)
        count, rows = len(units), units[page.place(len(units))]
    else:
        view = resource.view(account, values, habits) if resource.view else None
        count, rows = table.select(values, habits, page.place, view)
    if page.behind(count):
        return not_found()
    body = _body(resource, page, habits, count, rows)
    return Response(200, body, page=page.number)


def _body(
    resource: Resource, page: Page, habits: Habits, count: int, rows: list[bytes]
) -> bytes:
    kind = page.kind
    before, after = b"", b""
    if kind == "numbered" and (habits.counts_sections or resource.name != "sections"):
        before = page.counters(count)
    elif kind == "cursor":
        after = page.cursor(count, habits)
    elif kind == "map":
        after = b',"count":%d' % len(rows)
    name, listed = resource.list_key.encode(), b",".join(rows)
    frame = b'{%b"%b":{%b}%b}' if kind == "map" else b'{%b"%b":[%b]%b}'
    return frame % (before, name, listed, after)


def get_row(
    account: Account, resource: Resource, habits: Habits, key: str, query: Query
) -> Response:
    """Return the response for the path of one row."""
    detail = resource.detail
    if detail is None:
        return not_found()
    if status := account.refusal(resource.name, query, detail={detail.field: key}):
        return refused(status)
    try:
        values = _values(account, resource, habits, query, detail.parameters)
    except InvalidParameterError as error:
        return error.response
    table = account[resource.name]
    number = int(key) if key.isascii() and key.isdigit() else key
    with account.lock:
        rows = table.with_value(detail.field, key)
        rows = rows or table.with_value(detail.field, number)
        view = detail.view(account, values, habits) if detail.view else None
        return Response(200, rows[0].json(view)) if rows else not_found()


_WRITABLE = {
    "label",
    "description",
    "expiration_date",
    "ip_whitelist",
    "has_restricted_permissions",
    "permissions",
}


def create_key(account: Account, body: bytes) -> Response:
    """Return the response for `POST /api_keys`."""
    try:
        fields = json.loads(body or b"{}")
    except ValueError:
        return bad_request("body", "Not valid JSON.")
    if not isinstance(fields, dict) or not fields.keys() <= _WRITABLE:
        return bad_request("body", f"Fields are: {', '.join(sorted(_WRITABLE))}.")
    return Response(201, account.create(**fields))


def revoke_key(account: Account, key_id: int) -> Response:
    """Return the response for `POST /api_keys/revoke/{id}`."""
    try:
        account.revoke(key_id)
    except KeyError:
        return not_found()
    return Response(200, {"id": key_id, "status": "success"})
