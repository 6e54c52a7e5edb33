"""Custom roles of users, and the permissions that roles and API keys consist of."""

from __future__ import annotations

from singer_sdk import typing as th

from tap_partoo.reading.paging import NumberedPages, OneResponse
from tap_partoo.records.types import OneOrMany, strings
from tap_partoo.streams.base import PartooStream


class CustomRoles(PartooStream):
    """Roles that the organization can give its users, and what they allow.

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
            description="Identifies the role in its organization. Primary key.",
        ),
        th.Property(
            "description", th.StringType, description="What the role is meant for."
        ),
        th.Property(
            "org_id",
            th.IntegerType(nullable=False),
            required=True,
            description="Organization of the role; 0: Partoo names none. Joins "
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


class Permissions(PartooStream):
    """Permissions that the organization's plans unlock, one row each.

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
