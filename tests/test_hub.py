"""The definition for the Meltano Hub: valid, true, and enough for a newcomer."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import threading
import tomllib
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from referencing import Registry, Resource
from ruamel.yaml import YAML

from tests.meltano_project import BIN, ROOT, Project, expected_rows, loaded_rows
from tests.postgres import Database, postgres

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.partoo_api import StandIn

Object = dict[str, Any]

DEFINITION = ROOT / "docs" / "hub" / "tap-partoo.yml"
SCHEMAS = ROOT / "tests" / "hub_schemas"
HOST = "127.0.0.1"

# What the Hub shows on its page and leaves out of its API.
PAGE = {
    "definition",
    "domain_url",
    "keywords",
    "maintenance_status",
    "next_steps",
    "prereq",
    "quality",
    "settings_preamble",
    "usage",
}


def read(path: Path) -> Object:
    content: Object = YAML(typ="safe").load(path)
    return content


definition = read(DEFINITION)
meltano_yml = read(ROOT / "meltano.yml")
[extractor] = meltano_yml["plugins"]["extractors"]
pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def about() -> Object:
    """What the tap says of itself."""
    shown = subprocess.run(
        [BIN / "tap-partoo", "--about", "--format=json"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    answer: Object = json.loads(shown.stdout)
    return answer


# The definition is valid.


def test_the_hub_accepts_the_definition() -> None:
    schemas = [json.loads(path.read_text()) for path in SCHEMAS.rglob("*.json")]
    registry: Registry[Any] = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas
    )
    [schema] = [s for s in schemas if s["$id"] == "extractors.schema.json"]
    Draft7Validator(schema, registry=registry).validate(definition)


def test_meltano_accepts_the_project() -> None:
    validate_project(meltano_yml)


def validate_project(content: Object) -> None:
    schema = files("meltano.schemas").joinpath("meltano.schema.json").read_text()
    Draft202012Validator(json.loads(schema)).validate(content)


def test_keys_and_lists_are_in_the_order_that_the_hub_wants() -> None:
    assert_sorted_keys(definition)
    for values in (
        definition["capabilities"],
        definition["keywords"],
        [setting["name"] for setting in definition["settings"]],
    ):
        assert values == sorted(values)


def assert_sorted_keys(value: object) -> None:
    if isinstance(value, dict):
        assert list(value) == sorted(value)
        assert_sorted_keys(list(value.values()))
    if isinstance(value, list):
        for item in value:
            assert_sorted_keys(item)


# It says what the package and the tap say.


def test_names_are_those_of_the_package() -> None:
    name = pyproject["project"]["name"]
    assert definition["name"] == definition["pip_url"] == name
    assert definition["variant"] == DEFINITION.stem
    assert definition["namespace"] == name.replace("-", "_")
    assert definition["executable"] in pyproject["project"]["scripts"]
    assert definition["supported_python_versions"] == re.findall(
        r"Python :: (3\.\d+)$", "\n".join(pyproject["project"]["classifiers"]), re.M
    )


def test_capabilities_are_those_of_the_tap(about: Object) -> None:
    assert definition["capabilities"] == sorted(about["capabilities"])
    assert definition["settings_group_validation"] == [about["settings"]["required"]]


def test_settings_are_those_of_the_tap(about: Object) -> None:
    described = dict(leaves(about["settings"]["properties"]))
    assert list(described) == [setting["name"] for setting in extractor["settings"]]
    by_name = {setting["name"]: setting for setting in definition["settings"]}
    assert by_name == {setting["name"]: setting for setting in extractor["settings"]}
    for name, schema in described.items():
        setting = by_name[name]
        options = [option["value"] for option in setting.pop("options", [])]
        assert options == schema.get("enum", [])
        setting.pop("placeholder", None)
        expected = {
            "name": name,
            "label": schema["title"],
            "description": schema["description"],
            "kind": kind(name, schema),
        }
        if schema.get("secret"):
            expected["sensitive"] = True
        if "default" in schema and name != "user_agent":  # that one has the version
            expected["value"] = schema["default"]
        assert setting == expected


def kind(name: str, schema: Object) -> str:
    if schema.get("secret"):
        return "password"
    if "enum" in schema:
        return "options"
    if schema.get("format") == "date-time":
        return "date_iso8601"
    if "oneOf" in schema:  # as the Hub has them for other taps
        return {"faker_config.locale": "array", "faker_config.seed": "string"}[name]
    return str(schema["type"][0])


def leaves(properties: Object) -> Iterator[tuple[str, Object]]:
    """The settings as Meltano names them: nested ones have a dot."""
    for name, schema in properties.items():
        if name != "stream_maps" and schema.get("properties"):
            for inner, leaf in leaves(schema["properties"]):
                yield f"{name}.{inner}", leaf
        else:
            yield name, schema


# A newcomer's way, in an empty project.


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tap as it would be on PyPI."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [BIN / "uv", "build", "--quiet", "--wheel", "--out-dir", folder]
    subprocess.run(build, check=True, cwd=ROOT, timeout=120)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def server() -> Iterator[Database]:
    with postgres() as database:
        yield database


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The Hub's API: static files, as the real one."""
    folder = tmp_path_factory.mktemp("hub")
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    with ThreadingHTTPServer((HOST, 0), handler) as server:
        url = f"http://{HOST}:{server.server_port}"
        tap = {key: definition[key] for key in definition.keys() - PAGE}
        publish(folder, url, "extractors", [tap])
        # In the versions that are installed already.
        pins = {p["name"]: p["pip_url"] for p in meltano_yml["plugins"]["loaders"]}
        locks = [json.loads(p.read_text()) for p in ROOT.glob("plugins/loaders/*.lock")]
        loaders = [lock | {"pip_url": pins[lock["name"]]} for lock in locks]
        publish(folder, url, "loaders", loaders)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield url
        server.shutdown()
        thread.join()


def publish(folder: Path, url: str, kind: str, plugins: list[Object]) -> None:
    """Write the files of the Hub's API for the plugins of one type."""
    (folder / "plugins" / kind).mkdir(parents=True)
    index = {}
    for plugin in plugins:
        path = f"plugins/{kind}/{plugin['name']}--{plugin['variant']}"
        (folder / path).write_text(json.dumps(plugin))
        index[plugin["name"]] = {
            "default_variant": plugin["variant"],
            "variants": {plugin["variant"]: {"ref": f"{url}/{path}"}},
        }
    (folder / "plugins" / kind / "index").write_text(json.dumps(index))
