"""Definitions of the organisation's own fields of its businesses."""

from __future__ import annotations

from singer_sdk import typing as th

from tap_partoo.reading.paging import OneResponse
from tap_partoo.records.types import JSONText, strings
from tap_partoo.streams.base import PartooStream


class CustomFields(PartooStream):
    """Custom fields, whose values are in `businesses.custom_fields`.

    https://developers.partoo.co/api-reference/custom-fields/get-custom-fields
    """

    name = "custom_fields"
    path = "/custom_fields"
    needs = None
    personal_data = ()
    primary_keys = ("id",)
    paging = OneResponse("custom_fields")
    takes_org_id = True

    columns = th.PropertiesList(
        th.Property(
            "id",
            th.IntegerType(nullable=False),
            required=True,
            description="Identifies the custom field. Primary key.",
        ),
        th.Property(
            "order", th.IntegerType, description="Position of the custom field."
        ),
        th.Property("name", th.StringType, description="Name of the custom field."),
        th.Property(
            "description", th.StringType, description="What the field is meant for."
        ),
        th.Property(
            "type",
            th.StringType,
            description="`BOOLEAN`, `TEXT`, `INTEGER`, `FLOAT`, `SINGLE_SELECT`, "
            "`MULTIPLE_SELECT`, `MULTIPLE_SELECT_IMAGE`, `IMAGES_UPLOADER`; more may "
            "come.",
        ),
        th.Property(
            "slug", th.StringType, description="Readable identifier of the field."
        ),
        th.Property(
            "section_id",
            th.IntegerType,
            description="Section of the field; null: none. Joins "
            "`custom_field_sections.id`.",
        ),
        th.Property(
            "section_name",
            th.StringType,
            description="Name of that section; null: none.",
        ),
        th.Property("max_len", th.IntegerType, description="Maximum length of a text."),
        th.Property("min", th.NumberType, description="Lowest value of a number."),
        th.Property("max", th.NumberType, description="Highest value of a number."),
        th.Property(
            "possible_values",
            strings(),
            description="Values to choose from, where the type has them.",
        ),
        th.Property(
            "possible_images_urls",
            strings(),
            description="URLs of the images to choose from.",
        ),
        th.Property(
            "possible_images_labels",
            strings(),
            description="Labels of the images to choose from.",
        ),
        th.Property(
            "max_selected_values",
            th.IntegerType,
            description="Maximum number of values that can be chosen.",
        ),
        th.Property(
            "text_fields",
            JSONText,
            description="Texts that belong to each uploaded image, as JSON text of a "
            "list.",
        ),
    )


class CustomFieldSections(PartooStream):
    """Sections, which group the custom fields.

    https://developers.partoo.co/api-reference/custom-fields-section/get-custom-field-sections
    """

    name = "custom_field_sections"
    path = "/custom_fields/section"
    needs = None
    personal_data = ()
    primary_keys = ("id",)
    paging = OneResponse("sections")
    takes_org_id = True

    columns = th.PropertiesList(
        th.Property(
            "id",
            th.IntegerType(nullable=False),
            required=True,
            description="Identifies the section. Primary key.",
        ),
        th.Property("order", th.IntegerType, description="Position of the section."),
        th.Property("name", th.StringType, description="Name of the section."),
        th.Property(
            "description",
            th.StringType,
            description="What the section is meant for; null: none.",
        ),
        th.Property(
            "slug",
            th.StringType,
            description="Readable identifier of the section; null: none.",
        ),
    )
