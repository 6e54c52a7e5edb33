"""The inputs of the command: read once, by one reader, and never quoted in full."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tap_partoo.errors import InputError
from tap_partoo.tap import TapPartoo
from tests import tap
from tests.every import catalog_of
from tests.failures import BOOKMARK, STATE
from tests.in_process import discover, own_signals, run_here
from tests.partoo_api import Account, StandIn, make_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "kZ7-of-the-organisation-x9Q"


@pytest.fixture(scope="module")
def api() -> Iterator[StandIn]:
    with StandIn(Account(make_keys(60), api_key=SECRET)) as stand_in:
        yield stand_in


def config_of(api: StandIn, **more: Any) -> dict[str, Any]:
    return {"api_key": SECRET, "api_url": api.url, **more}


def variables(api: StandIn, **more: str) -> dict[str, str]:
    settings = {"api_key": SECRET, "api_url": api.url, **more}
    return {f"TAP_PARTOO_{name.upper()}": value for name, value in settings.items()}


def one_error(run: tap.Run, *named: str, code: int = 1) -> str:
    assert run.returncode == code
    assert run.stdout == b""
    [error] = run.errors
    assert run.stderr.splitlines()[-1] == error
    assert [name for name in named if name not in error] == []
    assert error.isprintable()
    assert "Traceback" not in run.stderr
    assert "report it" not in error
    assert SECRET not in run.stderr
    return error


def warnings(run: tap.Run) -> list[str]:
    return [line for line in run.stderr.splitlines() if "WARNING" in line]


# Files that can be read only once.


@pytest.mark.parametrize("option", ["config", "state", "catalog"])
def test_a_named_pipe_is_read_once(option: str, api: StandIn, tmp_path: Path) -> None:
    given: dict[str, Any] = {
        "config": config_of(api),
        "state": STATE,
        "catalog": discover(),
    }
    files = tap.arguments(tmp_path, **given)
    path = Path(files[files.index(f"--{option}") + 1])
    content = path.read_bytes()
    path.unlink()
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=[content], daemon=True)
    writer.start()
    run = tap.run(*files, timeout=30)
    assert run.returncode == 0, run.stderr
    assert run.state is not None
    assert f"active since {BOOKMARK}" in run.stderr


@pytest.mark.parametrize("path", ["/dev/stdin", "/dev/fd/0"])
def test_the_config_may_be_standard_input(path: str, api: StandIn) -> None:
    ended = subprocess.run(
        [*tap.COMMAND, "--config", path],
        input=json.dumps(config_of(api)).encode(),
        capture_output=True,
        check=False,
        cwd=tap.ROOT,
        env=tap.environment(),
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count(b'"RECORD"') == 60


def test_a_process_substitution_is_read_once(api: StandIn) -> None:
    command = (
        f"{sys.executable} -m tap_partoo --config <(echo '{{}}') "
        f"--config <(echo '{json.dumps(config_of(api))}') --state <(echo '{{}}')"
    )
    ended = subprocess.run(
        ["/bin/bash", "-c", command],
        capture_output=True,
        check=False,
        cwd=tap.ROOT,
        env=tap.environment(),
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count(b'"RECORD"') == 60


def test_files_of_other_platforms_are_read(api: StandIn, tmp_path: Path) -> None:
    """With a byte order mark, and whatever the locale is."""
    config = config_of(api, api_keys_search_text="données")
    text = json.dumps(config, ensure_ascii=False)
    (tmp_path / "config.json").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (tmp_path / "state.json").write_bytes(b"\xef\xbb\xbf{}\r\n")
    files = [f"--{n}={tmp_path / n}.json" for n in ("config", "state")]
    run = tap.run(*files, env={"LC_ALL": "C", "PYTHONUTF8": "0"})
    assert run.errors == []
    assert api.requests[-1].query["search_text"] == "données"


# Variables: only exported ones, not those of a file.


@pytest.fixture
def command_below_env_file(tmp_path: Path) -> list[str]:
    """The tap as in a venv, in a folder below a file `.env` of other settings."""
    (tmp_path / ".env").write_text(
        "TAP_PARTOO_API_KEY=the-key-of-another-organisation\n"
        "TAP_PARTOO_API_URL=https://elsewhere.example/v2\n"
        "TAP_PARTOO_PER_PAGE=7\n"
    )
    site = tmp_path / "venv" / "tap"
    site.mkdir(parents=True)
    import singer_sdk  # noqa: PLC0415 - where it is installed is all that matters

    for package in (Path(singer_sdk.__file__).parent, tap.ROOT / "tap_partoo"):
        shutil.copytree(package, site / package.name)
    code = f"import sys; sys.path.insert(0, {str(site)!r}); "
    return [sys.executable, "-c", f"{code}from tap_partoo.__main__ import main; main()"]


def test_a_file_of_variables_above_the_tap_is_not_read(
    command_below_env_file: list[str], api: StandIn, tmp_path: Path
) -> None:
    api.requests.clear()
    ended = subprocess.run(
        [*command_below_env_file, "--config", "ENV"],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env=tap.environment(variables(api)),
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    [request] = api.requests
    assert request.headers["x-apikey"] == SECRET
    assert request.query["per_page"] == "100"


@pytest.mark.parametrize("folder", ["", "venv", "venv/tap"])
def test_a_file_of_variables_does_not_stand_in_for_them(
    folder: str, command_below_env_file: list[str], tmp_path: Path
) -> None:
    """In the working folder, in that of the venv, and beside the package."""
    content = (tmp_path / ".env").read_text()
    (tmp_path / ".env").unlink()
    (tmp_path / folder / ".env").write_text(content)
    ended = subprocess.run(
        [*command_below_env_file, "--config", "ENV"],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env=tap.environment(),
        timeout=60,
    )
    assert ended.returncode == 1
    assert b"Error: The setting `api_key` is missing" in ended.stderr
    assert b"elsewhere" not in ended.stderr


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("flattening_enabled", "maybe", "true or false"),
        ("flattening_enabled", "2", "true or false"),
        ("flattening_max_depth", "deep", "a whole number"),
        ("flattening_max_depth", "1_000", "a whole number"),
        ("per_page", "+-5", "a whole number"),
        ("org_id", "٤٢", "a whole number"),
        ("stream_maps", "api_keys", "a JSON object"),
        ("stream_maps", '["api_keys"]', "a JSON object"),
        ("stream_map_config", "{'pepper': 1}", "a JSON object"),
        ("faker_config", "1", "a JSON object"),
    ],
)
def test_variables_of_every_setting_are_checked(
    name: str, value: str, accepted: str, api: StandIn
) -> None:
    run = tap.run("--config", "ENV", env=variables(api, **{name: value}))
    one_error(run, f"`{name}`", f"TAP_PARTOO_{name.upper()}", accepted)


def test_variables_of_every_kind_are_read(api: StandIn) -> None:
    env = variables(
        api,
        per_page=" 7 ",
        flattening_enabled="YES",
        flattening_max_depth="1",
        stream_maps='{"api_keys": {"name": "label", "label": null}}',
    )
    run = tap.run("--config", "ENV", env=env)
    assert run.errors == []
    assert warnings(run) == []
    assert "name" in run.records[0]
    assert "label" not in run.records[0]
    assert api.requests[-1].query["per_page"] == "7"


def test_a_variable_that_is_no_setting_is_reported(api: StandIn) -> None:
    env = variables(api, status="expired", loglevel="info")
    run = tap.run("--config", "ENV", env=env)
    assert len(run.ids) == 60
    [warning] = warnings(run)
    assert "TAP_PARTOO_STATUS" in warning


def test_variables_override_files(api: StandIn, tmp_path: Path) -> None:
    files = tap.arguments(tmp_path, config_of(api, per_page=7))
    env = {"TAP_PARTOO_PER_PAGE": "9"}
    assert tap.run("--config", "ENV", *files, env=env).returncode == 0
    assert api.requests[-1].query["per_page"] == "9"


# Values that a second reader would understand differently.


@pytest.mark.parametrize(
    "start_date",
    [
        " 2024-01-31",
        "2024-01-31\n",
        "2024-01-31t08:00:00z",
        "2024-01-31 08:00:00+00",
        "20240131T080000Z",
        "2024-W05-3",
    ],
)
def test_a_start_date_is_parsed_once(start_date: str, api: StandIn) -> None:
    run = run_here(api, config={"api_key": SECRET, "start_date": start_date})
    [plan] = [line for line in run.stderr.splitlines() if "active since" in line]
    assert "active since 2024-01-31T0" in plan
    with own_signals():
        config = TapPartoo(config=config_of(api, start_date=start_date)).config
    assert str(config["start_date"]).startswith("2024-01-31T0")
    assert str(config["start_date"]).endswith(":00:00+00:00")


def test_a_whole_number_with_a_point_is_one(api: StandIn) -> None:
    run_here(api, config={"api_key": SECRET, "per_page": 50.0})
    assert api.requests[-1].query["per_page"] == "50"


# What is not a path, or does not exist, is not repeated.


@pytest.mark.parametrize(
    "given",
    [
        f'{{"api_key": "{SECRET}"}}',
        f'\n{{\n "api_key": "{SECRET}",\n "api_url": "https://x"\n}}',
        f'["{SECRET}"]',
        f'{{"api_key": "{SECRET}", "padding": "{"x" * 5000}"}}',
    ],
    ids=["short", "lines", "list", "long"],
)
def test_the_content_of_a_config_file_is_not_its_path(given: str) -> None:
    one_error(tap.run("--config", given), "--config takes the path of a file")


@pytest.mark.parametrize("option", ["config", "state", "catalog"])
@pytest.mark.parametrize(
    "given",
    [
        SECRET,
        f"api_key={SECRET}",
        f'{{"api_key": "{SECRET}"}}',
        f"eyJ.{SECRET}.{'y' * 30}",
    ],
    ids=["key", "assignment", "JSON", "token"],
)
def test_what_may_be_a_key_is_not_repeated(option: str, given: str) -> None:
    run = tap.run(f"--{option}", given)
    one_error(run, option, code=1 if option == "config" else 2)


@pytest.mark.parametrize(
    "arguments",
    [[SECRET], ["--config", "ENV", SECRET, "more"], [f"--api-key={SECRET}"]],
    ids=["argument", "arguments", "option"],
)
def test_a_key_on_the_command_line_is_not_repeated(arguments: list[str]) -> None:
    one_error(tap.run(*arguments), code=2)


@pytest.mark.parametrize(
    "path", ["env", "/no/such/folder/config", "./config-of-partoo", "a/b.json", "x.yml"]
)
@pytest.mark.parametrize("option", ["config", "state", "catalog"])
def test_what_looks_like_a_path_is_repeated(option: str, path: str) -> None:
    run = tap.run(f"--{option}", path)
    one_error(run, option, path, code=1 if option == "config" else 2)


@pytest.mark.parametrize("option", ["config", "state", "catalog"])
def test_a_name_is_quoted_on_one_line(option: str, tmp_path: Path) -> None:
    name = tmp_path / f"\x1b[31mforged\nError: line{'x' * 150}.json"
    run = tap.run(f"--{option}", str(name))
    error = one_error(run, "forged", code=1 if option == "config" else 2)
    assert len(error) < 500


@pytest.mark.parametrize("option", ["config", "state", "catalog"])
@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"[" * 100_000, "nesting too deep"),
        (b'{"n": ' + b"9" * 5000 + b"}", "number is too long"),
        (b'"text"', "must contain a JSON object"),
    ],
    ids=["deep", "long number", "text"],
)
def test_json_that_cannot_be_read_is_an_input_error(
    option: str, content: bytes, named: str, tmp_path: Path
) -> None:
    path = tmp_path / "given.json"
    path.write_bytes(content)
    one_error(tap.run(f"--{option}", str(path)), "given.json", named)


def test_no_standard_input_to_read_from() -> None:
    command = f"exec {sys.executable} -m tap_partoo --state - 0<&-"
    run = tap.run(command=["/bin/sh", "-c", command])
    one_error(run, "--state", code=2)


@pytest.mark.parametrize("given", ["file", "variable"])
@pytest.mark.parametrize(
    "name", ["api_key", "api_keys_search_text", "categories_language", "api_url"]
)
def test_text_that_is_no_utf_8_is_the_users_mistake(
    name: str, given: str, api: StandIn, tmp_path: Path
) -> None:
    """As where a variable was exported in another encoding."""
    config = config_of(api) | {name: f"{SECRET}\udcff"}
    if given == "file":
        run = tap.run(*tap.arguments(tmp_path, config))
    else:
        run = tap.run("--config", "ENV", env=variables(api, **config))
    one_error(run, f"`{name}`")


@pytest.mark.parametrize(
    "key",
    [
        f'"{SECRET}"',
        f"'{SECRET}'",
        f"{SECRET}'",
        "${TAP_PARTOO_API_KEY}",
        "$PARTOO_KEY",
        "<your-key>",
        "{{api_key}}",
        "%API_KEY%",
        "...",
        "your_api_key",
        "********",
    ],
)
def test_what_stands_in_for_a_key_is_refused(key: str) -> None:
    with (
        own_signals(),
        pytest.raises(InputError, match=r"`api_key` is a placeholder") as refusal,
    ):
        TapPartoo(config={"api_key": key})
    assert SECRET not in str(refusal.value)
    assert "***" not in key or key not in str(refusal.value)


# Stream maps: the user's mistakes are reported as such.


@pytest.mark.parametrize(
    ("stream_map", "named"),
    [
        ({"x": "labl"}, ["`api_keys.x`", "`labl`"]),
        ({"x": "hash(label)"}, ["`api_keys.x`", "`hash`"]),
        ({"__filter__": "labl == 'x'"}, ["`api_keys.__filter__`", "`labl`"]),
        ({"x": "label +"}, ["`stream_maps`", "label +"]),
        ({"x": "config['pepper'] + label"}, ["`api_keys.x`", "config['pepper']"]),
        ({"x": "fake.name()"}, ["`api_keys.x`", "tap-partoo[faker]"]),
        ({"__key_properties__": ["nope"]}, ["`stream_maps`", "nope"]),
        ({"__else__": "keep"}, ["`stream_maps", "__NULL__"]),
        ({"x": 5}, ["`stream_maps", "not"]),
        ({"id": None}, ["`stream_maps`", "'id'"]),
    ],
    ids=str,
)
def test_a_stream_map_that_cannot_work_is_the_users(
    stream_map: dict[str, Any], named: list[str], api: StandIn, tmp_path: Path
) -> None:
    config = config_of(api, stream_maps={"api_keys": stream_map})
    one_error(tap.run(*tap.arguments(tmp_path, config)), *named)


def test_a_stream_map_of_a_deselected_field_is_the_users(api: StandIn) -> None:
    catalog = discover()
    for item in catalog["streams"][0]["metadata"]:
        if item["breadcrumb"] == ["properties", "user_name"]:
            item["metadata"]["selected"] = False
    config = {
        "api_key": SECRET,
        "stream_maps": {"api_keys": {"hash": "md5(user_name)"}},
    }
    with pytest.raises(InputError, match=r"`api_keys.hash`.*`user_name`.*deselected"):
        run_here(api, config=config, catalog=catalog)


@pytest.mark.parametrize(
    "stream_map",
    [
        {"x": "[c for c in label]", "y": "self or _ and record", "label": "self"},
        {"x": "datetime.date.today()", "y": "json.dumps(record)", "z": "sha256(label)"},
        {"x": "__stream_name__ + config.get('a', 'b')", "y": "True"},
        {"x": "__NULL__", "label": None, "n": "label", "m": "'label'"},
    ],
    ids=str,
)
def test_a_stream_map_of_what_there_is_passes(
    stream_map: dict[str, Any], api: StandIn
) -> None:
    with own_signals():
        TapPartoo(config=config_of(api, stream_maps={"api_keys": stream_map}))


def test_a_stream_map_of_a_deselected_stream_does_no_harm(api: StandIn) -> None:
    catalog = discover()
    for item in catalog["streams"][0]["metadata"]:
        if not item["breadcrumb"]:
            item["metadata"]["selected"] = False
    stream_map = {"name": "label", "label": None, "x": "labl"}
    config = {"api_key": SECRET, "stream_maps": {"api_keys": stream_map}}
    assert run_here(api, config=config, catalog=catalog).messages == []


def test_stream_maps_of_unknown_streams_are_reported_once(api: StandIn) -> None:
    stream_maps: dict[str, Any] = {
        "api_kyes": {"x": "label"},
        "copy": {"__source__": "no_stream"},
        "gone": None,
        "api_*": {"x": "label"},
        "second": {"__source__": "api_keys"},
    }
    config = {"api_key": SECRET, "stream_maps": stream_maps}
    run = run_here(api, config=config)
    [warning] = [ln for ln in run.stderr.splitlines() if ln.startswith("WARNING")]
    assert warning.endswith("the tap does not have: api_kyes, copy, gone")


def test_flattening_that_cannot_work_is_not_blamed_on_stream_maps(
    api: StandIn, tmp_path: Path
) -> None:
    config = config_of(api, flattening_enabled=True, flattening_max_depth=-1)
    error = one_error(tap.run(*tap.arguments(tmp_path, config)), "flattening")
    assert "stream_maps" not in error


def test_names_that_flattening_cuts_to_the_same_are_its_own_fault(
    api: StandIn, tmp_path: Path
) -> None:
    flat = {"flattening_enabled": True, "flattening_max_depth": 2}
    config = config_of(api, **flat, flattening_max_key_length=1)
    files = tap.arguments(tmp_path, config, catalog=catalog_of("businesses"))
    error = one_error(tap.run(*files), "`flattening_enabled`", "Duplicate column")
    assert "stream_maps" not in error


def test_faker_config_without_faker_names_the_extra(
    api: StandIn, tmp_path: Path
) -> None:
    config = config_of(api, faker_config={"seed": 1})
    run = tap.run(*tap.arguments(tmp_path, config))
    one_error(run, "`faker_config`", "tap-partoo[faker]")
