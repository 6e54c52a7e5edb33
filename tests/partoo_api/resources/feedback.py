"""Feedback: /api-reference/feedback-management/search-for-feedback-results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.partoo_api.data import PEOPLE
from tests.partoo_api.parameters import among, none_of
from tests.partoo_api.resource import Pages, Resource
from tests.partoo_api.scene import ORGANIZATION, seconds_time, user_id

if TYPE_CHECKING:
    from tests.partoo_api.row import Record
    from tests.partoo_api.scene import Scene

PRODUCT = "Feedback Management"
_PAGES = Pages(maximum=None)


def make_form(_: Scene, index: int) -> Record:
    """Make a form."""
    return {
        "id": f"65a0c35a97bbc544d8e2{index:04x}",
        "org_id": ORGANIZATION,
        "email_reply_source": None if index % 3 == 2 else "avis@shop.example",
        "email_reply_subject": "Votre visite “chez nous”",
        "email_reply_to_business": index % 2 == 0,
        "email_reply_expeditor_name": "Zoë",
        "expiration_interval_seconds": None if index % 4 == 3 else 1_209_600,
        "display_name": f"Questionnaire n° {index}",
    }


FEEDBACK_FORMS = Resource(
    "feedback_forms",
    "/feedback/feedback_form",
    "items",
    ("id",),
    make_form,
    pages=_PAGES,
    product=PRODUCT,
)


def make_result(scene: Scene, index: int) -> Record:
    """Make the answers of a customer."""
    created = scene.moment(index, 300)
    forms = scene.rows("feedback_forms") or [make_form(scene, 0)]
    form = scene.pick(forms)
    first_name, _, last_name = scene.pick(PEOPLE).partition(" ")
    extras: tuple[Any, ...] = ({}, {"ticket": 12, "carte": {"n°": "A-1"}}, None)
    comments = [
        {
            "id": 70_000 + scene.id,
            "created": seconds_time(scene.later(created)),
            "author_name": None if index % 2 else "Réponse",
            "content": "Merci !",
            "feedback_result_id": scene.id,
            "user_id": user_id(index % 12),
            "is_reply_suggestion": index % 4 == 0,
        }
    ]
    return {
        "id": scene.id,
        "business_id": scene.business_id(),
        "firstname": first_name,
        "lastname": None if index % 4 == 1 else last_name,
        "nps": None if index % 12 == 11 else index % 11,
        "content": None if index % 5 == 2 else "Très bien\n🚀",
        "state": ("treated", "not_treated")[index % 2],
        "optin": index % 3 == 0,
        "created": seconds_time(created),
        "feedback_form": {"id": form["id"], "display_name": form["display_name"]},
        "feedback_result_fields": _fields(index),
        "comments": comments if index % 3 == 0 else [],
        "extra": extras[index % len(extras)],
    }


def _fields(index: int) -> list[Record]:
    choices = ["Prix", "Qualité"] if index % 2 else None
    return [
        {
            "rating": None if index % 4 == 3 else index % 6,
            "content": None if index % 2 else "Propre",
            "choices": choices,
            "feedback_form_field": {
                "id": f"65b0c35a97bbc544d8e2{place:04x}",
                "field_type": ("CSAT", "TEXT")[place % 2],
                "field_label": "Êtes-vous satisfait ?",
                "field_choices": choices,
            },
        }
        for place in range(index % 3)
    ]


FEEDBACK_RESULTS = Resource(
    "feedback_results",
    "/feedback/feedback_result",
    "items",
    ("id",),
    make_result,
    pages=_PAGES,
    parameters={
        "business__in": among("business_id"),
        "business__notin": none_of("business_id"),
    },
    product=PRODUCT,
    first_id=601,
)
