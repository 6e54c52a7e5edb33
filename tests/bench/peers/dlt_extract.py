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
                "paginator": {
                    "type": "page_number",
                    "base_page": 1,
                    "page_param": "page",
                    "total_path": "max_page",
                },
            },
            "resources": [
                {
                    "name": "api_keys",
                    "primary_key": "id",
                    "endpoint": {
                        "path": "api_keys",
                        "params": {"per_page": config["per_page"]},
                        "data_selector": "api_keys",
                    },
                }
            ],
        }
    )
    pipeline = dlt.pipeline(
        "bench", destination="dummy", pipelines_dir=str(path.parent / "dlt")
    )
    pipeline.extract(source)


if __name__ == "__main__":
    main()
