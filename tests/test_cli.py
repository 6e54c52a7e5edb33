"""The command line: what it reports about itself, and how it refuses wrong use."""

from __future__ import annotations

import json
import re
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tap_partoo.tap import TapPartoo
from tests import tap

if TYPE_CHECKING:
    from tests.conftest import RunTap
    from tests.partoo_api import StandIn

SETTINGS = (
    "api_key",
    "api_url",
    "org_id",
    "start_date",
    "api_keys_status",
    "api_keys_type",
    "api_keys_search_text",
    "api_keys_include_all_permissions",
    "reviews_lookback_days",
    "presence_metrics_lookback_days",
    "categories_language",
    "per_page",
    "requests_per_minute",
    "concurrency",
    "user_agent",
    "request_timeout",
    "emit_activate_version_messages",
)

# As the API's documentation lists them.
FIELDS = [
    "id",
    "label",
    "description",
    "user_id",
    "user_name",
    "user_role",
    "user_type",
    "disabled",
    "expiration_date",
    "last_used_at",
    "created_by",
    "created_by_name",
    "created_at",
    "revoked_by",
    "revoked_by_name",
    "revoked_at",
    "ip_whitelist",
    "has_restricted_permissions",
    "permissions",
]


@pytest.fixture(scope="module")
def about() -> dict[str, Any]:
    """What `--about --format=json` shows."""
    run = tap.run("--about", "--format=json")
    assert run.returncode == 0
    shown: dict[str, Any] = json.loads(run.stdout)
    return shown


@pytest.mark.parametrize("name", SETTINGS)
def test_about_json_describes_each_setting(about: dict[str, Any], name: str) -> None:
    setting = about["settings"]["properties"][name]
    assert setting["title"]
    assert setting["description"].endswith(".")


def test_about_json_shows_the_settings_and_no_other_ones(about: dict[str, Any]) -> None:
    # The SDK adds its own settings to the class; these are not the tap's.
    sdk: dict[str, Any] = {"properties": {}}
    TapPartoo.append_builtin_config(sdk)
    shown = about["settings"]["properties"].keys() - sdk["properties"].keys()
    assert shown == set(SETTINGS)


def test_about_json_shows_defaults_and_what_is_accepted(about: dict[str, Any]) -> None:
    settings = about["settings"]["properties"]
    assert about["settings"]["required"] == ["api_key"]
    assert {
        name: setting["default"]
        for name, setting in settings.items()
        if name in SETTINGS and "default" in setting
    } == {
        "api_url": "https://api.partoo.co/v2",
        "api_keys_include_all_permissions": False,
        "reviews_lookback_days": 30,
        "presence_metrics_lookback_days": 10,
        "categories_language": "en",
        "requests_per_minute": 240,
        "concurrency": 4,
        "request_timeout": 60,
        "emit_activate_version_messages": False,
    }
    assert {
        name: (setting["minimum"], setting.get("maximum"))
        for name, setting in settings.items()
        if "minimum" in setting
    } == {
        "org_id": (1, None),
        "reviews_lookback_days": (0, 365),
        "presence_metrics_lookback_days": (0, 365),
        "per_page": (1, 500),
        "requests_per_minute": (1, None),
        "concurrency": (1, 16),
        "request_timeout": (1, None),
    }
    assert {
        name: setting["enum"] for name, setting in settings.items() if "enum" in setting
    } == {
        "api_keys_status": ["active", "inactive", "disabled", "expired"],
        "api_keys_type": ["bot", "user"],
    }
    secrets = {name for name, setting in settings.items() if setting.get("secret")}
    assert secrets == {"api_key", "api_keys_search_text"}


def test_about_tells_what_the_tap_can_do(about: dict[str, Any]) -> None:
    capabilities = set(about["capabilities"])
    assert {"catalog", "discover", "state", "test", "about"} <= capabilities
    assert {"stream-maps", "schema-flattening", "activate-version"} <= capabilities
    assert "batch" not in capabilities


def test_about_text_describes_each_setting(about: dict[str, Any]) -> None:
    run = tap.run("--about")
    assert run.returncode == 0
    shown = run.stdout.decode().partition("Settings:")[2]
    # Each begins on a line of its own, and goes on further to the right.
    blocks = {
        block.partition(":")[0]: block for block in re.split(r"\n  (?=\S)", shown)
    }
    for name in SETTINGS:
        setting = about["settings"]["properties"][name]
        expected = [
            setting["title"],
            setting["description"],
            f"TAP_PARTOO_{name.upper()}",
        ]
        expected += accepted(setting)
        assert [text for text in expected if str(text) not in blocks[name]] == []


def accepted(setting: dict[str, Any]) -> list[Any]:
    """Return the values that a user must know."""
    limits = ("minimum", "maximum", "default")
    return [*setting.get("enum", ()), *(setting[n] for n in limits if n in setting)]


def test_about_markdown_describes_each_setting(about: dict[str, Any]) -> None:
    run = tap.run("--about", "--format=markdown")
    assert run.returncode == 0
    rows = {
        cells[1].strip(): " ".join(cells[2:])
        for line in run.stdout.decode().splitlines()
        if len(cells := line.split("|")) > 3
    }
    for name in SETTINGS:
        setting = about["settings"]["properties"][name]
        assert setting["description"] in rows[name]
        # The table has no column for what is accepted: the text must name it.
        words = set(re.findall(r"[^\s,;()]+(?<![.:])", rows[name]))
        assert [value for value in accepted(setting) if str(value) not in words] == []


