"""Organisations, their users, and the sections and groups of their businesses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.partoo_api.data import PEOPLE, ROLES
from tests.partoo_api.parameters import (
    containing,
    equal,
    integer,
    of_organization,
    one_of,
    without_effect,
    yes_no,
)
from tests.partoo_api.resource import Detail, Pages, Parameter, Resource, Values
from tests.partoo_api.row import Record, Row, View
from tests.partoo_api.scene import LANGUAGES, ORGANIZATION, user_id

from .businesses import FEATURES

if TYPE_CHECKING:
    from tests.partoo_api.account import Account
    from tests.partoo_api.habits import Habits
    from tests.partoo_api.scene import Scene


def make_organization(_: Scene, index: int) -> Record:
    """Make an organisation."""
    record: dict[str, Any] = {
        "org_id": ORGANIZATION + index,
        "name": ("Les Épis d'Or", "Zoë & Söhne")[index % 2],
        "alias": None if index % 4 == 1 else f"epis-{index}",
        "provider": "partoo",
        "type": ("enterprise", "small_medium_business")[index % 2],
        "features": list(FEATURES),
        "org_features": list(FEATURES[: index % 3]),
        "last_org_api_call": None if index % 3 == 2 else "05-11-2021",
        "max_businesses": None if index % 2 == 0 else 500,
    }
    if index % 2:
        record |= {"has_google_post": True, "display_google_post": False}
    return record


ORGANIZATIONS = Resource(
    "organizations",
    "/org/search",
    "orgs",
    ("org_id",),
    make_organization,
    parameters={
        "org_id": equal("org_id", integer),
        "query": containing("name", "org_id"),
        "alias": equal("alias"),
    },
)


def make_user(scene: Scene, index: int) -> Record:
    """Make a user; the first ones own the API keys."""
    role = ROLES[index % len(ROLES)]
    first_name, _, last_name = PEOPLE[index % len(PEOPLE)].partition(" ")
    groups = [group["id"] for group in scene.rows("groups")] or [1, 2, 3]
    record: dict[str, Any] = {
        "id": user_id(index),
        "org_id": ORGANIZATION + (index % 7 == 6),
        "first_name": first_name,
        "last_name": None if index % 10 == 9 else last_name,
        "email": f"user{index}@shop.example",
        "lang": LANGUAGES[index % len(LANGUAGES)],
        "role": role,
        "provider": "partoo",
        "status": "invited" if index % 5 == 4 else "active",
        "disabled": index % 6 == 5,
        "sso_only": index % 4 == 3,
        "created_at": int(scene.moment(index).timestamp()),
        "sidebar_pages": ["diffusion", "messages", "posts"][: index % 4],
        "available_features": ["diffusion", "review_management"][: index % 3],
        "shadow_user_id": ("", None, user_id(index + 500))[index % 3],
    }
    if role == "BUSINESS_MANAGER":
        record["business_ids"] = [scene.business_id()] if index % 4 else []
    if role == "GROUP_MANAGER":
        record["accesses"] = [groups[:2], groups[2:3]]
    return record | _sometimes(index)


def _sometimes(index: int) -> Record:
    """Return what was removed from the documentation, or is not always there."""
    fields: dict[str, Any] = {}
    if index % 4 == 0:  # removed in 2026
        fields |= {"phone": None if index % 8 else "+33612345678", "keywords": ["été"]}
    if index % 5 == 0:  # legacy
        fields |= {"group_id": 23, "sidebar_products": ["presence_management"]}
    if index % 3 == 1:
        fields["reports"] = ["weekly"] if index % 2 else []
    if index % 2:
        fields["custom_role"] = None if index % 4 == 1 else "BUSINESS_MANAGER"
    return fields


def _without_business_ids(row: Row) -> Record:
    return {k: value for k, value in row.record.items() if k != "business_ids"}


_SHORT = View("without business_ids", _without_business_ids)


def _users_view(_: Account, values: Values, __: Habits) -> View | None:
    return _SHORT if values.get("display_business_ids") is False else None


USERS = Resource(
    "users",
    "/user/search",
    "users",
    ("id",),
    make_user,
    parameters={
        "email": Parameter(
            str,
            lambda row, email: (
                str(row.record.get("email")).casefold() == email.casefold()
            ),
        ),
        "org_id": of_organization(),
        "query": containing("first_name", "last_name", "email"),
        "status": equal("status", one_of("active", "invited")),
        "display_business_ids": without_effect(yes_no),
    },
    orders={
        name: name
        for name in (
            "email",
            "first_name",
            "last_name",
            "role",
            "org_id",
            "group_id",
            "status",
        )
    },
    view=_users_view,
)


def make_section(scene: Scene, index: int) -> Record:
    """Make a section; its groups are rows of their own."""
    return {
        "id": scene.id,
        "name": ("Régions", "Enseignes", "Länder", None)[index % 4],
        "can_edit": index % 2 == 0,
        "has_puller": index % 3 == 0,
    }


def make_group(scene: Scene, index: int) -> Record:
    """Make a group, with the section that it stands in."""
    sections = [section["id"] for section in scene.rows("sections")] or [11]
    return {
        "id": scene.id,
        "section_id": sections[index % max(len(sections) - 1, 1)],  # one has none
        "name": None if index % 8 == 7 else f"Île n° {index}",
        "has_puller": index % 3 == 1,
    }


def _with_groups(account: Account, _: Values, __: Habits) -> View:
    groups = account["groups"]

    def embed(row: Row) -> Record:
        found = groups.with_value("section_id", row.record.get("id"))
        inner = [
            {k: value for k, value in group.record.items() if k != "section_id"}
            for group in found
        ]
        return row.record | {"groups": inner}

    return View(("with groups", groups.version), embed)


def _sections_view(account: Account, values: Values, habits: Habits) -> View | None:
    return _with_groups(account, values, habits) if habits.embeds_groups else None


def _has_group_named(account: Account, text: str) -> frozenset[object]:
    """Return the sections that have a group of such a name."""
    rows = account["groups"].rows()
    return frozenset(
        row["section_id"]
        for row in rows
        if text.casefold() in str(row["name"]).casefold()
    )


SECTIONS = Resource(
    "sections",
    "/sections",
    "sections",
    ("id",),
    make_section,
    parameters={
        "org_id": of_organization(),
        "group_name_query": Parameter(
            str,
            lambda row, ids: row.record.get("id") in ids,
            resolve=_has_group_named,
        ),
    },
    view=_sections_view,
    detail=Detail("id", _with_groups),
    pages=Pages(maximum=None),
    first_id=11,
)

GROUPS = Resource(
    "groups",
    "/sections",
    "groups",
    ("id",),
    make_group,
    embedded_in="sections",
    first_id=101,
)
