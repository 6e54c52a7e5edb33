"""Businesses: the stores, restaurants and branches whose presence Partoo manages."""

from __future__ import annotations

from singer_sdk import typing as th

from tap_partoo.reading.paging import NumberedPages
from tap_partoo.records.types import EpochSeconds, JSONText, strings
from tap_partoo.streams.base import PartooStream

_ADDRESS_DETAILS = th.ObjectType(
    th.Property("number", th.StringType, description="House number."),
    th.Property(
        "number_supplement",
        th.StringType,
        description="What follows the house number, such as `bis`.",
    ),
    th.Property(
        "street_type", th.StringType, description="Kind of street, such as `rue`."
    ),
    th.Property("street_name", th.StringType, description="Name of the street."),
)

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_OPEN_HOURS = th.ObjectType(
    *(
        th.Property(
            day,
            strings(),
            description=f"Opening hours on {day.capitalize()}s, such as `09:00-12:30`, "
            "local time; empty: closed.",
        )
        for day in _DAYS
    )
)

_PERIOD = (
    th.Property("starts_at", th.DateType, description="First day of the period."),
    th.Property("ends_at", th.DateType, description="Last day of the period."),
)

_SPECIFIC_HOURS = th.ObjectType(
    th.Property(
        "open",
        th.ArrayType(
            th.ObjectType(
                *_PERIOD,
                th.Property(
                    "open_hours",
                    strings(),
                    description="Opening hours on each of these days, such as "
                    "`10:00-17:00`, local time.",
                ),
                nullable=True,
            )
        ),
        description="Periods with special opening hours.",
    ),
    th.Property(
        "close",
        th.ArrayType(th.ObjectType(*_PERIOD, nullable=True)),
        description="Periods in which the business is closed.",
    ),
)

_CONTACT = th.ObjectType(
    th.Property("name", th.StringType, description="Name of the contact."),
    th.Property("email", th.StringType, description="Email address."),
    th.Property(
        "phone_numbers",
        strings(),
        description="Phone numbers in international format, such as `+33140000000`.",
    ),
    th.Property("fax", th.StringType, description="Fax number."),
    nullable=True,
)

_PHOTOS = th.ObjectType(
    th.Property("LOGO", th.StringType, description="URL of the logo."),
    th.Property("primary", th.StringType, description="URL of the main photo."),
    th.Property("secondary", strings(), description="URLs of the other photos."),
)

_SUBSCRIPTIONS = th.ObjectType(
    *(
        th.Property(
            product,
            th.ObjectType(
                th.Property(
                    "active",
                    th.BooleanType,
                    description="True while the business has the product.",
                )
            ),
            description=f"Subscription to {label}.",
        )
        for product, label in (
            ("presence_management", "Presence Management"),
            ("review_management", "Review Management"),
            ("review_booster", "Review Booster"),
            ("messages", "Messages"),
        )
    )
)

_CUSTOM_FIELD = th.ObjectType(
    th.Property(
        "id",
        th.IntegerType,
        description="The custom field. Joins `custom_fields.id`.",
    ),
    th.Property("name", th.StringType, description="Name of the custom field."),
    th.Property(
        "type",
        th.StringType,
        description="Type of the custom field, such as `BOOLEAN` or `TEXT`.",
    ),
    th.Property("order", th.IntegerType, description="Position of the custom field."),
    th.Property(
        "value",
        JSONText,
        description='The value as JSON text, such as `true`, `12` or `"oui"`, whatever '
        "its type; null: no value.",
    ),
    nullable=True,
)


