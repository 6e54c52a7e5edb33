"""All resources of the API that the stand-in knows, by the name of their stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .api_keys import API_KEYS
from .businesses import BUSINESSES
from .feedback import FEEDBACK_FORMS, FEEDBACK_RESULTS
from .messages import CONVERSATIONS, MESSAGES
from .organization import GROUPS, ORGANIZATIONS, SECTIONS, USERS
from .permissions import CUSTOM_ROLES, PERMISSIONS
from .posts import POSTS
from .presence import PRESENCE_METRICS, PUBLISHER_STATES, SEARCH_KEYWORDS
from .reviews import REPLY_TEMPLATES, REVIEWS
from .settings import CATEGORIES, CUSTOM_FIELD_SECTIONS, CUSTOM_FIELDS, WEBHOOKS

if TYPE_CHECKING:
    from tests.partoo_api.resource import Resource

RESOURCES: dict[str, Resource] = {
    resource.name: resource
    for resource in (
        API_KEYS,
        BUSINESSES,
        REVIEWS,
        PRESENCE_METRICS,
        SEARCH_KEYWORDS,
        PUBLISHER_STATES,
        USERS,
        SECTIONS,
        GROUPS,
        ORGANIZATIONS,
        POSTS,
        REPLY_TEMPLATES,
        CUSTOM_FIELDS,
        CUSTOM_FIELD_SECTIONS,
        CUSTOM_ROLES,
        PERMISSIONS,
        CATEGORIES,
        WEBHOOKS,
        CONVERSATIONS,
        MESSAGES,
        FEEDBACK_RESULTS,
        FEEDBACK_FORMS,
    )
}
