"""Permissions and custom roles: /api-reference/custom-roles/get-permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.partoo_api.data import PERMISSIONS as NAMES
from tests.partoo_api.parameters import of_organization, without_effect, yes_no
from tests.partoo_api.resource import Detail, Pages, Resource, Values
from tests.partoo_api.row import Record, Row, View, dump
from tests.partoo_api.scene import ORGANIZATION

if TYPE_CHECKING:
    from tests.partoo_api.account import Account
    from tests.partoo_api.habits import Habits
    from tests.partoo_api.scene import Scene

_SECTIONS = ("presence", "reputation", "réglages")
_DEPENDS: tuple[Any, ...] = (
    None,
    "business_edit",
    ["business_edit", "review_read"],
    [],
)


def make_permission(_: Scene, index: int) -> Record:
    """Make a permission, with the section and the subsection that it stands in."""
    section = index // 6 % len(_SECTIONS)
    subsection = index // 3 % 2
    name = NAMES[index] if index < len(NAMES) else f"permission_{index}"
    return {
        "section": _SECTIONS[section],
        "section_order": section,
        "subsection": f"{_SECTIONS[section]}_{('pages', 'other')[subsection]}",
        "subsection_order": subsection,
        "name": name,
        "order": index % 3,
        "feature": None if index % 5 == 4 else "business_edition",
        "depends_on": _DEPENDS[index % len(_DEPENDS)],
        "disabled_for_roles": ["PUBLISHER", "GROUP_MANAGER"][: index % 3],
    }


_OUTER = ("section", "section_order", "subsection", "subsection_order")


def _nested(rows: list[Record]) -> list[bytes]:
    """Put the permissions into subsections, and those into sections."""
    sections: dict[str, Record] = {}
    subsections: dict[tuple[str, str], Record] = {}
    for row in rows:
        name, order, inner, inner_order = (row.get(field) for field in _OUTER)
        place = str(name), str(inner)
        section = sections.setdefault(
            place[0], {"name": name, "order": order, "subsections": []}
        )
        if place not in subsections:
            new: Record = {"name": inner, "order": inner_order, "permissions": []}
            subsections[place] = new
            section["subsections"].append(new)
        permission = {k: v for k, v in row.items() if k not in _OUTER}
        subsections[place]["permissions"].append(permission)
    return [dump(section) for section in sections.values()]


PERMISSIONS = Resource(
    "permissions",
    "/permissions",
    "sections",
    ("name",),
    make_permission,
    pages=Pages("one response"),
    parameters={"org_id": without_effect(of_organization().parse)},
    units=_nested,
)


def make_role(_: Scene, index: int) -> Record:
    """Make a role: built-in ones come back in each organisation, or belong to none."""
    base = ("ORG_MANAGER", "GROUP_MANAGER", "BUSINESS_MANAGER")
    built_in = index % 8 < 6
    org = (ORGANIZATION, None)[index % 8 // 3] if built_in else ORGANIZATION
    number = index // 8
    api_id = base[index % 3] if built_in else f"rôle_{index}"
    return {
        "name": f"Rôle n° {index}",
        "api_id": f"{api_id}_{number}" if number else api_id,
        "description": None if index % 3 == 1 else "Peut répondre aux avis",
        "org_id": org,
        "is_builtin": built_in,
        "permissions": list(NAMES[: (index % 3 if built_in else index % 6) + 1]),
    }


def _without_permissions(row: Row) -> Record:
    return {k: value for k, value in row.record.items() if k != "permissions"}


_SHORT = View("short", _without_permissions)


def _short(_: Account, __: Values, ___: Habits) -> View:
    return _SHORT


CUSTOM_ROLES = Resource(
    "custom_roles",
    "/custom_role",
    "custom_roles",
    ("org_id", "api_id"),
    make_role,
    parameters={
        "org_id": of_organization(),
        "only_available_roles": without_effect(yes_no),
    },
    view=_short,
    detail=Detail("api_id"),
)
