"""The definition for the Meltano Hub: valid, true, and enough for a newcomer."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import tomllib
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from referencing import Registry, Resource
from ruamel.yaml import YAML

from tap_partoo.streams import STREAMS
from tests import pages
from tests.meltano_project import BIN, ROOT, Project, expected_rows, loaded_rows
from tests.postgres import Database, postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.partoo_api import StandIn

Object = dict[str, Any]

DEFINITION = ROOT / "docs" / "hub" / "tap-partoo.yml"
SCHEMAS = ROOT / "tests" / "hub_schemas"
HOST = "127.0.0.1"

# What the Hub shows on its page only, and what Meltano's lock file adds.
NOT_SERVED = {
    "definition",
    "domain_url",
    "keywords",
    "maintenance_status",
    "next_steps",
    "plugin_type",
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
    """What the tap reports about itself."""
    shown = subprocess.run(
        [BIN / "tap-partoo", "--about", "--format=json"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    content: Object = json.loads(shown.stdout)
    return content


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
    assert definition["supported_python_versions"] == [
        classifier.rpartition(" ")[2]
        for classifier in pyproject["project"]["classifiers"]
        if re.search(r":: 3\.\d+$", classifier)
    ]


def test_capabilities_are_those_of_the_tap(about: Object) -> None:
    assert definition["capabilities"] == sorted(about["capabilities"])
    assert definition["settings_group_validation"] == [about["settings"]["required"]]


def test_settings_are_those_of_the_tap(about: Object) -> None:
    described = dict(leaves(about["settings"]["properties"]))
    assert list(described) == [setting["name"] for setting in extractor["settings"]]
    by_name = {setting["name"]: setting for setting in definition["settings"]}
    for name, schema in described.items():
        setting = dict(by_name[name])
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


def test_the_project_has_the_same_definition() -> None:
    assert {"capabilities", "log_parser", "settings"} <= extractor.keys()
    # Its settings are in the order of the tap, whose own come first.
    ordered = sorted(extractor["settings"], key=lambda setting: str(setting["name"]))
    here = extractor | {"settings": ordered, "pip_url": definition["pip_url"]}
    assert here == {name: definition[name] for name in extractor}


def test_streams_are_those_of_the_tap() -> None:
    assert pages.hub_table() in definition["usage"], "see `hub_table` of tests/pages.py"
    assert definition["select"] == [
        f"{stream.name}.*" for stream in STREAMS if stream.selected_by_default
    ]
    for text in (definition["definition"], (ROOT / "docs" / "streams.md").read_text()):
        assert f"{len(STREAMS)} streams" in text


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
    build = [str(BIN / "uv"), "build", "--quiet", "--wheel", "--out-dir", str(folder)]
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
        publish(folder, url, "extractors", [definition])
        shutil.copy(DEFINITION, folder)
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
        served = {key: plugin[key] for key in plugin.keys() - NOT_SERVED}
        (folder / path).write_text(json.dumps(served))
        index[plugin["name"]] = {
            "default_variant": plugin["variant"],
            "logo_url": plugin.get("logo_url"),
            "variants": {plugin["variant"]: {"ref": f"{url}/{path}"}},
        }
    (folder / "plugins" / kind / "index").write_text(json.dumps(index))


def new_project(directory: Path, wheel: Path, hub: str, **env: str) -> Project:
    """An empty project, in which `tap-partoo` is the wheel and no other package.

    Args:
        directory: An empty directory.
        wheel: The tap.
        hub: The address of the Hub's API.
        env: What else a user would have in the shell.
    """
    cache = subprocess.check_output([BIN / "uv", "cache", "dir"], text=True).strip()
    (directory / "constraints.txt").write_text(f"tap-partoo @ {wheel.as_uri()}\n")
    project = Project(
        directory,
        {
            "MELTANO_HUB_API_ROOT": hub,
            "UV_CONSTRAINT": "constraints.txt",  # a path with spaces would be several
            "UV_CACHE_DIR": cache,
            "XDG_CACHE_HOME": str(directory / "cache"),  # Meltano keeps the index there
            **env,
        },
    )
    # The loaders that are installed stay.
    shutil.rmtree(directory / "plugins")
    (directory / "meltano.yml").unlink()
    (directory / ".meltano" / "extractors").unlink()
    meltano(project, "init", ".", "--force")
    return project


def meltano(project: Project, *args: str) -> str:
    """Run a command that must succeed, and return what it printed."""
    done = project.run(*args)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def documented(command: str) -> tuple[str, ...]:
    """The words of a command in the definition's texts."""
    texts = "".join(definition[name] for name in ("next_steps", "usage"))
    assert f"\nmeltano {command}\n" in texts
    return tuple(command.split())


RUN = documented("run tap-partoo target-postgres")
SELECT = ("tap-partoo", "api_keys", "*")
STATE_ID = "dev:tap-partoo-to-target-postgres"


