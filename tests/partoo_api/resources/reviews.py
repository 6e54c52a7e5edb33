"""Reviews and reply templates: /api-reference/reviews/search-for-reviews."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.partoo_api.data import PEOPLE
from tests.partoo_api.parameters import (
    among,
    containing,
    ending,
    integer,
    is_null,
    naive_time,
    none_of,
    some_of,
    starting,
    without_effect,
    yes_no,
)
from tests.partoo_api.resource import Pages, Parameter, Resource, Values
from tests.partoo_api.scene import (
    LANGUAGES,
    ORGANIZATION,
    offset_time,
    user_id,
)

if TYPE_CHECKING:
    from tests.partoo_api.account import Account
    from tests.partoo_api.habits import Habits
    from tests.partoo_api.row import Record, Row
    from tests.partoo_api.scene import Scene

PARTNERS = ("google_my_business", "facebook", "tripadvisor", "google_my_business")
STATES = (
    "treated",
    "not_treated",
    "not_treated",
    "pending_auto_reply",
    "treated_auto_reply",
)
CONTENTS = (
    "Très bien, à bientôt !",
    None,  # a rating only
    'He said "never again"\nand left.\t🚀',
    "最高の店です。",
    "",
)
TAGS = (
    {"id": 25, "label": "food", "color": "#808080"},
    {"id": 26, "label": "Qualité d'accueil", "color": "#FF0000"},
)
PRODUCT = "Review Management"


def make_review(scene: Scene, index: int) -> Record:
    """Make a review: special cases come at fixed places."""
    date = scene.moment(index)
    partner = PARTNERS[index % 4]
    facebook = partner == "facebook"
    updated = None if index % 11 == 7 else _updated(scene, index, date)
    record: dict[str, Any] = {
        "id": scene.id,
        "org_id": ORGANIZATION,
        "business_id": scene.business_id("review_management"),
        "partner": partner,
        "partner_id": f"accounts/114/locations/748/reviews/{scene.id}",
        "author_name": None if index % 29 == 3 else scene.pick(PEOPLE),
        "date": offset_time(date, _OFFSETS[index % 4]),
        "update_date": updated and offset_time(updated, _OFFSETS[index % 4]),
        "rating": None if facebook else index % 6,
        "recommended": index % 8 < 4 if facebook else None,
        "title": f"Visite n° {index}" if partner == "tripadvisor" else None,
        "content": CONTENTS[index % 5],
        "state": STATES[index % 5],
        "link": None if index % 13 == 4 else f"https://reviews.example/{scene.id}",
        "tags": None if index % 17 == 5 else list(TAGS[: index % 3]),
    }
    if index % 6 == 0:
        record["key"] = f"internal-{index}"
    if not scene.fresh and index % 16 == 9:
        last = updated or date
        record["state"] = "deleted"
        record["delete_date"] = offset_time(scene.later(last), 0)
    elif index % 3 == 0:
        record["delete_date"] = None
    return record if scene.fresh else record | _comments(scene, index, date)


_OFFSETS = (2, 0, 1, -5)


def _updated(scene: Scene, index: int, date: datetime) -> datetime:
    return scene.later(date, 300) if index % 3 == 1 and not scene.fresh else date


def _comments(scene: Scene, index: int, date: datetime) -> Record:
    """Return the replies: one object, an array, null, or nothing at all."""
    form = index % 6
    if form == 5:
        return {}
    if form == 4:
        return {"comments": _thread(scene, index, date)}
    if form > 1:
        return {"comments": (None, [])[form - 2]}
    comment = make_comment(scene, scene.id, scene.later(date, 5), number=index)
    return {"comments": [comment] if form else comment}


def make_comment(
    scene: Scene, review_id: int, created: datetime, *, number: int = 1
) -> Record:
    """Make a reply to a review."""
    comment: dict[str, Any] = {
        "id": 80_000 + review_id * 3,
        "partner_id": None if number % 4 == 1 else f"replies/{review_id}",
        "created": offset_time(created),
        "author_name": None if number % 2 else "Réponse du propriétaire",
        "content": "Merci beaucoup ! 🙏",
        "date": offset_time(created),
        "update_date": None if number % 3 == 0 else offset_time(created),
        "can_edit": number % 2 == 0,
        "review_id": review_id,
        "parent_id": None,
        "user_id": None if number % 5 == 0 else user_id(scene.below(40)),
    }
    if number % 2:
        comment["is_reply_suggestion"] = number % 4 == 1
    return comment


def _thread(scene: Scene, index: int, date: datetime) -> list[Record]:
    """Make two replies, the first with a reply of its own."""
    first = make_comment(scene, scene.id, date, number=index)
    second = make_comment(scene, scene.id, scene.later(date, 9), number=index + 1)
    reply = second | {"id": first["id"] + 1, "parent_id": first["id"]}
    first["replies"] = [reply]
    return [first, second | {"id": first["id"] + 2, "replies": []}]


def moment(record: Record, habits: Habits) -> float | None:
    """Return the moment that filters and the order look at."""
    text = record.get("update_date")
    if text is None and habits.undated_by_date:
        text = record.get("date")
    try:
        return datetime.fromisoformat(text).timestamp() if text else None
    except (TypeError, ValueError):
        return None


def _implied(values: Values, habits: Habits) -> Values:
    hide = not habits.lists_deleted and "state__in" not in values
    return {"without_deleted": True} if hide else {}


def _rated(partner: str) -> Parameter:
    def passes(row: Row, ratings: frozenset[int]) -> bool:
        record = row.record
        return record.get("partner") == partner and record.get("rating") in ratings

    return Parameter(some_of(item=integer), passes)


REVIEWS = Resource(
    "reviews",
    "/reviews",
    "reviews",
    ("id",),
    make_review,
    parameters={
        "business__in": among("business_id"),
        "business__notin": none_of("business_id"),
        "content__isnull": is_null("content"),
        "partner__in": among("partner", some_of(*PARTNERS)),
        "gmb_rating__in": _rated("google_my_business"),
        "tripadvisor_rating__in": _rated("tripadvisor"),
        "recommended__in": among("recommended", some_of(item=yes_no)),
        "update_date__gte": starting(naive_time),
        "update_date__lte": ending(naive_time),
        "state__in": among("state", some_of(*STATES, "deleted")),
        "keywords": containing("content"),
        "with_media_links": without_effect(yes_no),
        "without_deleted": Parameter(
            yes_no,
            lambda row, _: row.record.get("state") != "deleted",
            documented=False,
        ),
    },
    implied=_implied,
    orders={"update_date": "update_date"},
    moment=moment,
    moment_order="update_date",
    product=PRODUCT,
    first_id=34,
)


def make_template(scene: Scene, index: int) -> Record:
    """Make a reply template."""
    created = scene.moment(index)
    return {
        "id": scene.id,
        "org_id": ORGANIZATION,
        "update_date": None if index % 7 == 6 else offset_time(scene.later(created)),
        "creation_date": offset_time(created),
        "language": LANGUAGES[index % len(LANGUAGES)],
        "title": f"Remerciement n° {index}",
        "text": None if index % 9 == 4 else "Merci @[](client_full_name) ! 🙏",
        "negative": index % 3 == 0,
        "neutral": index % 3 == 1,
        "positive": index % 3 == 2,
    }


def _is(name: str) -> Parameter:
    return Parameter(yes_no, lambda row, wanted: row.record.get(name) == wanted)


REPLY_TEMPLATES = Resource(
    "reply_templates",
    "/reviews/templates/search",
    "reply_templates",
    ("id",),
    make_template,
    pages=Pages(maximum=None),
    parameters={
        "positive": _is("positive"),
        "neutral": _is("neutral"),
        "negative": _is("negative"),
        "language__in": among("language"),
        "title_query": containing("title"),
        "text_query": containing("text"),
    },
    product=PRODUCT,
    first_id=7,
)


def reply(account: Account, review_id: int, content: str) -> Record:
    """Reply to a review: `update_date` does not change."""
    with account.lock:
        table = account["reviews"]
        comments = table.get(review_id).get("comments") or []
        before = comments if isinstance(comments, list) else [comments]
        scene = table.scene(1, fresh=True)
        comment = make_comment(scene, review_id, scene.now)
        comment |= {"id": comment["id"] + 10 + len(before), "content": content}
        return table.edit(review_id, state="treated", comments=[*before, comment])


def edit_review(account: Account, review_id: int, **fields: Any) -> Record:
    """Change a review as its author does: `update_date` becomes now."""
    now = offset_time(account.now())
    return account["reviews"].edit(review_id, **{"update_date": now, **fields})


def mark_deleted(account: Account, review_id: int) -> Record:
    """Delete a review on its platform: `update_date` does not change."""
    now = offset_time(account.now().astimezone(UTC), 0)
    return account["reviews"].edit(review_id, state="deleted", delete_date=now)
