"""The schedule of docs/replication.md: other runs load what a daily run misses."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from tests.meltano_project import ROOT, Project
from tests.partoo_api import StandIn, whole_account
from tests.postgres import postgres

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import Database

PAGE = (ROOT / "docs" / "replication.md").read_text(encoding="utf-8")
_, TEXT = PAGE.split("## A schedule that fills the gaps\n")
[EXAMPLE] = re.findall(
    r"```yaml\n(.*?)```", TEXT.partition("\n## ")[0], flags=re.DOTALL
)


def with_example(project: Path) -> dict[str, Any]:
    """Add the example to the project; what a user has of the same name stays."""
    file, yaml = project / "meltano.yml", YAML(typ="safe")
    content, example = yaml.load(file), yaml.load(EXAMPLE)
    [extractor] = content["plugins"]["extractors"]
    same, *inherited = example["plugins"]["extractors"]
    assert same["name"] == extractor["name"]
    extractor |= same
    content["plugins"]["extractors"] += inherited
    content |= {name: example[name] for name in ("jobs", "schedules")}
    YAML().dump(content, file)
    schedules: dict[str, Any] = {s["name"]: s for s in example["schedules"]}
    return schedules


def replies(database: Database, review: int) -> list[Any]:
    with database.connect() as connection:
        [(comments,)] = connection.execute(
            "SELECT to_jsonb(comments) FROM partoo.reviews WHERE id = %s", (review,)
        ).fetchall()
    found: list[Any] = comments
    return found


def test_each_job_brings_what_the_one_before_it_misses(tmp_path: Path) -> None:
    project = Project(tmp_path)
    schedules = with_example(tmp_path)
    with StandIn(whole_account()) as api, postgres() as database:
        key = {"TAP_PARTOO_API_KEY": "demo-key", "TAP_PARTOO_API_URL": api.url}

        def run(job: str) -> None:
            done = project.run("run", schedules[job]["job"], env=key | database.env)
            assert done.returncode == 0, done.stderr

        run("partoo-daily")
        with database.connect() as connection:
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'partoo'"
            ).fetchall()
        assert {name for (name,) in tables} == {
            "api_keys",
            "businesses",
            "reviews",
            "presence_metrics",
        }
        reviews = [r for r in api.account["reviews"].rows() if r["state"] != "deleted"]
        oldest = min(reviews, key=lambda r: r["update_date"] or r["date"])["id"]
        before = len(replies(database, oldest))
        api.account.reply(oldest, "Merci, avec retard")
        run("partoo-daily")
        assert len(replies(database, oldest)) == before
        run("partoo-weekly")
        assert "Merci, avec retard" in json.dumps(replies(database, oldest))
        run("partoo-monthly")
        with database.connect() as connection:
            counted = connection.execute("SELECT count(*) FROM partoo.search_keywords")
            [(count,)] = counted.fetchall()
        assert count == len(api.account["search_keywords"].rows())

        key_id = api.account.records()[0]["id"]
        api.account.edit(key_id, label="Renamed, which leaves no trace")
        [command] = re.findall(r"```sh\nmeltano (.*)\n```", PAGE)
        done = project.run(*command.split(), env=key | database.env)
        assert done.returncode == 0, done.stderr
        with database.connect() as connection:
            [(label,)] = connection.execute(
                "SELECT label FROM partoo.api_keys WHERE id = %s", (key_id,)
            ).fetchall()
        assert label == "Renamed, which leaves no trace"
