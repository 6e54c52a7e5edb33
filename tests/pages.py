"""The pages and tables about streams that are generated from the code.

`python -m tests.pages` writes them; `tests/test_docs.py` fails where they are old.
"""

from __future__ import annotations

import ast
import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_partoo.settings import SETTINGS
from tap_partoo.streams import STREAMS
from tap_partoo.tap import TapPartoo
from tests.tap import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from tap_partoo.streams.base import PartooStream

DOCS = ROOT / "docs"
PACKAGE = ROOT / "tap_partoo"
MADE_BY = "<!-- Made by `python -m tests.pages`, from the code. -->\n"


class Cost(NamedTuple):
    """About how many requests an organisation with 2,000 stores needs."""

    full: str
    """For a first or FULL_TABLE run."""
    daily: str
    """For each later run."""


# With 500,000 reviews, 2,500 users, 20,000 conversations, 100,000 feedbacks.
COSTS: dict[str, Cost] = {
    "api_keys": Cost("3", "3"),
    "businesses": Cost("20", "20"),
    "reviews": Cost("5,356", "175"),
    "presence_metrics": Cost("1,922", "40"),
    "search_keywords": Cost("2,000", "2,000"),
    "publisher_states": Cost("20", "20"),
    "users": Cost("25", "25"),
    "sections": Cost("5", "5"),
    "groups": Cost("5", "5"),
    "organizations": Cost("1", "1"),
    "posts": Cost("480", "480"),
    "reply_templates": Cost("10", "10"),
    "custom_fields": Cost("1", "1"),
    "custom_field_sections": Cost("1", "1"),
    "custom_roles": Cost("11", "11"),
    "permissions": Cost("1", "1"),
    "categories": Cost("45", "45"),
    "webhooks": Cost("1", "1"),
    "conversations": Cost("200", "200"),
    "messages": Cost("20,000", "300"),
    "feedback_results": Cost("3,334", "3,334"),
    "feedback_forms": Cost("1", "1"),
}

# What the code cannot tell.
HISTORY = {
    "api_keys": "all keys that exist",
    "reviews": "from `start_date`, else everything",
    "presence_metrics": "from `start_date`, else 18 months; Google keeps no more",
    "search_keywords": "from `start_date`, else 18 months; Google keeps no more",
    "publisher_states": "as of now, no history",
    "messages": "from `start_date`, else everything",
    "posts": "those of businesses that are still connected",
}
LATEST = "as of now"

ADVICE = """\
## Values

All columns except the primary key may be null. Times have an offset and are always UTC,
such as `2018-03-12T11:49:03.399475+00:00`; dates are `2018-03-12`. If the shape of a
value is not documented, or varies, the column contains its JSON text.

A value that does not have the type of its column is converted if nothing is lost;
otherwise it becomes null, and one warning per column says how many. The character NUL,
which databases refuse, becomes `�`. Fields that this version does not know are left out
and named in one warning. Fields that could contain a secret (`api_key`, `token`,
`password`, the address and headers of a webhook) are never loaded.
"""

# Notes, in addition to the columns.
NOTES = {
    "api_keys": """\
### The status of a key

Partoo derives the status of a key and does not send it. A key is disabled if `disabled`
is true, expired if `expiration_date` is in the past, and otherwise active. In
PostgreSQL, this lists the active keys that nobody has used for 90 days:

```sql
SELECT id, label, user_name, last_used_at
FROM partoo.api_keys
WHERE NOT disabled
  AND (expiration_date IS NULL OR expiration_date >= current_date)
  AND (
    last_used_at IS NULL
    OR last_used_at < now() AT TIME ZONE 'UTC' - interval '90 days'
  );
```
"""
}

_LINK = re.compile(r"https://\S+")


def title(stream: type[PartooStream]) -> str:
    """What a stream contains, in one line."""
    return (stream.__doc__ or "").partition("\n")[0]


def replication(stream: type[PartooStream]) -> str:
    """How a stream is replicated, and by which column."""
    key = stream.replication_key
    return f"incremental, `{key}`" if key else "full table"


def keys(stream: type[PartooStream]) -> str:
    return ", ".join(f"`{name}`" for name in stream.primary_keys)


