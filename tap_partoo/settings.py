"""The settings of the tap, and the checks of their values."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from singer_sdk import typing as th

from tap_partoo.errors import InputError
from tap_partoo.records.timestamps import to_utc
from tap_partoo.redaction import redact
from tap_partoo.singer.config import accepted, problems
from tap_partoo.singer.maps import NO_FAKER, is_faker_missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SECRETS = ("api_key", "api_keys_search_text")

SETTINGS = th.PropertiesList(
    th.Property(
        "api_key",
        th.StringType(nullable=False),
        required=True,
        secret=True,
        title="API key",
        description="The key of an ORG_ADMIN, from Partoo's Settings > Integrations > "
        "API keys. Other users see their own keys only, and never those of bots.",
    ),
    th.Property(
        "api_url",
        th.StringType(nullable=False),
        default="https://api.partoo.co/v2",
        title="API URL",
        description="Address of the API. Sandbox: https://api.sandbox.partoo.co/v2 "
        "(older spelling https://sandbox.api.partoo.co/v2).",
    ),
    th.Property(
        "org_id",
        th.IntegerType(nullable=False, minimum=1),
        title="Organisation",
        description="Only for the key of a PROVIDER, which sees several organisations: "
        "the number of the one to read, 1 or more. Default: all that the key may read.",
    ),
    th.Property(
        "start_date",
        th.DateTimeType(nullable=False),
        title="Start date",
        description="Start of the history, such as 2024-01-31 or 2024-01-31T08:00:00Z, "
        "in UTC unless it has an offset. In every run, it is the lower bound of "
        "`reviews`, `presence_metrics`, `search_keywords` and `messages`; incremental "
        "runs of `api_keys` emit only keys that were active since then. Default: "
        "everything, but only the last 18 months of `presence_metrics` and "
        "`search_keywords`.",
    ),
    th.Property(
        "api_keys_status",
        th.StringType(nullable=False),
        allowed_values=["active", "inactive", "disabled", "expired"],
        title="Status of API keys",
        description="For `api_keys`: only keys of this status: active, inactive "
        "(expired or disabled), disabled, expired. Default: all.",
    ),
    th.Property(
        "api_keys_type",
        th.StringType(nullable=False),
        allowed_values=["bot", "user"],
        title="Users of API keys",
        description="For `api_keys`: only keys that belong to users of this type: bot, "
        "user. Default: all.",
    ),
    th.Property(
        "api_keys_search_text",
        th.StringType(nullable=False),
        secret=True,
        title="Search text for API keys",
        description="For `api_keys`: only keys whose label or secret value matches "
        "this text. Masked, since it can be the value of a key. Default: all.",
    ),
    th.Property(
        "api_keys_include_all_permissions",
        th.BooleanType(nullable=False),
        default=False,
        title="Include all permissions of API keys",
        description="For `api_keys`: also list permissions of a key that its user "
        "lacks, which have no effect until the user gets them.",
    ),
    th.Property(
        "reviews_lookback_days",
        th.IntegerType(nullable=False, minimum=0, maximum=365),
        default=30,
        title="Lookback of reviews",
        description="For `reviews`: days before the bookmark that each run reads "
        "again, 0 to 365, because replies and tags do not change the date of a review.",
    ),
    th.Property(
        "presence_metrics_lookback_days",
        th.IntegerType(nullable=False, minimum=0, maximum=365),
        default=10,
        title="Lookback of presence metrics",
        description="For `presence_metrics`: days before the bookmark that each run "
        "reads again, 0 to 365, because Google corrects the figures of past days.",
    ),
    th.Property(
        "categories_language",
        th.StringType(nullable=False),
        default="en",
        title="Language of categories",
        description="For `categories`: the language of the names, such as en or fr.",
    ),
    th.Property(
        "per_page",
        th.IntegerType(nullable=False, minimum=1, maximum=500),
        title="Page size",
        description="Maximum number of rows per request, 1 to 500. Default: as many as "
        "Partoo allows, which is 500 for `presence_metrics` and `search_keywords`, and "
        "100 elsewhere.",
    ),
    th.Property(
        "requests_per_minute",
        th.IntegerType(nullable=False, minimum=1),
        default=240,
        title="Requests per minute",
        description="Maximum number of requests in any 60 seconds, 1 or more. Partoo "
        "allows 300 for all integrations of an organisation together: the default of "
        "240 leaves 60 for the others. If there are no others, you can set 300.",
    ),
    th.Property(
        "concurrency",
        th.IntegerType(nullable=False, minimum=1, maximum=16),
        default=4,
        title="Concurrency",
        description="Maximum number of requests at the same time, 1 to 16.",
    ),
    th.Property(
        "user_agent",
        th.StringType(nullable=False),
        title="User agent",
        description="Header `User-Agent` of the requests. Default: tap-partoo and its "
        "version.",
    ),
    th.Property(
        "request_timeout",
        th.IntegerType(nullable=False, minimum=1),
        default=60,
        title="Request timeout",
        description="Seconds to wait for a connection, and for each part of a "
        "response; 1 or more. The whole response must arrive within 5 times as many.",
    ),
    th.Property(
        "emit_activate_version_messages",
        th.BooleanType(nullable=False),
        default=False,
        title="Emit ACTIVATE_VERSION",
        description="Let targets remove rows that Partoo no longer lists, after each "
        "complete FULL_TABLE run of a stream.",
    ),
).to_dict()


_PLACEHOLDER = re.compile(
    r"""\$.*|<.*>|\{.*\}|%.*%|['"`].*|.*['"`]"""  # from a shell, template or document
    r"""|\.+|x+|\*+|(your|my)?[-_ ]*(partoo[-_ ]*)?(api[-_ ]*)?key|change[-_ ]*me""",
    re.IGNORECASE,
)
"""What examples and settings files have in place of a key, or around it."""


