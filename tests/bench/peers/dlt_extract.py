"""The first of dlt's three steps: it writes the records of the API to files.

Normalising and loading, which a Singer target does, are left out.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import dlt  # type: ignore[import-not-found] # see requirements.txt
from dlt.sources import rest_api  # type: ignore[import-not-found] # likewise


def main() -> None:
    """Extract to a folder beside the config file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    path = parser.parse_args().config
    config = json.loads(path.read_text(encoding="utf-8"))
    subject, size = config["subject"], {"per_page": config["per_page"]}
    pages = {
        "type": "page_number",
        "base_page": 1,
        "page_param": "page",
        "total_path": "max_page",
    }
    cursors = {
        "type": "cursor",
        "cursor_path": "next_cursor",
        "cursor_param": "cursor",
    }
    resources = [
        {
            "name": subject["stream"],
            "primary_key": "id" if subject["has_id"] else ["business_id", "date"],
            "endpoint": {
                "path": subject["path"],
                "params": {**subject["params"], **size},
                "data_selector": subject["list_key"],
                "paginator": cursors if subject["parent"] else pages,
            },
        }
    ]
    if parent := subject["parent"]:
        param = {subject["parent_param"]: f"{{resources.{parent}.id}}"}
        resources[0]["endpoint"]["params"] |= param
        endpoint = {
            "path": parent,
            "params": size,
            "data_selector": parent,
            "paginator": cursors,
        }
        resources.append({"name": parent, "primary_key": "id", "endpoint": endpoint})
    source = rest_api.rest_api_source(
        {
            "client": {
                "base_url": config["api_url"],
                "auth": {
                    "type": "api_key",
                    "name": "x-APIKey",
                    "api_key": config["api_key"],
                    "location": "header",
                },
            },
            "resources": resources,
        }
    )
    pipeline = dlt.pipeline(
        "bench", destination="dummy", pipelines_dir=str(path.parent / "dlt")
    )
    pipeline.extract(source)


if __name__ == "__main__":
    main()
