"""Rows of every stream with a value in each field, to be broken one by one."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.every import FORMS, Names, Record, places, schema_of
from tests.partoo_api import RESOURCES, Account

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FROM_QUERY = {
    ("search_keywords", "business_id"),
    ("messages", "conversation_id"),
    ("groups", "section_id"),
}
"""The fields that decide in which list a row is."""

CONFIGS: dict[str, dict[str, Any]] = {
    "api_keys": {"api_keys_include_all_permissions": True}
}
"""Settings that the stand-in needs to send all rows."""

PARENT_ROWS: dict[str, tuple[str, Record]] = {
    "search_keywords": ("businesses", {"id": "shop"}),
    "groups": ("sections", {"id": 7}),
    "messages": ("conversations", {"id": 7}),
}

HOST = ("webhooks", ("url_host",))
"""The one column that is made from another field, its `url`."""


def full_row(account: Account, name: str, number: int) -> Record:
    """Return a row, as Partoo would send it, with a value in each field.

    Args:
        account: Has the current day.
        name: The stream.
        number: Decides the key.
    """
    row: Record = _raw(name, schema_of(name), ())
    resource, today = RESOURCES[name], account.now().date()
    if name == "webhooks":
        row["url"] = f"https://{row.pop('url_host')}/hook"
    if name == "permissions":  # as many sections as rows: each has its own fields
        row |= {"section": f"section {number}", "subsection": "pages"}
    if "date" in resource.key:
        row["date"] = (today - timedelta(days=70)).replace(day=1).isoformat()
    if parent := PARENT_ROWS.get(name):
        [field] = [field for stream, field in FROM_QUERY if stream == name]
        row[field] = parent[1]["id"]
    changing = {"presence_metrics": "business_id", "publisher_states": "business_id"}
    field = changing.get(name, resource.key[-1])
    row[field] = 10_000 + number if type(row[field]) is int else f"key-{number}"
    return row


def _raw(name: str, schema: Mapping[str, Any], path: Names) -> Any:  # noqa: ANN401
    form, place = FORMS[name], ".".join(path)
    if place in form.epochs:
        return 1_700_000_000.25
    if place in form.json:
        return [{"ü": None, "a": [1, 2.5]}, "x"]
    [kind] = (
        [kind for kind in schema["type"] if kind != "null"]
        if isinstance(schema["type"], list)
        else [schema["type"]]
    )
    if kind == "object":
        fields = schema["properties"].items()
        return {field: _raw(name, each, (*path, field)) for field, each in fields}
    if kind == "array":
        return [_raw(name, schema["items"], path) for _ in range(2)]
    formats = {
        "date-time": "2025-10-01 12:30:00.000500+02",
        "date": "2025-10-01",
        None: "text",
    }
    values = {"integer": 7, "number": 1.5, "boolean": True}
    return values.get(kind, formats[schema.get("format")])


def hold(account: Account, name: str, rows: Sequence[Record]) -> None:
    """Replace the rows of a stream in the account.

    Args:
        account: The account; without rows that matter.
        name: The stream.
        rows: The rows, in order.
    """
    account[name].clear()
    if parent := PARENT_ROWS.get(name):
        account[parent[0]].clear()
        account[parent[0]].insert(parent[1])
    if name == "publisher_states":
        account["businesses"].clear()
        for row in rows:
            account["businesses"].insert({"id": row["business_id"]})
    for number, row in enumerate(rows):
        account[name].insert(row, number)


def spoilt(row: Record, path: Names, value: object) -> Record:
    """Return a copy of a row with another value at a path, in each object there."""
    result = copy.deepcopy(row)
    for holder, field in places(result, path):
        holder[field] = value
    return result


def wrong_value(name: str, path: Names, definition: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Return a value that does not fit a field; None where any does."""
    place, form = ".".join(path), FORMS[name]
    if place in form.json or (name, place) == ("messages", "content"):
        return None
    if place in form.epochs:
        return "2025-10-01T00:00:00Z"
    kinds = definition["type"]
    if "string" in kinds:
        return "some day" if "format" in definition else {"secret": "s3cret-value"}
    if "integer" in kinds:
        return 7.5
    of_texts = "array" in kinds and "properties" not in definition["items"]
    return {"secret": "s3cret-value"} if of_texts else "s3cret-value"