_NO_KEY = "The setting `api_key` is missing"
_HINTS = {
    _NO_KEY: f"{_NO_KEY}: set it in the config file, as TAP_PARTOO_API_KEY with "
    "`--config ENV`, or with `meltano config set tap-partoo api_key`"
}


def check(config: dict[str, Any], schema: Mapping[str, Any]) -> None:
    """Fill in the defaults, and report everything that is wrong in one message.

    Args:
        config: The settings; changed in place. Numbers and dates are converted to the
            form that the tap and the SDK expect.
        schema: JSON schema of all settings, those of the SDK included.

    Raises:
        InputError: If a setting is missing or not acceptable. The value of a secret is
            never repeated.
    """
    found = list(problems(config, schema, SECRETS)) or list(_problems(config, schema))
    if found:
        raise InputError("; ".join(_HINTS.get(f, f) for f in dict.fromkeys(found)))


def _problems(
    config: dict[str, Any],
    schema: Mapping[str, Any],
) -> Iterator[str]:
    """Yield what is wrong but JSON Schema cannot express, or does not enforce."""
    key = config["api_key"]
    if not (key.isascii() and key.isprintable() and " " not in key):
        yield (
            "The setting `api_key` has a character that no API key has, such as a line "
            "break, a space or an accent. Copy the key again"
        )
    elif _PLACEHOLDER.fullmatch(key):
        yield (
            "The setting `api_key` is a placeholder, or begins or ends with a "
            "quotation mark. Copy the key again, without anything around it"
        )
    if problem := _url_problem(config["api_url"]):
        yield f"The setting `api_url` {problem}. For example: https://api.partoo.co/v2"
    agent = config.get("user_agent", "")
    if not (agent.isascii() and agent.isprintable() and agent == agent.strip()):
        yield "The setting `user_agent` must be printable ASCII text"
    if config.get("faker_config") and is_faker_missing():
        yield f"The setting `faker_config` {NO_FAKER}"
    if "start_date" in config:
        try:
            config["start_date"] = to_utc(config["start_date"])
        except ValueError:
            yield (
                "The setting `start_date` must be "
                f"{accepted(schema['properties']['start_date'])}, not "
                f"{redact.quote(repr(config['start_date']))}"
            )


def _url_problem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "must be an https address"
    if parts.scheme not in {"https", "http"} or not host or set(url) & set(" \\{}"):
        return "must be an https address"
    if parts.query or parts.fragment or parts.username is not None:
        return "must have no user, query or fragment: only the address"
    if parts.scheme == "http" and not _is_loopback(host):
        return (
            "must begin with https: over plain http, anybody on the network could read "
            "the API key"
        )
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
