"""Organisations, their users, and the groups that their businesses belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from singer_sdk import typing as th
from typing_extensions import override

from tap_partoo.reading.pages import Slice, objects_in
from tap_partoo.reading.paging import NumberedPages, OneResponse
from tap_partoo.reading.slices import Queries
from tap_partoo.records.types import EpochSeconds, JSONText, strings
from tap_partoo.streams.base import PartooStream

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Record

    from tap_partoo.streams.run import Run


class Organizations(PartooStream):
    """The organisations that the API key may read: one, or all of a PROVIDER.

    https://developers.partoo.co/api-reference/organizations/search-for-organizations
    """

    name = "organizations"
    path = "/org/search"
    needs = "a key that may read organisations"
    personal_data = ()
    primary_keys = ("org_id",)
    paging = NumberedPages("orgs", per_page=100)
    takes_org_id = True

    columns = th.PropertiesList(
        th.Property(
            "org_id",
            th.IntegerType(nullable=False),
            required=True,
            description="Identifies the organisation. Primary key.",
        ),
        th.Property("name", th.StringType, description="Name of the organisation."),
        th.Property("alias", th.StringType, description="Short name."),
        th.Property(
            "provider",
            th.StringType,
            description="Provider that the organisation belongs to, such as `partoo`.",
        ),
        th.Property(
            "type",
            th.StringType,
            description="`small_medium_business` or `enterprise`; more may come.",
        ),
        th.Property(
            "features",
            strings(),
            description="Features that it can use, even if only for some businesses.",
        ),
        th.Property(
            "org_features",
            strings(),
            description="Features that the organisation itself has subscribed to.",
        ),
        th.Property(
            "last_org_api_call",
            th.StringType,
            description="Day of the last call with any of its API keys, as Partoo "
            "writes it: whether day or month comes first is not known.",
        ),
        th.Property(
            "max_businesses",
            th.IntegerType,
            description="How many businesses it may have; null: no limit.",
        ),
        th.Property(
            "has_google_post",
            th.BooleanType,
            description="Deprecated by Partoo in favour of `features`.",
        ),
        th.Property(
            "display_google_post",
            th.BooleanType,
            description="Deprecated by Partoo in favour of `features`.",
        ),
    )


class Users(PartooStream):
    """The users that the API key may read; an ORG_ADMIN's key reads all.

    https://developers.partoo.co/api-reference/users/search-for-users
    """

    name = "users"
    path = "/user/search"
    needs = None
    personal_data = ("first_name", "last_name", "email", "phone")
    primary_keys = ("id",)
    paging = NumberedPages("users", per_page=100)
    entered_at = ("created_at",)
    params: ClassVar = {"order_by": "email"}
    takes_org_id = True
    left_out = frozenset({"sidebar_products"})  # replaced by `sidebar_pages`

    columns = th.PropertiesList(
        th.Property(
            "id",
            th.StringType(nullable=False),
            required=True,
            description="Identifies the user. Primary key.",
        ),
        th.Property(
            "org_id",
            th.IntegerType,
            description="Organisation of the user. Joins `organizations.org_id`.",
        ),
        th.Property("first_name", th.StringType, description="First name."),
        th.Property("last_name", th.StringType, description="Last name."),
        th.Property("email", th.StringType, description="Email address."),
        th.Property(
            "lang", th.StringType, description="Language of the user, such as `fr`."
        ),
        th.Property(
            "role",
            th.StringType,
            description="PROVIDER, ORG_ADMIN, ORG_MANAGER, GROUP_MANAGER, "
            "BUSINESS_MANAGER or PUBLISHER; more may come.",
        ),
        th.Property(
            "provider",
            th.StringType,
            description="Provider that the user belongs to, such as `partoo`.",
        ),
        th.Property(
            "status",
            th.StringType,
            description="`invited` or `active`; more may come.",
        ),
        th.Property(
            "disabled",
            th.BooleanType,
            description="True if the user's account is disabled.",
        ),
        th.Property(
            "sso_only",
            th.BooleanType,
            description="True if the user can only sign in by single sign-on.",
        ),
        th.Property(
            "created_at",
            EpochSeconds,
            description="When the user was created, UTC.",
        ),
        th.Property(
            "sidebar_pages",
            strings(),
            description="Pages in the user's sidebar, such as `messages`.",
        ),
        th.Property(
            "available_features",
            strings(),
            description="Features that the user can use, such as `review_management`.",
        ),
        th.Property(
            "business_ids",
            strings(),
            description="Businesses that a BUSINESS_MANAGER has access to; other roles "
            "have none. Joins `businesses.id`.",
        ),
        th.Property(
            "accesses",
            JSONText,
            description="Groups that a GROUP_MANAGER has access to, as JSON text of "
            "lists of ids, such as `[[1, 2], [1, 3]]`. Joins `groups.id`.",
        ),
        th.Property(
            "shadow_user_id",
            th.StringType,
            description="Internal id of Partoo; may be empty.",
        ),
        th.Property(
            "group_id",
            th.IntegerType,
            description="Group in Partoo's former group system, usually null.",
        ),
        th.Property(
            "phone",
            th.StringType,
            description="Phone number; null since Partoo removed it in January 2026.",
        ),
        th.Property(
            "keywords",
            strings(),
            description="Keywords; null since Partoo removed them in January 2026.",
        ),
        th.Property(
            "reports", strings(), description="Reports of the user, often null."
        ),
        th.Property(
            "custom_role",
            th.StringType,
            description="Custom role of the user; null: none. Joins "
            "`custom_roles.api_id`.",
        ),
    )


class Sections(PartooStream):
    """Sections, which contain the groups, such as countries or brands.

    https://developers.partoo.co/api-reference/groups-and-sections/get-sections
    """

    name = "sections"
    path = "/sections"
    needs = None
    personal_data = ()
    primary_keys = ("id",)
    paging = NumberedPages("sections", per_page=None, counters=False)
    takes_org_id = True
    left_out = frozenset({"groups"})  # they have their own stream

    columns = th.PropertiesList(
        th.Property(
            "id",
            th.IntegerType(nullable=False),
            required=True,
            description="Identifies the section. Primary key.",
        ),
        th.Property("name", th.StringType, description="Name of the section."),
        th.Property(
            "can_edit",
            th.BooleanType,
            description="True if the user of the API key may edit the section.",
        ),
        th.Property(
            "has_puller",
            th.BooleanType,
            description="True if the section is maintained by an automatic import.",
        ),
    )


class Groups(PartooStream):
    """Groups of businesses; `businesses.groups` shows which business is in which.

    https://developers.partoo.co/api-reference/groups-and-sections/get-section-by-id
    """

    name = "groups"
    path = "/sections"
    needs = None
    personal_data = ()
    primary_keys = ("id",)
    parent = Sections
    paging = OneResponse("groups")

    columns = th.PropertiesList(
        th.Property(
            "id",
            th.IntegerType(nullable=False),
            required=True,
            description="Identifies the group. Primary key.",
        ),
        th.Property(
            "section_id",
            th.IntegerType,
            description="Section of the group. Joins `sections.id`.",
        ),
        th.Property("name", th.StringType, description="Name of the group."),
        th.Property(
            "has_puller",
            th.BooleanType,
            description="True if the group is maintained by an automatic import.",
        ),
    )

    @override
    def slices(self, run: Run) -> Queries:
        sections = self.parents(run).rows
        return Queries(map(self._of_section, sections), total=len(sections))

    def _of_section(self, section: Record) -> Slice:
        """Return the query for the groups of a section, or them if it contains them."""
        embedded = section.get("groups")
        return Slice(
            f"{self.path}/{quote(str(section.get('id')), safe='')}",
            self.paging,
            label=f"section {section.get('id')}",
            fill={"section_id": section.get("id")},
            is_child=True,
            known_rows=None if embedded is None else objects_in(section, "groups"),
        )
