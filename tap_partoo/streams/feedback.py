"""Feedback that customers gave in surveys, and the forms they filled in (beta)."""

from __future__ import annotations

from singer_sdk import typing as th

from tap_partoo.reading.paging import NumberedPages
from tap_partoo.records.types import JSONText
from tap_partoo.streams.base import PartooStream

_FORM = th.ObjectType(
    th.Property(
        "id",
        th.StringType,
        description="Identifies the form. Joins `feedback_forms.id`.",
    ),
    th.Property("display_name", th.StringType, description="Name of the form."),
)

_FORM_FIELD = th.ObjectType(
    th.Property("id", th.StringType, description="Identifies the question."),
    th.Property(
        "field_type", th.StringType, description="Type of question, such as `CSAT`."
    ),
    th.Property("field_label", th.StringType, description="Text of the question."),
    th.Property(
        "field_choices",
        JSONText,
        description="Choices offered, as JSON text of a list; null: none.",
    ),
)

_RESULT_FIELD = th.ObjectType(
    th.Property(
        "rating",
        th.IntegerType,
        description="Rating given; null: none.",
    ),
    th.Property(
        "content",
        th.StringType,
        description="Text given; null: none.",
    ),
    th.Property(
        "choices",
        JSONText,
        description="Choices made, as JSON text of a list; null: none.",
    ),
    th.Property("feedback_form_field", _FORM_FIELD, description="The question."),
    nullable=True,
)

_COMMENT = th.ObjectType(
    th.Property("id", th.IntegerType, description="Identifies the reply."),
    th.Property("created", th.DateTimeType, description="Creation, UTC."),
    th.Property(
        "author_name", th.StringType, description="Name of the author of the reply."
    ),
    th.Property("content", th.StringType, description="Text of the reply."),
    th.Property(
        "feedback_result_id",
        th.IntegerType,
        description="The feedback that it replies to. Joins `feedback_results.id`.",
    ),
    th.Property(
        "user_id",
        th.StringType,
        description="Partoo user who replied. Joins `users.id`.",
    ),
    th.Property(
        "is_reply_suggestion",
        th.BooleanType,
        description="True if the reply comes from a suggestion by Partoo's AI.",
    ),
    nullable=True,
)


class FeedbackResults(PartooStream):
    """What customers answered in surveys, and the replies.

    https://developers.partoo.co/api-reference/feedback-management/search-for-feedback-results
    """

    name = "feedback_results"
    path = "/feedback/feedback_result"
    needs = "Feedback Management"
    personal_data = (
        "firstname",
        "lastname",
        "content",
        "feedback_result_fields.content",
        "feedback_result_fields.choices",  # of any shape, so possibly with free text
        "comments.author_name",
        "comments.content",
        "extra",  # anything that your organisation sends with the survey
    )
    primary_keys = ("id",)
    paging = NumberedPages("items", per_page=None)
    entered_at = ("created",)

    columns = th.PropertiesList(
        th.Property(
            "id",
            th.IntegerType(nullable=False),
            required=True,
            description="Identifies the feedback. Primary key.",
        ),
        th.Property(
            "business_id",
            th.StringType,
            description="The business that it is about. Joins `businesses.id`.",
        ),
        th.Property(
            "firstname", th.StringType, description="First name of the customer."
        ),
        th.Property(
            "lastname", th.StringType, description="Last name of the customer."
        ),
        th.Property("content", th.StringType, description="Text of the customer."),
        th.Property(
            "state",
            th.StringType,
            description="`treated` or `not_treated`; more may come.",
        ),
        th.Property(
            "nps",
            th.IntegerType,
            description="How likely the customer is to recommend you, from 0 to 10.",
        ),
        th.Property(
            "optin",
            th.BooleanType,
            description="True if the customer agrees to be contacted.",
        ),
        th.Property("created", th.DateTimeType, description="When it was given, UTC."),
        th.Property("feedback_form", _FORM, description="The form that was filled in."),
        th.Property(
            "feedback_result_fields",
            th.ArrayType(_RESULT_FIELD),
            description="The answers, one for each question.",
        ),
        th.Property(
            "comments",
            th.ArrayType(_COMMENT),
            description="Replies to the feedback.",
        ),
        th.Property(
            "extra",
            JSONText,
            description="Your organisation's own data about the feedback, as JSON "
            "text.",
        ),
    )


class FeedbackForms(PartooStream):
    """The forms of surveys, and how replies to feedback are sent.

    https://developers.partoo.co/api-reference/feedback-management/search-for-feedback-forms
    """

    name = "feedback_forms"
    path = "/feedback/feedback_form"
    needs = "Feedback Management"
    # The sender of replies is usually a company, but can be a person.
    personal_data = ("email_reply_source", "email_reply_expeditor_name")
    primary_keys = ("id",)
    paging = NumberedPages("items", per_page=None)

    columns = th.PropertiesList(
        th.Property(
            "id",
            th.StringType(nullable=False),
            required=True,
            description="Identifies the form. Primary key.",
        ),
        th.Property(
            "org_id",
            th.IntegerType,
            description="Organisation of the form. Joins `organizations.org_id`.",
        ),
        th.Property(
            "email_reply_source",
            th.StringType,
            description="Email address that replies are sent from.",
        ),
        th.Property(
            "email_reply_subject",
            th.StringType,
            description="Subject of the emails with replies.",
        ),
        th.Property(
            "email_reply_to_business",
            th.BooleanType,
            description="True if the customer's response goes to the business's email "
            "address, false if to `email_reply_source`.",
        ),
        th.Property(
            "email_reply_expeditor_name",
            th.StringType,
            description="Name of the sender in the emails with replies.",
        ),
        th.Property(
            "expiration_interval_seconds",
            th.IntegerType,
            description="How long a dated link to the form can be used, in seconds.",
        ),
        th.Property("display_name", th.StringType, description="Name of the form."),
    )