def area(stream: type[PartooStream]) -> str:
    """The page of a stream's columns, without its ending."""
    return stream.__module__.rpartition(".")[2]


def table(heads: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    rows = [heads, [":--"] * len(heads), *map(list, lines)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


# Tables of all streams.


def streams_table(columns: str) -> str:
    """The table for the README.

    Args:
        columns: Where the pages of columns are, seen from the page of the table.
    """
    return table(
        (
            "Stream",
            "What it holds",
            "Primary key",
            "Replication",
            "Needs",
            "Personal data",
            "Requests: first run, daily",
        ),
        (
            (
                f"[`{s.name}`]({columns}/{area(s)}.md#{s.name})",
                title(s),
                keys(s),
                replication(s),
                s.needs or "-",
                "yes" if s.personal_data else "-",
                COSTS[s.name].full
                if len(set(COSTS[s.name])) == 1
                else f"{COSTS[s.name].full}, {COSTS[s.name].daily}",
            )
            for s in STREAMS
        ),
    )


def settings_table() -> str:
    """The tap's own settings, without those of the SDK."""
    required = SETTINGS["required"]
    of_sdk: dict[str, Any] = {"properties": {}}
    TapPartoo.append_builtin_config(of_sdk)
    return table(
        ("Setting", "Default", "Meaning"),
        (
            (
                f"`{name}`",
                "required" if name in required else default(schema),
                str(schema["description"]),
            )
            for name, schema in SETTINGS["properties"].items()
            if name not in of_sdk["properties"]
        ),
    )


def default(schema: Mapping[str, Any]) -> str:
    value = schema.get("default")
    return "-" if value is None else f"`{str(value).lower()}`"


def exclusions() -> str:
    """All personal data, as patterns for Meltano."""
    lines = (f"- '!{s.name}.{path}'\n" for s in STREAMS for path in s.personal_data)
    return f"```yaml\nselect:\n- api_keys.*\n{''.join(lines)}```\n"


def streams_page() -> str:
    """`docs/streams.md`."""
    requests = table(
        ("Stream", "Endpoint", "Read as", "First or full run", "Daily run", "History"),
        (
            (
                f"`{s.name}`",
                f"`GET {s.path}`",
                reading(s),
                *COSTS[s.name],
                HISTORY.get(s.name, LATEST),
            )
            for s in STREAMS
        ),
    )
    parts = (
        MADE_BY + _INTRODUCTION.format(number=len(STREAMS)),
        streams_table("columns") + _NEEDS,
        _REQUESTS,
        requests + _PARENTS,
        ADVICE,
    )
    return "\n".join(parts)


_INTRODUCTION = """
# Streams

{number} streams. By default, only `api_keys` is selected: all integrations of your
organisation share the rate limit, and much of the data is personal. `meltano select
tap-partoo reviews "*"` adds a stream.
"""

_NEEDS = """
*Needs* is the product or right without which Partoo refuses the stream, or sends an
empty list. `tap-partoo --test` requests one record of each stream, and shows which ones
your key may read. It fails if it cannot read a stream that the catalog selects, or
`api_keys` if there is no catalog. In Meltano, run `meltano select tap-partoo --list`,
which stores the catalog with your selection, and then `meltano invoke tap-partoo
--test`.

If Partoo refuses a stream, the others are still read. The run fails at its end, and its
last line names the refused streams and what they need.
"""

_REQUESTS = """\
## Requests

The approximate number of requests for an organisation with 2,000 stores, 500,000
reviews, 20,000 conversations and 100,000 feedback results. Partoo allows 300 per minute
for each organisation, and the tap sends at most 240 by default: 5,356 requests take
about 22 minutes.
"""

_PARENTS = """
Streams with a query per row of another list read that list once per run, even if it is
not selected: `search_keywords` and `publisher_states` read the businesses, `messages`
the conversations, `groups` the sections.
"""


def reading(stream: type[PartooStream]) -> str:
    """How a list is read."""
    if stream.parent:
        return f"one query per row of `{stream.parent.name}`"
    if stream.ranges:
        return "ranges of time"
    return "whole list"


# Pages of columns.


def fields(
    schema: Mapping[str, Any], place: tuple[str, ...] = ()
) -> Iterator[tuple[str, str, str]]:
    """Yield path, type and description of each column and of the fields in it."""
    for name, definition in schema["properties"].items():
        path = (*place, name)
        yield ".".join(path), kind(definition), definition.get("description", "")
        inner = definition
        while "items" in inner:
            inner = inner["items"]
        if "properties" in inner:
            yield from fields(inner, path)


def kind(definition: Mapping[str, Any]) -> str:
    """The type of a column in words."""
    names = definition["type"]
    [name] = {names} if isinstance(names, str) else set(names) - {"null"}
    if name == "array":
        return f"list of {kind(definition['items'])}s"
    if name == "string":
        return str(definition.get("format", "text"))
    return str(name)


def columns_page(name: str) -> str:
    """A page of `docs/columns/`."""
    streams = [stream for stream in STREAMS if area(stream) == name]
    module = sys.modules[streams[0].__module__]
    first = (module.__doc__ or "").partition("\n")[0]
    parts = [f"{MADE_BY}\n# Columns: {', '.join(s.name for s in streams)}\n\n{first}\n"]
    for stream in streams:
        [link] = _LINK.findall(stream.__doc__ or "")
        rows = fields(stream.columns.to_dict())
        parts.append(
            f"## `{stream.name}`\n\n{title(stream)}\n\n"
            f"`GET {stream.path}` ([Partoo's page]({link})). "
            f"Primary key {keys(stream)}. "
            f"Replication: {replication(stream)}. "
            f"Needs: {stream.needs or 'nothing'}.\n\n"
            + table(
                ("Column", "Type", "Meaning", "Personal data"),
                (
                    (
                        f"`{path}`",
                        word,
                        text.replace("|", "\\|"),
                        "yes" if is_personal(stream, path) else "",
                    )
                    for path, word, text in rows
                ),
            )
        )
        if stream.name in NOTES:
            parts.append(NOTES[stream.name])
    parts.append("The format of values: [streams](../streams.md#values).\n")
    return "\n".join(parts)


def is_personal(stream: type[PartooStream], path: str) -> bool:
    return any(f"{path}.".startswith(f"{p}.") for p in stream.personal_data)


# Where they go.


def pages() -> dict[Path, str]:
    """All pages that are generated as a whole, with their text."""
    names = sorted({area(stream) for stream in STREAMS})
    made = {DOCS / "columns" / f"{name}.md": columns_page(name) for name in names}
    return {DOCS / "streams.md": streams_page(), **made}


def blocks() -> dict[Path, dict[str, str]]:
    """The generated parts of other pages, by the name in their marker."""
    return {
        ROOT / "README.md": {
            "streams": streams_table("docs/columns"),
            "settings": settings_table(),
            "personal data": exclusions(),
        },
        DOCS / "architecture.md": {"modules": modules_table()},
    }


def hub_table() -> str:
    """The streams for the text of the Hub, which shows columns elsewhere."""
    return table(
        ("Stream", "What it holds", "Replication", "Needs"),
        ((f"`{s.name}`", title(s), replication(s), s.needs or "-") for s in STREAMS),
    )


def modules_table() -> str:
    """What each module of the package is for."""
    paths = sorted(PACKAGE.rglob("*.py"), key=lambda path: (len(path.parts), path))
    return table(
        ("Module", "What it is for"),
        (
            (f"`{path.relative_to(PACKAGE)}`", first_sentence(path.read_text("utf-8")))
            for path in paths
        ),
    )


def first_sentence(code: str) -> str:
    return (ast.get_docstring(ast.parse(code)) or "").partition("\n")[0]


def with_blocks(text: str, made: Mapping[str, str]) -> str:
    """Replace the text between the markers by the blocks."""
    for name, block in made.items():
        start, end = f"<!-- {name}: python -m tests.pages -->\n", "<!-- end -->\n"
        before, found, rest = text.partition(start)
        assert found, name
        text = f"{before}{start}\n{block}\n{end}{rest.partition(end)[2]}"
    return text


def main() -> None:
    """Write them all."""
    made = pages()
    (DOCS / "columns").mkdir(exist_ok=True)
    for path in set((DOCS / "columns").glob("*.md")) - made.keys():
        path.unlink()
    for path, parts in blocks().items():
        made[path] = with_blocks(path.read_text(encoding="utf-8"), parts)
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
