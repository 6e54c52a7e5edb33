"""Checks settings against their JSON schema, with readable messages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from singer_sdk.plugin_base import JSONSchemaValidator

from tap_partoo.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from jsonschema import ValidationError

_KINDS = {
    "array": "a JSON array",
    "boolean": "true or false",
    "null": "null",
    "integer": "a whole number",
    "object": "a JSON object",
    "string": "text",
}


def problems(
    config: dict[str, Any],
    schema: Mapping[str, Any],
    secrets: Collection[str],
) -> Iterator[str]:
    """Fill in the defaults, and yield what the JSON schema does not accept.

    Args:
        config: The settings; changed in place. Whole numbers become integers.
        schema: JSON schema of all settings, those of the SDK included.
        secrets: Settings whose values are not quoted.
    """
    for error in JSONSchemaValidator(_repaired(schema)).iter_errors(config):
        yield _problem(error, config, schema, secrets)
    for name, value in config.items():
        if isinstance(value, str) and re.search("[\ud800-\udfff]", value):
            yield f"The setting `{redact.quote(name)}` must be text in UTF-8"
    for name, value in config.items():
        if isinstance(value, float) and value.is_integer():  # in JSON, 50.0 is one
            config[name] = int(value)


def _repaired(schema: Any) -> Any:  # noqa: ANN401 - any part of a JSON schema
    """Return a schema without the SDK's mistake: a type where a schema must be."""
    if isinstance(schema, list):
        return list(map(_repaired, schema))
    if not isinstance(schema, dict):
        return schema
    return {
        name: [{"type": p} if isinstance(p, str) else _repaired(p) for p in part]
        if name == "anyOf"
        else _repaired(part)
        for name, part in schema.items()
    }


def unknown(config: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Return the names that are not settings, mostly typos."""
    return sorted(map(redact.quote, set(config) - set(schema["properties"])))


def accepted(schema: Mapping[str, Any]) -> str:
    """Describe the values that the JSON schema of a setting accepts."""
    if "enum" in schema:
        *others, last = schema["enum"]
        return f"{', '.join(others)} or {last}"
    if schema.get("format") == "date-time":
        return "a date such as 2024-01-31 or 2024-01-31T08:00:00Z"
    if several := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(map(accepted, several)))
    if "const" in schema:
        return repr(schema["const"])
    types = schema.get("type", "")
    kind = types if isinstance(types, str) else types[0]
    words = _KINDS.get(kind, f"of type {kind}")
    if "maximum" in schema:
        return f"{words} from {schema['minimum']} to {schema['maximum']}"
    return f"{words}, at least {schema['minimum']}" if "minimum" in schema else words


def _problem(
    error: ValidationError,
    config: Mapping[str, Any],
    schema: Mapping[str, Any],
    secrets: Collection[str],
) -> str:
    if not error.absolute_path:
        missing = [name for name in schema["required"] if name not in config]
        return f"The setting `{'`, `'.join(missing)}` is missing"
    name, *inner = map(str, error.absolute_path)
    path = redact.quote(".".join((name, *inner)))
    given = "" if name in secrets else f", not {redact.quote(repr(error.instance))}"
    inside = error.schema if isinstance(error.schema, dict) else {}
    wanted = accepted(inside if inner else schema["properties"][name])
    return f"The setting `{path}` must be {wanted}{given}"
