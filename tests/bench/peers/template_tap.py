"""The tap that the SDK's template gives for this API, filled in and nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import APIKeyAuthenticator
from singer_sdk.pagination import PageNumberPaginator
from typing_extensions import override

from tap_partoo.streams import ApiKeys

if TYPE_CHECKING:
    import requests
    from singer_sdk.helpers.types import Context


class Pages(PageNumberPaginator):
    """Pages 1 to `max_page`."""

    @override
    def has_more(self, response: requests.Response) -> bool:
        envelope = response.json()
        return bool(envelope["page"] < envelope["max_page"])


class TemplateStream(RESTStream[int]):
    """The stream `api_keys`."""

    name = "api_keys"
    path = "/api_keys"
    primary_keys = ("id",)
    replication_key = "created_at"
    records_jsonpath = "$.api_keys[*]"
    schema = ApiKeys.columns.to_dict()

    @property
    @override
    def url_base(self) -> str:
        return str(self.config["api_url"])

    @property
    @override
    def authenticator(self) -> APIKeyAuthenticator:
        return APIKeyAuthenticator(
            key="x-APIKey", value=self.config["api_key"], location="header"
        )

    @override
    def get_new_paginator(self) -> Pages:
        return Pages(start_value=1)

    @override
    def get_url_params(
        self,
        context: Context | None,
        next_page_token: int | None,
    ) -> dict[str, Any]:
        return {"page": next_page_token, "per_page": self.config["per_page"]}


class TemplateTap(Tap):
    """The tap."""

    name = "tap-template"
    config_jsonschema = th.PropertiesList(
        th.Property("api_key", th.StringType(nullable=False), required=True),
        th.Property("api_url", th.StringType(nullable=False), required=True),
        th.Property("per_page", th.IntegerType(nullable=False), required=True),
    ).to_dict()

    @override
    def discover_streams(self) -> list[TemplateStream]:
        return [TemplateStream(self)]


if __name__ == "__main__":
    TemplateTap.cli()