@pytest.fixture(scope="module")
def catalog() -> dict[str, Any]:
    """What `--discover` returns without any setting."""
    run = tap.run("--discover")
    assert run.returncode == 0
    discovered: dict[str, Any] = json.loads(run.stdout)
    return discovered


def test_discovery_needs_no_key_and_documents_the_table(
    catalog: dict[str, Any],
) -> None:
    stream = next(s for s in catalog["streams"] if s["tap_stream_id"] == "api_keys")
    assert stream["key_properties"] == ["id"]
    assert stream["replication_key"] == "created_at"
    properties = stream["schema"]["properties"]
    assert list(properties) == FIELDS
    for definition in properties.values():
        assert definition["description"].endswith(".")


def root_of(stream: dict[str, Any]) -> dict[str, Any]:
    [root] = [m["metadata"] for m in stream["metadata"] if not m["breadcrumb"]]
    return dict(root)


def test_discovery_selects_all_of_api_keys_and_no_other_stream(
    catalog: dict[str, Any],
) -> None:
    assert len(catalog["streams"]) == 22
    [stream] = [s for s in catalog["streams"] if root_of(s)["selected"]]
    assert stream["tap_stream_id"] == "api_keys"
    metadata = {tuple(m["breadcrumb"]): m["metadata"] for m in stream["metadata"]}
    assert metadata[()]["selected"] is True
    inclusion = {path[1]: m["inclusion"] for path, m in metadata.items() if path}
    automatic = {"id": "automatic", "created_at": "automatic"}
    assert inclusion == dict.fromkeys(FIELDS, "available") | automatic


def test_discovered_catalog_extracts_everything(
    api: StandIn, run_tap: RunTap, catalog: dict[str, Any]
) -> None:
    run = run_tap(api, catalog=catalog)
    assert run.returncode == 0
    assert len(run.ids) == 287
    assert list(run.of_type("SCHEMA")[0]["schema"]["properties"]) == FIELDS


def test_schema_test_writes_schemas_and_asks_nothing(
    api: StandIn, run_tap: RunTap
) -> None:
    run = run_tap(api, "--test=schema")
    assert run.returncode == 0
    assert [m["type"] for m in run.messages] == ["SCHEMA"] * 22
    assert api.requests == []


def test_version_as_console_script() -> None:
    # Next to the interpreter, whether or not its folder is on the PATH.
    script = shutil.which("tap-partoo", path=str(Path(sys.executable).parent))
    assert script
    run = tap.run("--version", command=[script])
    assert run.returncode == 0
    assert run.stdout.decode().startswith(f"tap-partoo v{version('tap-partoo')},")


def assert_refused(run: tap.Run, code: int, *named: str) -> None:
    """Check for one line that names what is wrong, and nothing that could be loaded."""
    assert run.returncode == code
    assert run.stdout == b""
    [error] = run.errors
    assert [name for name in named if name not in error] == []
    assert "Traceback" not in run.stderr
    assert "ERROR" not in run.stderr


@pytest.mark.parametrize(
    ("args", "named"),
    [
        pytest.param(["--nope"], "--nope", id="unknown option"),
        pytest.param(["--about", "--format=xml"], "xml", id="unknown format"),
        pytest.param(["--test=shcema"], "shcema", id="unknown test"),
    ],
)
def test_wrong_use_is_one_line(args: list[str], named: str) -> None:
    assert_refused(tap.run(*args), 2, named)


@pytest.mark.parametrize("option", ["config", "state"])
def test_file_that_does_not_exist_is_named(option: str, tmp_path: Path) -> None:
    run = tap.run(f"--{option}", str(tmp_path / "missing.json"))
    # A file of settings is a matter of the tap, which reads it; the others are one of
    # the command line.
    code = 1 if option == "config" else 2
    assert_refused(run, code, option, "missing.json", "No such file")


@pytest.mark.parametrize(
    ("option", "content", "named"),
    [
        pytest.param("config", b'{"api_key": ', "not JSON", id="config, cut off"),
        pytest.param("catalog", b"", "not JSON", id="catalog, empty"),
        pytest.param("config", b'["api_key"]', "object", id="config, a list"),
        pytest.param("state", b"null", "object", id="state, null"),
        pytest.param("state", b'{"x": "\xff"}', "UTF-8", id="state, Latin-1"),
    ],
)
def test_file_that_cannot_be_used_is_named(
    option: str, content: bytes, named: str, tmp_path: Path
) -> None:
    path = tmp_path / "given.json"
    path.write_bytes(content)
    assert_refused(tap.run(f"--{option}", str(path)), 1, option, "given.json", named)


def test_folder_instead_of_a_file_is_named(tmp_path: Path) -> None:
    assert_refused(tap.run("--config", str(tmp_path)), 1, "config", str(tmp_path))


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_a_slow_reader_gets_the_whole_catalog(unbuffered: str, tmp_path: Path) -> None:
    """It is longer than what a pipe takes at once."""
    env = {"PYTHONUNBUFFERED": unbuffered}
    run = tap.Started(tmp_path, "--discover", env=env)
    tap.wait_until_full(run)
    stdout, _ = run.process.communicate(timeout=60)
    assert run.process.returncode == 0
    assert len(stdout) > 65537
    assert json.loads(stdout)["streams"]
