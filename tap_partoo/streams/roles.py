"""Custom roles of users, and the permissions that roles and API keys consist of."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from singer_sdk import typing as th
from typing_extensions import override

from tap_partoo.reading.pages import Slice, objects_in
from tap_partoo.reading.paging import NumberedPages, OneResponse
from tap_partoo.reading.slices import Queries
from tap_partoo.records.types import OneOrMany, strings
from tap_partoo.streams.base import PartooStream

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Record

    from tap_partoo.streams.run import Run


class CustomRoles(PartooStream):
    """Roles that the organisation can give its users, and what they allow.

    https://developers.partoo.co/api-reference/custom-roles/list-custom-roles
    """

    name = "custom_roles"
    path = "/custom_role"
    needs = "the right to manage users"
    personal_data = ()
    primary_keys = ("org_id", "api_id")
    paging = NumberedPages("custom_roles", per_page=100)
    takes_org_id = True

    columns = th.PropertiesList(
        th.Property("name", th.StringType, description="Name of the role."),
        th.Property(
            "api_id",
            th.StringType(nullable=False),
            required=True,
            description="Identifies the role in its organisation. Primary key.",
        ),
        th.Property(
            "description", th.StringType, description="What the role is meant for."
        ),
        th.Property(
            "org_id",
            th.IntegerType(nullable=False),
            required=True,
            description="Organisation of the role; 0: Partoo names none. Joins "
            "`organizations.org_id`. Primary key.",
        ),
        th.Property(
            "is_builtin",
            th.BooleanType,
            description="True for a role that Partoo provides.",
        ),
        th.Property(
            "permissions",
            strings(),
            description="Permissions that the role grants; null: they could not be "
            "read. Joins `permissions.name`.",
        ),
    )

    @override
    def kept_part(self, row: Record) -> Record:
        return super().kept_part({**row, "org_id": row.get("org_id") or 0})

    @override
    def slices(self, run: Run) -> Queries:
        roles = self.read_all()
        run.is_complete &= roles.is_complete
        # Organisations of a PROVIDER share the ids of built-in roles.
        self._roles: dict[str, list[Record]] = {}
        for role in roles.rows:
            self._roles.setdefault(str(role.get("api_id")), []).append(role)
        return Queries(map(self._detail, self._roles), total=len(self._roles))

    def _detail(self, api_id: str) -> Slice:
        """Return the query for the details of a role, which the list lacks."""
        return Slice(
            f"{self.path}/{quote(api_id, safe='')}",
            OneResponse(),
            label=api_id,
            is_child=True,
            if_refused=[{}],
        )

    @override
    def rows(self, part: Slice, items: list[Record]) -> list[Record]:
        return [
            {
                **role,
                "permissions": item.get("permissions"),
            }
            for item in items
            for role in self._roles[part.label]
        ]


class Permissions(PartooStream):
    """Permissions that the organisation's plans unlock, one row each.

    https://developers.partoo.co/api-reference/custom-roles/get-permissions
    """

    name = "permissions"
    path = "/permissions"
    needs = "the right to manage users"
    personal_data = ()
    primary_keys = ("name",)
    paging = OneResponse("sections")
    takes_org_id = True

    columns = th.PropertiesList(
        th.Property(
            "section",
            th.StringType,
            description="Section of the permission, such as `presence`.",
        ),
        th.Property(
            "section_order", th.IntegerType, description="Position of the section."
        ),
        th.Property(
            "subsection",
            th.StringType,
            description="Part of the section, such as `presence_pages`.",
        ),
        th.Property(
            "subsection_order",
            th.IntegerType,
            description="Position of that part in the section.",
        ),
        th.Property(
            "name",
            th.StringType(nullable=False),
            required=True,
            description="Identifies the permission, such as `business_edit_name`. "
            "Primary key.",
        ),
        th.Property(
            "order",
            th.IntegerType,
            description="Position of the permission in its part of the section.",
        ),
        th.Property(
            "feature",
            th.StringType,
            description="Feature of Partoo that it belongs to, such as "
            "`business_edition`.",
        ),
        th.Property(
            "depends_on",
            OneOrMany(th.StringType(nullable=True)),
            description="Permissions that it requires; null: none. Joins "
            "`permissions.name`.",
        ),
        th.Property(
            "disabled_for_roles",
            strings(),
            description="Roles that cannot have it.",
        ),
    )

    @override
    def rows(self, part: Slice, items: list[Record]) -> list[Record]:
        return [
            {
                "section": section.get("name"),
                "section_order": section.get("order"),
                "subsection": subsection.get("name"),
                "subsection_order": subsection.get("order"),
                **permission,
            }
            for section in items
            for subsection in objects_in(section, "subsections")
            for permission in objects_in(subsection, "permissions")
        ]