class Businesses(PartooStream):
    """The businesses that the API key may read, in any status.

    https://developers.partoo.co/api-reference/businesses/search-for-businesses
    """

    name = "businesses"
    path = "/business/search"
    needs = None
    personal_data = (
        "contacts.name",
        "contacts.email",
        "contacts.phone_numbers",
        "contacts.fax",
        "custom_fields.value",  # any text, such as names and numbers of store managers
    )
    primary_keys = ("id",)
    paging = NumberedPages("businesses", per_page=100)
    entered_at = ("created",)
    takes_org_id = True
    kept_fields = ("id", "google_location_id", "subscriptions")
    left_out = frozenset({"news", "promos", "siret", "videos"})  # deprecated

    columns = th.PropertiesList(
        th.Property(
            "id",
            th.StringType(nullable=False),
            required=True,
            description="Identifies the business and never changes. Primary key.",
        ),
        th.Property(
            "created",
            EpochSeconds,
            description="When the business was created in Partoo, UTC.",
        ),
        th.Property(
            "modified",
            EpochSeconds,
            description="Last change, UTC. Changes of custom fields and of related "
            "objects do not count.",
        ),
        th.Property(
            "code",
            th.StringType,
            description="Your own store code: unique in the organisation, but it can "
            "change.",
        ),
        th.Property(
            "status",
            th.StringType,
            description="`open`, `closed`, `opening_soon`, or temporarily closed, for "
            "which Partoo has two spellings; more values may come.",
        ),
        th.Property("name", th.StringType, description="Name of the business."),
        th.Property("opening_date", th.DateType, description="Day of the opening."),
        th.Property(
            "org_id",
            th.IntegerType,
            description="Organisation of the business. Joins `organizations.org_id`.",
        ),
        th.Property(
            "group_id",
            th.IntegerType,
            description="Group in Partoo's former group system, usually null; see "
            "`groups`.",
        ),
        th.Property(
            "groups",
            th.ArrayType(th.IntegerType(nullable=True)),
            description="Groups that the business belongs to. Joins `groups.id`.",
        ),
        th.Property("address", th.StringType, description="Street and number."),
        th.Property(
            "address_full",
            th.StringType,
            description="The whole street address in one line.",
        ),
        th.Property(
            "address2", th.StringType, description="Second line of the address."
        ),
        th.Property(
            "country",
            th.StringType,
            description="Country as its two-letter ISO 3166 code, such as `FR`.",
        ),
        th.Property(
            "default_lang",
            th.StringType,
            description="Default language of the business, such as `fr`.",
        ),
        th.Property("city", th.StringType, description="City."),
        th.Property("zipcode", th.StringType, description="Postal code."),
        th.Property("region", th.StringType, description="Region."),
        th.Property(
            "address_details",
            _ADDRESS_DETAILS,
            description="The street address in parts; often not sent, then null.",
        ),
        th.Property(
            "categories",
            strings(),
            description="Google categories, the main one first, such as "
            "`gcid:restaurant`. Joins `categories.gmb_id`.",
        ),
        th.Property(
            "time_slot_reference",
            strings(),
            description="Reference time slots, such as `10:00-14:00`, local time.",
        ),
        th.Property(
            "open_hours", _OPEN_HOURS, description="Regular opening hours by weekday."
        ),
        th.Property(
            "specific_hours",
            _SPECIFIC_HOURS,
            description="Exceptions from the regular opening hours.",
        ),
        th.Property(
            "description_short", th.StringType, description="Short description."
        ),
        th.Property("description_long", th.StringType, description="Long description."),
        th.Property("website_url", th.StringType, description="Website."),
        th.Property("facebook_url", th.StringType, description="Facebook page."),
        th.Property("twitter_url", th.StringType, description="Twitter or X profile."),
        th.Property(
            "google_location_id",
            th.StringType,
            description="Connected Google location; null: not connected.",
        ),
        th.Property(
            "facebook_page_id",
            th.StringType,
            description="Connected Facebook page; null: not connected.",
        ),
        th.Property(
            "national_identification_number",
            th.StringType,
            description="National registration number, such as the French SIRET.",
        ),
        th.Property("logo_url", th.StringType, description="URL of the logo."),
        th.Property(
            "contacts",
            th.ArrayType(_CONTACT),
            description="Contacts of the business, often people.",
        ),
        th.Property("photos", _PHOTOS, description="URLs of the photos."),
        th.Property(
            "lat", th.NumberType, description="Latitude in degrees, as Partoo has it."
        ),
        th.Property(
            "long", th.NumberType, description="Longitude in degrees, as Partoo has it."
        ),
        th.Property(
            "subscriptions",
            _SUBSCRIPTIONS,
            description="Which of Partoo's products the business has.",
        ),
        th.Property(
            "features",
            strings(),
            description="Features of Partoo that the business has, such as "
            "`review_management`.",
        ),
        th.Property(
            "custom_fields",
            th.ArrayType(_CUSTOM_FIELD),
            description="Values of your organisation's own fields.",
        ),
        th.Property(
            "completion_rate",
            th.NumberType,
            description="How complete the business's information is, in percent.",
        ),
    )
