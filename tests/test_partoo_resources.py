"""The stand-in of Partoo's API serves every resource as documented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests

from .partoo_api import (
    RESOURCES,
    Account,
    Habits,
    LoggedRequest,
    Response,
    StandIn,
    faults,
    whole_account,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

Row = dict[str, Any]
HEADERS = {"x-APIKey": "demo-key"}
NOW = datetime(2026, 3, 14, 12, 30, tzinfo=UTC)
METRICS = ("call_clicks", "website_clicks")
LISTED = [name for name, resource in RESOURCES.items() if not resource.embedded_in]
PAGED = [name for name in LISTED if RESOURCES[name].pages.kind != "one response"]
PRODUCTS = {name: r.product for name, r in RESOURCES.items() if r.product}


@pytest.fixture
def api() -> Iterator[StandIn]:
    with StandIn(whole_account(now=NOW), counting_seconds=0) as stand_in:
        yield stand_in


def get(api: StandIn, path: str, /, **query: Any) -> requests.Response:
    return requests.get(api.url + path, params=query, headers=HEADERS, timeout=5)


def required(api: StandIn, name: str) -> dict[str, Any]:
    """The parameters without which a list is a 400."""
    if name == "presence_metrics":
        return {"metrics": ",".join(METRICS), "dimensions": "business,day"}
    if name == "search_keywords":
        business = api.account[name].rows()[0]["business_id"]
        query = {"metrics": "count,threshold", "dimensions": "keyword,month"}
        return query | {"business__in": business}
    if name == "messages":
        return {"conversation_id": api.account[name].rows()[-1]["conversation_id"]}
    return {"lang": "en"} if name == "categories" else {}


def ask(api: StandIn, name: str, /, **query: Any) -> requests.Response:
    return get(api, RESOURCES[name].path, **required(api, name) | query)


def read(api: StandIn, name: str, /, **query: Any) -> list[Any]:
    """Read a list to its end; of a map the items."""
    resource = RESOURCES[name]
    found: list[Any] = []
    while True:
        response = ask(api, name, **query)
        assert response.status_code == 200, response.text
        body = response.json()
        part = body[resource.list_key]
        found += part.items() if isinstance(part, dict) else part
        if resource.pages.kind == "map" and part:
            query["page"] = query.get("page", 1) + 1
        elif body.get("next_cursor"):
            query["cursor"] = body["next_cursor"]
        elif body.get("page", 0) < body.get("max_page", 0):
            query["page"] = body["page"] + 1
        else:
            return found


def ids(rows: list[Row], name: str = "id") -> list[Any]:
    return [row[name] for row in rows]


def error(response: requests.Response) -> dict[str, str]:
    assert response.status_code == 400, response.text
    body = response.json()
    messages: dict[str, str] = body.get("errors", body.get("error"))["json"]
    return messages


# Lists


def test_there_are_22_streams() -> None:
    assert len(RESOURCES) == 22
    assert all(name == resource.name for name, resource in RESOURCES.items())


AS_STORED = [
    "businesses",
    "reviews",
    "users",
    "organizations",
    "posts",
    "reply_templates",
    "custom_fields",
    "custom_field_sections",
    "webhooks",
    "conversations",
    "feedback_results",
    "feedback_forms",
]


@pytest.mark.parametrize("name", AS_STORED)
def test_pages_add_up_to_the_rows(api: StandIn, name: str) -> None:
    paged = RESOURCES[name].pages.maximum and name in PAGED
    rows = api.account[name].rows()
    assert read(api, name) == rows
    if paged:
        assert read(api, name, per_page=7) == rows
        assert read(api, name, per_page=100) == rows


def test_sections_embed_their_groups(api: StandIn) -> None:
    sections = read(api, "sections")
    assert ids(sections) == ids(api.account["sections"].rows())
    groups = [
        group | {"section_id": section["id"]}
        for section in sections
        for group in section["groups"]
    ]
    assert sorted(groups, key=str) == sorted(api.account["groups"].rows(), key=str)
    assert [] in [section["groups"] for section in sections]
    first = sections[0]
    assert get(api, f"/sections/{first['id']}").json() == first

    api.account["groups"].add(section_id=first["id"], name="Neu")
    assert "Neu" in ids(read(api, "sections")[0]["groups"], "name")


def test_sections_may_have_neither_groups_nor_counters(api: StandIn) -> None:
    api.habits = Habits(embeds_groups=False, counts_sections=False)
    api.account["sections"].fill(40)
    body = ask(api, "sections").json()
    assert body.keys() == {"sections"}
    assert len(body["sections"]) == 30
    assert body["sections"] == api.account["sections"].rows()[:30]
    assert len(ask(api, "sections", page=2).json()["sections"]) == 14
    assert ask(api, "sections", page=3).json() == {"sections": []}
    assert get(api, f"/sections/{body['sections'][0]['id']}").json()["groups"]


def test_roles_have_their_permissions_on_their_own_path(api: StandIn) -> None:
    rows = api.account["custom_roles"].rows()
    short = [{k: v for k, v in row.items() if k != "permissions"} for row in rows]
    assert read(api, "custom_roles", per_page=3) == short
    for row in rows:
        one = get(api, f"/custom_role/{row['api_id']}").json()
        assert one["permissions"] == row["permissions"]
    assert get(api, "/custom_role/nobody").status_code == 404
    assert error(get(api, f"/custom_role/{rows[0]['api_id']}", org_id=42))
    assert len(read(api, "custom_roles", org_id=43)) == 3  # those of no organization


def test_permissions_are_nested(api: StandIn) -> None:
    rows = [
        {
            "section": section["name"],
            "section_order": section["order"],
            "subsection": subsection["name"],
            "subsection_order": subsection["order"],
            **permission,
        }
        for section in read(api, "permissions", org_id=42)
        for subsection in section["subsections"]
        for permission in subsection["permissions"]
    ]
    stored = api.account["permissions"].rows()
    assert sorted(rows, key=str) == sorted(stored, key=str)
    assert ask(api, "permissions").json().keys() == {"sections"}


def test_states_of_publishers_are_a_map_of_maps(api: StandIn) -> None:
    account = api.account
    body = ask(api, "publisher_states").json()
    assert body.keys() == {"businesses", "count"}
    assert body["count"] == len(body["businesses"]) == 5
    rows = [
        {k: v for k, v in business.items() if k != "publishers"}
        | {"publisher": publisher}
        | state
        for key, business in read(api, "publisher_states")
        for publisher, state in business["publishers"].items()
        if key == business["business_id"]
    ]
    assert rows == account["publisher_states"].rows()
    wanted = ids(rows, "business_id")[-1]
    both = f"{wanted},{rows[0]['business_id']},unknown"
    found = ask(api, "publisher_states", business__in=both, per_page=100).json()
    assert found["count"] == 2
    states = ask(api, "publisher_states", states="pending", publishers="waze").json()
    assert {
        tuple(business["publishers"]) for business in states["businesses"].values()
    } == {("waze",)}


def test_behind_the_last_map() -> None:
    account = whole_account(now=NOW)
    with StandIn(account) as api:
        empty = ask(api, "publisher_states", page=9).json()
        assert empty == {"businesses": {}, "count": 0}
    with StandIn(account, past_end="clamp") as api:
        last = ask(api, "publisher_states", page=2).json()
        assert last["count"] == 4
        assert ask(api, "publisher_states", page=9).json() == last
    with StandIn(account, past_end="not_found") as api:
        assert ask(api, "publisher_states", page=2).status_code == 200
        assert ask(api, "publisher_states", page=3).status_code == 404


def test_cursors(api: StandIn) -> None:
    body = ask(api, "conversations", per_page=7).json()
    assert body.keys() == {"conversations", "count", "next_cursor"}
    assert (body["count"], len(body["conversations"])) == (15, 7)
    assert error(ask(api, "conversations", cursor="tampered"))
    last = {"per_page": 100}
    assert ask(api, "conversations", **last).json()["next_cursor"] is None
    api.habits = Habits(cursor_end="empty", cursor_count="page")
    assert ask(api, "conversations", **last).json()["next_cursor"] == ""
    assert ask(api, "conversations", per_page=7).json()["count"] == 7
    api.habits = Habits(cursor_end="absent")
    assert "next_cursor" not in ask(api, "conversations", **last).json()
    api.habits = Habits(cursor_end="repeated")
    again = ask(api, "conversations", **last).json()["next_cursor"]
    body = ask(api, "conversations", cursor=again, **last).json()
    assert body["next_cursor"] == again


def test_messages_of_a_conversation(api: StandIn) -> None:
    account = api.account
    rows = account["messages"].rows()
    counts = []
    for conversation in account["conversations"].rows():
        wanted = [r for r in rows if r["conversation_id"] == conversation["id"]]
        counts.append(len(wanted))
        assert read(api, "messages", conversation_id=conversation["id"]) == wanted
    assert {*counts} == {*range(8)}
    assert ask(api, "messages", conversation_id=1).status_code == 404
    assert error(get(api, "/messages")).keys() == {"conversation_id"}
    assert error(get(api, "/messages", conversation_id="a")).keys() == {
        "conversation_id"
    }


def test_metrics_that_are_asked_for(api: StandIn) -> None:
    rows = read(api, "presence_metrics", per_page=100)
    assert len(rows) == len(api.account["presence_metrics"])
    for row in rows:
        assert {"date", "bucket", "business_id"} <= row.keys()
        assert row.keys() - {"date", "bucket", "business_id"} <= {*METRICS}
    dates = sorted({row["date"] for row in rows})
    assert (len(dates), dates[-1]) == (40, "2026-03-11")
    pairs = {(row["business_id"], row["date"]) for row in rows}
    assert len(pairs) == len(rows)
    present = {
        business["id"]
        for business in api.account["businesses"].rows()
        if business["subscriptions"]["presence_management"]["active"]
    }
    assert {row["business_id"] for row in rows} == present
    some = read(
        api,
        "presence_metrics",
        business__in=rows[0]["business_id"],
        filter_date__gte="2026-03-01T00:00:00",
        filter_date__lte="2026-03-05",
        metrics="call_clicks",
        order_by="-day",
    )
    assert ids(some, "date") == [f"2026-03-0{day}" for day in (5, 4, 3, 2, 1)]
    assert not any("website_clicks" in row for row in some)


def test_keywords_of_one_business(api: StandIn) -> None:
    rows = api.account["search_keywords"].rows()
    wanted = rows[0]["business_id"]
    mine = [row for row in rows if row["business_id"] == wanted]
    assert read(api, "search_keywords", business__in=wanted) == mine
    months = sorted({row["date"] for row in rows})
    assert months == ["2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"]
    newest = read(api, "search_keywords", filter_date__gte="2026-02-01")
    assert {row["date"] for row in newest} == {"2026-02-01"}
    assert error(ask(api, "search_keywords", business__in="a,b")).keys() == {
        "business__in"
    }
    api.habits = Habits(keywords_name_business=False)
    assert not any("business_id" in row for row in read(api, "search_keywords"))


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("presence_metrics", "metrics"),
        ("presence_metrics", "dimensions"),
        ("search_keywords", "metrics"),
        ("search_keywords", "dimensions"),
        ("search_keywords", "business__in"),
        ("categories", "lang"),
    ],
)
def test_parameters_that_are_required(api: StandIn, name: str, missing: str) -> None:
    query = required(api, name)
    del query[missing]
    assert error(get(api, RESOURCES[name].path, **query)).keys() == {missing}


def test_categories_have_names_and_countries_on_request(api: StandIn) -> None:
    short = read(api, "categories", per_page=100)
    assert not any({"names", "countries"} & row.keys() for row in short)
    whole = read(api, "categories", with_names="true", with_countries="true")
    assert whole == api.account["categories"].rows()
    assert {type(row["id"]) for row in whole} == {int, str}


# Parameters


@pytest.mark.parametrize("name", LISTED)
def test_parameters_that_are_not_documented(api: StandIn, name: str) -> None:
    wanted = {"updated_since": "Unknown field."}
    assert error(ask(api, name, updated_since="2026")) == wanted


@pytest.mark.parametrize("name", LISTED)
def test_sizes_of_pages(api: StandIn, name: str) -> None:
    pages = RESOURCES[name].pages
    if not pages.maximum or pages.kind == "one response":
        assert error(ask(api, name, per_page=30)) == {"per_page": "Unknown field."}
        return
    assert ask(api, name, per_page=pages.maximum).status_code == 200
    for wrong in (0, pages.maximum + 1, "many"):
        assert error(ask(api, name, per_page=wrong)).keys() == {"per_page"}


@pytest.mark.parametrize(
    ("name", "default", "maximum"),
    [
        ("reviews", 30, 100),
        ("presence_metrics", 500, 500),
        ("search_keywords", 500, 500),
        ("publisher_states", 5, 100),
        ("sections", 30, None),
        ("reply_templates", 30, None),
        ("feedback_results", 30, None),
        ("feedback_forms", 30, None),
        ("conversations", 30, 100),
        ("webhooks", 30, 100),
    ],
)
def test_default_and_maximum(name: str, default: int, maximum: int | None) -> None:
    pages = RESOURCES[name].pages
    assert (pages.default, pages.maximum) == (default, maximum)


def test_org_id_is_known_where_it_is_documented(api: StandIn) -> None:
    known = {name for name in LISTED if ask(api, name, org_id=42).status_code == 200}
    assert known == {
        "businesses",
        "users",
        "sections",
        "organizations",
        "custom_roles",
        "permissions",
        "custom_fields",
        "custom_field_sections",
        "webhooks",
    }
    for name in ("businesses", "users"):
        rows = api.account[name].rows()
        assert {row["org_id"] for row in rows} == {42, 43}
        wanted = [row for row in rows if row["org_id"] == 43]
        assert read(api, name, org_id=43) == wanted


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("reviews", "update_date__gte", "2026-01-01T00:00:00Z"),
        ("reviews", "update_date__lte", "2026-01-01T00:00:00+00:00"),
        ("reviews", "update_date__gte", "2026-01-01"),
        ("reviews", "order_by", "date"),
        ("reviews", "state__in", "treated,gone"),
        ("presence_metrics", "filter_date__gte", "2026-01-01T00:00:00Z"),
        ("presence_metrics", "metrics", "everything"),
        ("presence_metrics", "dimensions", "business,week"),
        ("businesses", "modified__gte", "2026-01-01"),
        ("businesses", "status", "gone"),
        ("users", "order_by", "created_at"),
        ("categories", "lang", "xx"),
        ("publisher_states", "states", "gone"),
    ],
)
def test_wrong_values(api: StandIn, name: str, parameter: str, value: str) -> None:
    assert error(ask(api, name, **{parameter: value})).keys() == {parameter}


def test_filters_of_businesses(api: StandIn) -> None:
    rows = api.account["businesses"].rows()
    some = [row["id"] for row in rows[3:5]]
    assert ids(read(api, "businesses", business__in=",".join(some[::-1]))) == some
    opened = read(api, "businesses", status="open,opening_soon")
    assert ids(opened) == [
        row["id"] for row in rows if row["status"] in {"open", "opening_soon"}
    ]
    middle = sorted(row["modified"] for row in rows)[5]
    newer = read(api, "businesses", modified__gte=f"{middle:.6f}")
    assert ids(newer) == [row["id"] for row in rows if row["modified"] >= middle]


def test_order_of_users(api: StandIn) -> None:
    emails = ids(api.account["users"].rows(), "email")
    for sign, wanted in (("", sorted(emails)), ("-", sorted(emails)[::-1])):
        found = read(api, "users", order_by=f"{sign}email")
        assert ids(found, "email") == wanted
    api.habits = Habits(orders=False)
    assert error(ask(api, "users", order_by="email")).keys() == {"order_by"}


# Reviews


def moment(row: Row) -> datetime:
    return datetime.fromisoformat(row["update_date"] or row["date"])


def naive(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def test_ranges_of_reviews_are_inclusive(api: StandIn) -> None:
    account = api.account
    exact = datetime(2025, 6, 1, 12, tzinfo=UTC)
    edge = account["reviews"].rows()[100]["id"]
    account["reviews"].edit(edge, update_date="2025-06-01T14:00:00.000000+02:00")
    rows = account["reviews"].rows()
    for low, high in [
        (exact, exact + timedelta(days=90)),
        (exact - timedelta(days=90), exact),
        (exact, exact),
    ]:
        wanted = [row for row in rows if low <= moment(row) <= high]
        query = {"update_date__gte": naive(low), "update_date__lte": naive(high)}
        assert edge in ids(wanted)
        assert read(api, "reviews", **query) == wanted
        ordered = read(api, "reviews", **query, order_by="-update_date")
        assert ordered == sorted(wanted, key=moment, reverse=True)
        treated = read(api, "reviews", **query, state__in="treated,deleted")
        assert treated == [r for r in wanted if r["state"] in {"treated", "deleted"}]
        one = rows[0]["business_id"]
        mine = read(api, "reviews", **query, business__in=one)
        assert mine == [row for row in wanted if row["business_id"] == one]


def test_rows_can_be_prepared_for_a_reader_in_haste(api: StandIn) -> None:
    api.account["reviews"].prepare()
    rows = api.account["reviews"].rows()
    assert read(api, "reviews", order_by="update_date") == sorted(rows, key=moment)


def test_order_of_reviews(api: StandIn) -> None:
    rows = api.account["reviews"].rows()
    newest_first = read(api, "reviews", order_by="-update_date", per_page=100)
    assert newest_first == sorted(rows, key=moment, reverse=True)
    assert read(api, "reviews", order_by="update_date") == sorted(rows, key=moment)
    api.habits = Habits(orders=False)
    assert error(ask(api, "reviews", order_by="-update_date")).keys() == {"order_by"}


def test_reviews_without_update_date_may_match_no_range(api: StandIn) -> None:
    rows = api.account["reviews"].rows()
    dated = [row for row in rows if row["update_date"]]
    assert 0 < len(dated) < len(rows)
    everything = {"update_date__gte": "1970-01-01T00:00:00", "per_page": 100}
    assert read(api, "reviews", **everything) == rows
    api.habits = Habits(undated_by_date=False)
    assert read(api, "reviews", **everything) == dated
    assert read(api, "reviews", per_page=100) == rows


def test_deleted_reviews_may_be_left_out(api: StandIn) -> None:
    rows = api.account["reviews"].rows()
    deleted = [row for row in rows if row["state"] == "deleted"]
    assert all(row["delete_date"] for row in deleted)
    assert read(api, "reviews", state__in="deleted") == deleted
    api.habits = Habits(lists_deleted=False)
    others = [row for row in rows if row["state"] != "deleted"]
    assert read(api, "reviews", per_page=100) == others
    assert read(api, "reviews", state__in="deleted") == deleted


def test_filters_by_date_may_have_no_effect(api: StandIn) -> None:
    api.habits = Habits(filters_dates=False)
    everything = read(api, "reviews", update_date__gte="2026-03-14T00:00:00")
    assert len(everything) == 300
    wrong = ask(api, "reviews", update_date__gte="2026")
    assert error(wrong).keys() == {"update_date__gte"}


def test_what_happens_to_reviews(api: StandIn) -> None:
    account = api.account
    review = account["reviews"].add(content="Neu")
    assert review["update_date"].startswith("2026-03-14T")
    old = account["reviews"].rows()[12]
    edited = account.edit_review(old["id"], content="Anders")
    assert moment(edited) > moment(old)
    assert edited["content"] == "Anders"
    for row in account["reviews"].rows()[:12]:
        answered = account.reply(row["id"], "Danke")
        assert answered["state"] == "treated"
        assert answered["comments"][-1]["content"] == "Danke"
        assert answered["update_date"] == row["update_date"]
        assert len(set(ids(answered["comments"]))) == len(answered["comments"])
    gone = account.mark_deleted(review["id"])
    assert (gone["state"], gone["update_date"]) == ("deleted", review["update_date"])
    assert gone["delete_date"].startswith("2026-03-14T12:30:")
    assert read(api, "reviews", per_page=100) == account["reviews"].rows()


# The account


@pytest.mark.parametrize("name", RESOURCES)
def test_rows_can_be_changed(api: StandIn, name: str) -> None:
    table, resource = api.account[name], RESOURCES[name]

    before = table.rows()
    keys = [tuple(row[field] for field in resource.key) for row in before]
    assert len(set(keys)) == len(keys)
    row = table.edit(keys[-1], new="edited")
    assert table.get(keys[-1]) == row == before[-1] | {"new": "edited"}
    inserted = before[0] | {resource.key[-1]: "inserted"}
    table.insert(inserted, index=1)
    table.delete(keys[0])
    assert table.rows() == [inserted, *before[1:-1], row]
    with pytest.raises(KeyError):
        table.get(keys[0])
    table.drop(keys[-1], "new")
    assert table.rows()[-1] == before[-1]
    if name != "messages":
        assert '"inserted"' in ask(api, resource.embedded_in or name).text


@pytest.mark.parametrize("value", [None, 5, "text", [], {}, [None], {"a": {}}])
def test_rows_of_any_shape_are_served(api: StandIn, value: object) -> None:
    queries: dict[str, Row] = {
        "reviews": {"update_date__gte": "1970-01-01T00:00:00", "keywords": "x"},
        "businesses": {"modified__gte": 0, "subscribed_to_pm": "True", "groups": 1},
        "users": {"order_by": "email", "org_id": 42},
        "presence_metrics": {"filter_date__gte": "2026-01-01", "order_by": "day"},
        "search_keywords": {"order_by": "count"},
        "conversations": {"business__in": "a"},
        "posts": {"state__in": "live"},
        "feedback_results": {"business__notin": "a"},
        "categories": {"search_query": "a", "order_by": "-gmb_id"},
        "permissions": {},
    }
    for name in LISTED:
        table, resource = api.account[name], RESOURCES[name]
        row = table.rows()[0]
        table.edit(
            tuple(row[field] for field in resource.key),
            **{field: value for field in row if field not in resource.key},
        )
        assert ask(api, name).status_code == 200
        assert ask(api, name, **queries.get(name, {})).status_code == 200


def test_rows_that_are_given_are_copies(api: StandIn) -> None:
    table = api.account["businesses"]
    table.rows()[0]["contacts"] = table.get(table.rows()[1]["id"])["groups"].clear()
    assert table.rows() == read(api, "businesses")


def test_a_message_becomes_the_last_one(api: StandIn) -> None:
    account = api.account
    conversation = account["conversations"].rows()[0]
    assert conversation["last_message"] is None
    message = account["messages"].add(conversation_id=conversation["id"])
    assert message["date"].startswith("2026-03-14 ")
    last = account["conversations"].get(conversation["id"])["last_message"]
    assert last == message
    lasts = [row["last_message"] for row in account["conversations"].rows()]
    assert None in lasts
    assert any(last and "date" not in last for last in lasts)


def test_the_same_account_for_the_same_seed() -> None:
    one, same, other = (whole_account(now=NOW, seed=seed) for seed in (1, 1, 2))
    for name in RESOURCES:
        assert one[name].rows() == same[name].rows()
    assert one["reviews"].rows() != other["reviews"].rows()


def test_a_small_account() -> None:
    account = whole_account(keys=0, businesses=1, reviews=0, days=1, conversations=0)
    assert len(account["presence_metrics"]) == 1
    with StandIn(account) as api:
        assert read(api, "reviews") == []
        assert ask(api, "conversations").json() == {
            "conversations": [],
            "count": 0,
            "next_cursor": None,
        }


def test_any_stream_can_be_filled_alone() -> None:
    for name, resource in RESOURCES.items():
        account = Account()
        account.fill(name, 25)
        assert len(account[name]) == 25, name
        keys = {tuple(row[k] for k in resource.key) for row in account[name].rows()}
        assert len(keys) == 25, name


def test_streams_know_of_each_other(api: StandIn) -> None:
    rows = {name: api.account[name].rows() for name in RESOURCES}
    businesses = {row["id"] for row in rows["businesses"]}
    groups = {row["id"] for row in rows["groups"]}
    users = {row["id"] for row in rows["users"]}
    for name in ("reviews", "presence_metrics", "search_keywords", "posts"):
        assert {row["business_id"] for row in rows[name]} <= businesses
    assert {row["business"]["id"] for row in rows["conversations"]} <= businesses
    assert {group for row in rows["businesses"] for group in row["groups"]} <= groups
    assert {row["user_id"] for row in rows["api_keys"]} <= users | {None}
    forms = {row["id"] for row in rows["feedback_forms"]}
    assert {row["feedback_form"]["id"] for row in rows["feedback_results"]} <= forms


def values(rows: list[Row], name: str) -> set[str]:
    """The kinds of values of a field, absence among them."""
    return {type(row[name]).__name__ if name in row else "absent" for row in rows}


@pytest.mark.parametrize(
    ("name", "field", "kinds"),
    [
        ("reviews", "comments", "dict list NoneType absent"),
        ("reviews", "update_date", "str NoneType"),
        ("reviews", "delete_date", "str NoneType absent"),
        ("reviews", "rating", "int NoneType"),
        ("reviews", "recommended", "bool NoneType"),
        ("reviews", "content", "str NoneType"),
        ("reviews", "key", "str absent"),
        ("businesses", "modified", "int float"),
        ("businesses", "group_id", "int NoneType absent"),
        ("businesses", "features", "list absent"),
        ("businesses", "address_details", "dict absent"),
        ("businesses", "siret", "str absent"),
        ("businesses", "promos", "list absent"),
        ("users", "custom_role", "str NoneType absent"),
        ("users", "accesses", "list absent"),
        ("users", "business_ids", "list absent"),
        ("users", "sidebar_products", "list absent"),
        ("users", "phone", "str NoneType absent"),
        ("organizations", "max_businesses", "int NoneType"),
        ("presence_metrics", "website_clicks", "int NoneType absent"),
        ("search_keywords", "keyword", "int str"),
        ("search_keywords", "count", "int NoneType absent"),
        ("publisher_states", "error_type", "str NoneType"),
        ("custom_fields", "text_fields", "list absent"),
        ("custom_fields", "section_id", "int NoneType absent"),
        ("permissions", "depends_on", "str list NoneType"),
        ("custom_roles", "org_id", "int NoneType"),
        ("posts", "title", "str absent"),
        ("posts", "post_medias", "list NoneType"),
        ("webhooks", "custom_headers", "dict absent"),
        ("conversations", "last_message", "dict NoneType"),
        ("conversations", "first_message_date", "str absent"),
        ("conversations", "custom_channel", "dict NoneType"),
        ("messages", "content", "str dict list NoneType"),
        ("feedback_results", "extra", "dict NoneType"),
    ],
)
def test_variety(name: str, field: str, kinds: str) -> None:
    assert values(whole_account(now=NOW)[name].rows(), field) == {*kinds.split()}


def test_more_variety(api: StandIn) -> None:
    rows = {name: api.account[name].rows() for name in RESOURCES}
    assert {row["shadow_user_id"] for row in rows["users"]} >= {"", None}
    assert "None" in {row["error_type"] for row in rows["publisher_states"]}
    kinds = {
        type(field["value"])
        for row in rows["businesses"]
        for field in row["custom_fields"]
    }
    assert kinds == {bool, str, int, float, list, type(None)}
    texts = [field.get("text_fields") for field in rows["custom_fields"]]
    assert {type(each[0]) for each in texts if each} == {str, dict}
    replies = [
        comment.get("replies")
        for row in rows["reviews"]
        if isinstance(row.get("comments"), list)
        for comment in row["comments"]
    ]
    assert any(replies)
    assert "s3cret" in str(rows["webhooks"])
    for name, found in rows.items():
        if name not in {"presence_metrics", "publisher_states", "webhooks"}:
            assert not str(found).isascii(), name


def test_orders_of_all_lists() -> None:
    account = whole_account(now=NOW, order="newest")
    numbers = ids(account["reviews"].rows())
    assert numbers == sorted(numbers, reverse=True)
    account["reviews"].add()
    assert account["reviews"].rows()[0]["id"] > numbers[0]
    account = whole_account(now=NOW, order="random")
    numbers = ids(account["posts"].rows())
    assert numbers != sorted(numbers)


# Rights


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_product_that_was_not_bought(api: StandIn, name: str) -> None:
    assert ask(api, name).status_code == 200
    query = required(api, name)
    api.account.products.remove(PRODUCTS[name])
    refused = {
        other
        for other in LISTED
        if get(api, RESOURCES[other].path, **required(api, other)).status_code == 403
    }
    assert refused == {
        n for n, product in PRODUCTS.items() if product == PRODUCTS[name]
    }
    assert get(api, RESOURCES[name].path, **query).status_code == 403


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_a_list_can_be_refused(api: StandIn, status: int) -> None:
    api.account.refuse("users", status)
    assert ask(api, "users").status_code == status
    assert ask(api, "reviews").status_code == 200
    api.account.allow("users")
    assert ask(api, "users").status_code == 200
    with pytest.raises(ValueError, match="no list of its own"):
        api.account.refuse("groups")


def test_a_child_can_be_refused(api: StandIn) -> None:
    account = api.account
    first, second = ids(account["sections"].rows())[:2]
    account.refuse("sections", 404, id=first)
    account.refuse("custom_roles", 403, api_id="ORG_MANAGER")
    account.refuse("messages", 404, conversation_id=7)
    business = account["search_keywords"].rows()[0]["business_id"]
    account.refuse("search_keywords", 403, business__in=business)
    assert ask(api, "sections").status_code == 200
    assert get(api, f"/sections/{first}").status_code == 404
    assert get(api, f"/sections/{second}").status_code == 200
    assert ask(api, "custom_roles").status_code == 200
    assert get(api, "/custom_role/ORG_MANAGER").status_code == 403
    assert get(api, "/custom_role/GROUP_MANAGER").status_code == 200
    assert ask(api, "messages", conversation_id=7).status_code == 404
    assert ask(api, "messages").status_code == 200
    assert ask(api, "search_keywords").status_code == 403
    other = account["search_keywords"].rows()[1]["business_id"]
    assert ask(api, "search_keywords", business__in=other).status_code == 200


# Faults and the clock


def test_a_fault_on_a_path(api: StandIn) -> None:
    api.faults.add(Response(500), path="/reviews", request=2)
    api.faults.add(Response(502), path="/user/search", page=2)
    api.faults.add(Response(503), path="/sections/12")
    statuses = [ask(api, "users").status_code for _ in range(3)]
    statuses += [ask(api, "reviews").status_code for _ in range(3)]
    assert statuses == [200, 200, 200, 200, 500, 200]
    assert ask(api, "users", page=2).status_code == 502
    assert get(api, "/sections/12").status_code == 503
    assert get(api, "/sections/12").status_code == 200


def test_a_fault_on_a_query(api: StandIn) -> None:
    api.faults.add(Response(403), match=lambda query: "state__in" in query, times=None)
    assert ask(api, "reviews").status_code == 200
    assert ask(api, "reviews", state__in="deleted").status_code == 403


def test_a_fault_without_a_path_hits_any_list(api: StandIn) -> None:
    api.faults.add(Response(500), request=2)
    assert ask(api, "reviews").status_code == 200
    assert get(api, "/custom_role/ORG_MANAGER").status_code == 200
    assert ask(api, "users").status_code == 500


@pytest.mark.parametrize("name", LISTED)
def test_lists_can_be_empty_or_missing(api: StandIn, name: str) -> None:
    list_key = RESOURCES[name].list_key
    right = ask(api, name).json()
    for fault in (faults.EMPTY_PAGE, faults.LIST_MISSING):
        api.faults.add(fault, path=RESOURCES[name].path)
    empty = {**right, list_key: type(right[list_key])()}
    assert ask(api, name).json() == empty
    assert ask(api, name).json().keys() == right.keys() - {list_key}
    api.faults.add(faults.first_page_always)
    query = {} if name not in PAGED else {"page": 2}
    if RESOURCES[name].pages.kind != "cursor":
        assert ask(api, name, **query).json() == right


def test_before_each_list(api: StandIn) -> None:
    seen = []

    def before(request: LoggedRequest, number: int) -> None:
        seen.append((request.path, number))
        if request.path == "/v2/reviews" and number == 2:
            api.account["reviews"].add()

    api.before_list = before
    counts = [ask(api, "reviews").json()["count"] for _ in range(2)]
    ask(api, "users")
    assert counts == [300, 301]
    assert seen == [("/v2/reviews", 1), ("/v2/reviews", 2), ("/v2/user/search", 1)]


def test_the_clock_can_be_moved(api: StandIn) -> None:
    def date() -> datetime:
        return parsedate_to_datetime(ask(api, "users").headers["Date"])

    assert timedelta(0) <= date() - NOW < timedelta(minutes=1)
    api.clock_offset += timedelta(days=1)
    tomorrow = NOW + timedelta(days=1)
    assert timedelta(0) <= date() - tomorrow < timedelta(minutes=1)
    assert api.account.create()["created_at"].startswith("2026-03-15 12:3")
    assert api.account["reviews"].add()["date"].startswith("2026-03-15T")
    api.faults.add(faults.too_many_requests(7, as_date=True))
    refused = ask(api, "users").headers
    until = parsedate_to_datetime(refused["Retry-After"])
    assert until > tomorrow
