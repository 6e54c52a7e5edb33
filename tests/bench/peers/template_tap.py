"""The tap that the SDK's template creates for this API, with the blanks filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import APIKeyAuthenticator
from singer_sdk.pagination import JSONPathPaginator, PageNumberPaginator
from typing_extensions import override

from tap_partoo import streams
from tests.bench import subjects

if TYPE_CHECKING:
    import requests
    from singer_sdk.helpers.types import Context, Record


class Pages(PageNumberPaginator):
    """Pages 1 to `max_page`."""

    @override
    def has_more(self, response: requests.Response) -> bool:
        envelope = response.json()
        return bool(envelope["page"] < envelope["max_page"])


class TemplateStream(RESTStream[Any]):
    """What the streams share."""

    params: dict[str, str]

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


class NumberedStream(TemplateStream):
    """A list in numbered pages."""

    @override
    def get_new_paginator(self) -> Pages:
        return Pages(start_value=1)

    @override
    def get_url_params(
        self,
        context: Context | None,
        next_page_token: int | None,
    ) -> dict[str, Any]:
        size = self.config["per_page"]
        return {**self.params, "page": next_page_token, "per_page": size}


class CursorStream(TemplateStream):
    """A list by cursor."""

    @override
    def get_new_paginator(self) -> JSONPathPaginator:
        return JSONPathPaginator("$.next_cursor")

    @override
    def get_url_params(
        self,
        context: Context | None,
        next_page_token: str | None,
    ) -> dict[str, Any]:
        params: dict[str, Any] = {"per_page": self.config["per_page"]}
        if next_page_token:
            params["cursor"] = next_page_token
        return params | dict(context or {})


class ApiKeys(NumberedStream):
    """The stream `api_keys`."""

    name = "api_keys"
    path = "/api_keys"
    params = subjects.API_KEYS.params
    primary_keys = ("id",)
    replication_key = "created_at"
    records_jsonpath = "$.api_keys[*]"
    schema = streams.ApiKeys.columns.to_dict()


class Reviews(NumberedStream):
    """The stream `reviews`, with the replies and the tags as they are."""

    name = "reviews"
    path = "/reviews"
    params = subjects.REVIEWS.params
    primary_keys = ("id",)
    records_jsonpath = "$.reviews[*]"
    schema = streams.Reviews.columns.to_dict()


class PresenceMetrics(NumberedStream):
    """The stream `presence_metrics`."""

    name = "presence_metrics"
    path = "/presence_analytics/metrics"
    params = subjects.METRICS.params
    primary_keys = ("business_id", "date")
    records_jsonpath = "$.metrics[*]"
    schema = streams.PresenceMetrics.columns.to_dict()


class Conversations(CursorStream):
    """The stream `conversations`, the parent of `messages`."""

    name = "conversations"
    path = "/conversations"
    primary_keys = ("id",)
    records_jsonpath = "$.conversations[*]"
    schema = streams.Conversations.columns.to_dict()

    @override
    def get_child_context(self, record: Record, context: Context | None) -> Context:
        return {"conversation_id": record["id"]}


class Messages(CursorStream):
    """The stream `messages`, a child stream of the SDK."""

    name = "messages"
    path = "/messages"
    primary_keys = ("id",)
    records_jsonpath = "$.messages[*]"
    parent_stream_type = Conversations
    schema = streams.Messages.columns.to_dict()


STREAMS: dict[str, tuple[type[TemplateStream], ...]] = {
    "api_keys": (ApiKeys,),
    "reviews": (Reviews,),
    "presence_metrics": (PresenceMetrics,),
    "messages": (Conversations, Messages),
}


class TemplateTap(Tap):
    """The tap, with the streams of one workload."""

    name = "tap-template"
    config_jsonschema = th.PropertiesList(
        th.Property("api_key", th.StringType(nullable=False), required=True),
        th.Property("api_url", th.StringType(nullable=False), required=True),
        th.Property("per_page", th.IntegerType(nullable=False), required=True),
        th.Property("subject", th.ObjectType(additional_properties=True)),
    ).to_dict()

    @override
    def discover_streams(self) -> list[TemplateStream]:
        return [stream(self) for stream in STREAMS[self.config["subject"]["stream"]]]


if __name__ == "__main__":
    TemplateTap.cli()
