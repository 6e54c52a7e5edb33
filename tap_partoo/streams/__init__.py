"""The streams, in the order of the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_partoo.streams.api_keys import ApiKeys
from tap_partoo.streams.businesses import Businesses
from tap_partoo.streams.categories import Categories
from tap_partoo.streams.custom_fields import CustomFields, CustomFieldSections
from tap_partoo.streams.feedback import FeedbackForms, FeedbackResults
from tap_partoo.streams.messages import Conversations, Messages
from tap_partoo.streams.organization import Groups, Organizations, Sections, Users
from tap_partoo.streams.posts import Posts
from tap_partoo.streams.presence import (
    PresenceMetrics,
    PublisherStates,
    SearchKeywords,
)
from tap_partoo.streams.reviews import ReplyTemplates, Reviews
from tap_partoo.streams.roles import CustomRoles, Permissions
from tap_partoo.streams.webhooks import Webhooks

if TYPE_CHECKING:
    from tap_partoo.streams.base import PartooStream

STREAMS: tuple[type[PartooStream], ...] = (
    ApiKeys,
    Businesses,
    Reviews,
    PresenceMetrics,
    SearchKeywords,
    PublisherStates,
    Users,
    Sections,
    Groups,
    Organizations,
    Posts,
    ReplyTemplates,
    CustomFields,
    CustomFieldSections,
    CustomRoles,
    Permissions,
    Categories,
    Webhooks,
    Conversations,
    Messages,
    FeedbackResults,
    FeedbackForms,
)

__all__ = [
    "STREAMS",
    "ApiKeys",
    "Businesses",
    "Categories",
    "Conversations",
    "CustomFieldSections",
    "CustomFields",
    "CustomRoles",
    "FeedbackForms",
    "FeedbackResults",
    "Groups",
    "Messages",
    "Organizations",
    "Permissions",
    "Posts",
    "PresenceMetrics",
    "PublisherStates",
    "ReplyTemplates",
    "Reviews",
    "SearchKeywords",
    "Sections",
    "Users",
    "Webhooks",
]
