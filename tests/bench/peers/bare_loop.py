"""No tap: the shortest loop that turns the pages into lines of JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson  # type: ignore[import-not-found] # see requirements.txt
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator


def main() -> None:
    """Write all rows as lines of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    config = json.loads(parser.parse_args().config.read_text(encoding="utf-8"))

    for rows in pages(Api(config), config["subject"]):
        sys.stdout.buffer.writelines(orjson.dumps(row) + b"\n" for row in rows)


class Api:
    """Gets the pages of a list, one after the other."""

    def __init__(self, config: dict[str, Any]) -> None:
        """Prepare."""
        self._session = requests.Session()
        self._session.headers["x-APIKey"] = config["api_key"]
        self._url = config["api_url"]
        self._per_page = config["per_page"]

    def numbered(self, path: str, key: str, params: dict[str, Any]) -> Iterator[Any]:
        """Yield the rows of each numbered page."""
        page = last = 1
        while page <= last:
            envelope = self._get(path, {**params, "page": page})
            yield envelope[key]
            page, last = page + 1, envelope["max_page"]

    def by_cursor(self, path: str, params: dict[str, Any]) -> Iterator[Any]:
        """Yield the rows of each page by cursor."""
        cursor: dict[str, str] = {}
        while True:
            envelope = self._get(path, {**params, **cursor})
            yield envelope[path]
            if not envelope.get("next_cursor"):
                return
            cursor = {"cursor": envelope["next_cursor"]}

    def _get(self, path: str, params: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        params["per_page"] = self._per_page
        response = self._session.get(f"{self._url}/{path}", params=params, timeout=60)
        response.raise_for_status()
        return orjson.loads(response.content)


def pages(api: Api, subject: dict[str, Any]) -> Iterator[Any]:
    """Yield the rows of each page of a list."""
    if not subject["parent"]:
        path, key = subject["path"], subject["list_key"]
        yield from api.numbered(path, key, subject["params"])
        return
    for parents in api.by_cursor(subject["parent"], {}):
        for parent in parents:
            param = {subject["parent_param"]: parent["id"]}
            yield from api.by_cursor(subject["path"], param)


if __name__ == "__main__":
    main()
