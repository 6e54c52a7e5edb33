"""No tap: the shortest loop that turns the pages into lines of JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import orjson  # type: ignore[import-not-found] # see requirements.txt
import requests


def main() -> None:
    """Read all pages, one after the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    config = json.loads(parser.parse_args().config.read_text(encoding="utf-8"))

    session = requests.Session()
    session.headers["x-APIKey"] = config["api_key"]
    url = f"{config['api_url']}/api_keys"
    page = last = 1
    while page <= last:
        params = {"page": page, "per_page": config["per_page"]}
        response = session.get(url, params=params, timeout=60)
        response.raise_for_status()
        envelope = orjson.loads(response.content)
        sys.stdout.buffer.writelines(
            orjson.dumps(row) + b"\n" for row in envelope["api_keys"]
        )
        page, last = page + 1, envelope["max_page"]


if __name__ == "__main__":
    main()