def test_the_readme_tells_the_same_way() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    _, _, rest = readme.partition("### In a Meltano project\n")
    text = rest.partition("\n### ")[0]
    place = "raw.githubusercontent.com/tap-partoo/tap-partoo/main"
    path = DEFINITION.relative_to(ROOT)
    assert "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).splitlines() == [
        f"meltano add tap-partoo --no-install --from-ref https://{place}/{path}",
        "meltano install tap-partoo",
        f'meltano select {" ".join(SELECT[:-1])} "*"   # or all streams are selected',
        "meltano add target-postgres",
        "meltano config set tap-partoo --interactive",
        "meltano config set target-postgres --interactive",
        "meltano config set target-postgres default_target_schema partoo",
        "echo 'PGTZ=UTC' >> .env   # or the zone of the database role shifts times",
        "meltano " + " ".join(documented("config test tap-partoo")),
        "meltano " + " ".join(RUN),
        f"meltano el tap-partoo target-postgres --state-id {STATE_ID}",
    ]


def test_from_the_hub_to_postgres(
    api: StandIn, hub: str, wheel: Path, server: Database, tmp_path: Path
) -> None:
    database = server.create_database(timezone="Europe/Paris")
    env = {f"TARGET_{key}": value for key, value in database.env.items()}
    project = new_project(tmp_path, wheel, hub, **env)
    meltano(project, "add", "tap-partoo")
    assert installed_from(tmp_path) == wheel
    meltano(project, "add", "--no-install", "target-postgres")
    meltano(project, "config", "set", "tap-partoo", "api_key", api.account.api_key)
    meltano(project, "config", "set", "tap-partoo", "api_url", api.url)
    schema = ("default_target_schema", "partoo")
    meltano(project, "config", "set", "target-postgres", *schema)
    assert api.account.api_key in (tmp_path / ".env").read_text()
    assert api.account.api_key not in (tmp_path / "meltano.yml").read_text()
    assert "PGTZ=UTC" in definition["usage"]
    with (tmp_path / ".env").open("a") as file:
        file.write("PGTZ=UTC\n")
    meltano(project, *documented("config test tap-partoo"))

    meltano(project, *RUN)
    assert loaded_rows(database) == expected_rows(api.account)
    # Older than the run: a bookmark never passes its start.
    api.account.create(created_at="2026-01-31 08:00:00+00")
    meltano(project, *RUN)
    assert loaded_rows(database) == expected_rows(api.account)
    assert {request.path for request in api.requests} == {"/v2/api_keys"}
    assert meltano(project, "state", "list").split() == [STATE_ID]
    state = json.loads(meltano(project, "state", "get", STATE_ID))
    bookmark = state["singer_state"]["bookmarks"]["api_keys"]["replication_key_value"]
    assert bookmark == "2026-01-31T08:00:00+00:00"


def test_without_the_hub_to_a_mirror(
    api: StandIn, hub: str, wheel: Path, server: Database, tmp_path: Path
) -> None:
    database = server.create_database()
    url = {"TAP_PARTOO_API_URL": api.url}
    project = new_project(tmp_path, wheel, f"{hub}/no-hub", **url, **database.env)
    ref = ("--from-ref", f"{hub}/{DEFINITION.name}")
    meltano(project, "add", "tap-partoo", "--no-install", *ref)
    text = (tmp_path / "meltano.yml").read_text()
    assert text.count("pip_url: tap-partoo\n") == 1
    text = text.replace("pip_url: tap-partoo\n", f"pip_url: {wheel}\n")
    (tmp_path / "meltano.yml").write_text(text)
    meltano(project, "install", "tap-partoo")
    # Meltano leaves it out when it adds a definition by its address.
    assert "\n    select:" not in text
    meltano(project, "select", *SELECT)
    assert installed_from(tmp_path) == wheel
    meltano(project, "config", "set", "tap-partoo", "api_key", api.account.api_key)
    assert api.account.api_key not in (tmp_path / "meltano.yml").read_text()
    meltano(project, *documented("config test tap-partoo"))

    content = read(tmp_path / "meltano.yml")
    [added] = content["plugins"]["extractors"]
    # Meltano writes it, and its own schema does not have it.
    assert added.pop("supported_python_versions")
    validate_project(content)
    [example] = re.findall(r"```yaml\n(.*?)```", definition["usage"], re.DOTALL)
    [mirror] = YAML(typ="safe").load(example)["plugins"]["extractors"]
    content["plugins"] = {
        "extractors": [added | mirror],
        "loaders": meltano_yml["plugins"]["loaders"],
    }
    YAML().dump(content, tmp_path / "meltano.yml")
    shutil.copytree(ROOT / "plugins", tmp_path / "plugins")

    meltano(project, *RUN)
    before = expected_rows(api.account)
    assert loaded_rows(database) == before
    gone = min(before)
    api.account.delete(gone)
    meltano(project, *RUN)
    assert loaded_rows(database) == before
    with database.connect() as connection:
        marked = connection.execute(
            "SELECT id FROM partoo.api_keys WHERE _sdc_deleted_at IS NOT NULL"
        ).fetchall()
    assert marked == [(gone,)]

    new = api.account.create()["id"]
    meltano(project, *RUN)
    assert loaded_rows(database).keys() == before.keys() | {new}
    assert {request.path for request in api.requests} == {"/v2/api_keys"}
    # A mirror has no bookmark.
    state = json.loads(meltano(project, "state", "get", STATE_ID))
    assert state["singer_state"]["bookmarks"]["api_keys"] == {}


def installed_from(directory: Path) -> Path:
    """The file that the tap's package was installed from."""
    [path] = directory.glob(".meltano/extractors/**/tap_partoo-*/direct_url.json")
    return Path(unquote(urlsplit(json.loads(path.read_text())["url"]).path))
