"""The stand-in for Partoo's API responds, and fails, as it promises."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
import requests

from .partoo_api import Account, Fault, Response, StandIn, Wire, faults, make_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HEADERS = {"x-APIKey": "demo-key"}
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00")


@pytest.fixture
def api() -> Iterator[StandIn]:
    with StandIn(Account(make_keys(65))) as stand_in:
        yield stand_in


def get(api: StandIn, path: str = "/api_keys", /, **query: Any) -> requests.Response:
    return requests.get(
        api.url + path,
        params=query,
        headers=HEADERS,
        timeout=5,
        allow_redirects=False,
    )


def ids(response: requests.Response) -> list[int]:
    return [key["id"] for key in response.json()["api_keys"]]


def figures(response: requests.Response) -> tuple[int, int, int, int]:
    body = response.json()
    return body["page"], body["max_page"], body["count"], len(body["api_keys"])


# Data


def test_keys_are_the_same_for_the_same_seed() -> None:
    assert make_keys(50, seed=1) == make_keys(50, seed=1)
    assert make_keys(50, seed=1) != make_keys(50, seed=2)


def test_a_small_account_has_the_variety_of_a_real_one() -> None:
    records = [key.record for key in make_keys(160)]
    assert len(records[0]) == 19
    assert {record["user_role"] for record in records} == {
        "PROVIDER",
        "ORG_ADMIN",
        "ORG_MANAGER",
        "GROUP_MANAGER",
        "BUSINESS_MANAGER",
        "PUBLISHER",
    }
    for name in (
        "description",
        "user_id",
        "user_name",
        "expiration_date",
        "last_used_at",
        "revoked_at",
        "permissions",
    ):
        nulls = [record[name] is None for record in records]
        assert any(nulls), name
        assert not all(nulls), name
    for name, values in {
        "user_type": {"bot", "user"},
        "disabled": {True, False},
        "has_restricted_permissions": {True, False},
    }.items():
        assert {record[name] for record in records} == values
    assert {len(record["ip_whitelist"]) for record in records} >= {0, 1, 2}
    expirations = [r["expiration_date"] for r in records if r["expiration_date"]]
    assert min(expirations) < "2026"
    assert max(expirations) > "2089"
    assert not all(f"{record}".isascii() for record in records)
    assert max(len(json.dumps(record)) for record in records) > 4096


def test_ids_ascend_with_gaps_and_times_have_0_to_6_digits() -> None:
    records = [key.record for key in make_keys(300)]
    numbers = [record["id"] for record in records]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] - numbers[0] > 300
    digits = set()
    for record in records:
        for name in ("created_at", "last_used_at", "revoked_at"):
            if record[name]:
                assert TIMESTAMP.fullmatch(record[name])
                digits.add(len(record[name].partition(".")[2].removesuffix("+00")))
    assert digits == set(range(7))


# Contract


@pytest.mark.parametrize("key", [None, "wrong"])
def test_without_the_key_nothing_is_answered(api: StandIn, key: str | None) -> None:
    response = requests.get(
        f"{api.url}/api_keys", headers={"x-APIKey": key} if key else {}, timeout=5
    )
    assert response.status_code == 401
    assert response.json() == {"error": {"authentication": "User not authenticated"}}


def test_a_key_without_rights_is_refused(api: StandIn) -> None:
    headers = {"x-apikey": api.account.api_key_without_rights}
    response = requests.get(f"{api.url}/api_keys", headers=headers, timeout=5)
    assert response.status_code == 403
    assert response.json() == {"error": {"authorization": "Operation not allowed"}}


def test_unknown_paths_are_not_found(api: StandIn) -> None:
    response = get(api, "/nothing")
    assert response.status_code == 404
    assert response.json() == {"error": {"json": "Resource not found"}}


def test_pages_from_1_add_up_to_the_account(api: StandIn) -> None:
    pages = [get(api, page=page) for page in (1, 2, 3)]
    assert [figures(page) for page in pages] == [
        (1, 3, 65, 30),
        (2, 3, 65, 30),
        (3, 3, 65, 5),
    ]
    listed = [key for page in pages for key in page.json()["api_keys"]]
    assert listed == api.account.records()


@pytest.mark.parametrize("query", [{}, {"page": 0}, {"page": -3}, {"page": 1}])
def test_from_1_a_lower_page_is_the_first(api: StandIn, query: dict[str, Any]) -> None:
    assert figures(get(api, **query)) == (1, 3, 65, 30)
    assert ids(get(api, **query))[0] == api.account.records()[0]["id"]


@pytest.mark.parametrize(("counts_pages", "max_page"), [(False, 2), (True, 3)])
def test_pages_from_0(*, counts_pages: bool, max_page: int) -> None:
    account = Account(make_keys(65))
    with StandIn(account, first_page=0, max_page_counts_pages=counts_pages) as api:
        assert figures(get(api)) == (0, max_page, 65, 30)
        pages = [get(api, page=page) for page in (0, 1, 2)]
        assert figures(pages[2]) == (2, max_page, 65, 5)
        assert [key for page in pages for key in page.json()["api_keys"]] == (
            account.records()
        )


def test_a_full_last_page_is_the_last() -> None:
    with StandIn(Account(make_keys(60))) as api:
        assert figures(get(api, page=2)) == (2, 2, 60, 30)


def test_past_the_end_is_an_empty_page(api: StandIn) -> None:
    assert figures(get(api, page=9)) == (9, 3, 65, 0)


def test_past_the_end_can_be_the_last_page() -> None:
    with StandIn(Account(make_keys(65)), past_end="clamp") as api:
        assert figures(get(api, page=9)) == (3, 3, 65, 5)


def test_past_the_end_can_be_missing() -> None:
    with StandIn(Account(make_keys(65)), past_end="not_found") as api:
        assert figures(get(api, page=3)) == (3, 3, 65, 5)
        assert get(api, page=4).status_code == 404


def test_empty_account() -> None:
    with StandIn(Account()) as api:
        assert figures(get(api)) == (1, 1, 0, 0)
    with StandIn(Account(), empty_max_page=0, past_end="not_found") as api:
        assert figures(get(api)) == (1, 0, 0, 0)
    with StandIn(Account(), first_page=0) as api:
        assert figures(get(api)) == (0, 0, 0, 0)


def test_per_page(api: StandIn) -> None:
    assert figures(get(api, per_page=100)) == (1, 1, 65, 65)
    assert figures(get(api, per_page=1, page=65)) == (65, 65, 65, 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("per_page", "0"),
        ("per_page", "101"),
        ("per_page", "many"),
        ("page", "1.5"),
        ("page", ""),
        ("status", "revoked"),
        ("type", "robot"),
        ("include_all_permissions", "yes"),
    ],
)
def test_wrong_parameters_are_named(api: StandIn, name: str, value: str) -> None:
    response = get(api, **{name: value})
    assert response.status_code == 400
    assert response.json()["error"]["json"].keys() == {name}


def test_status_filter(api: StandIn) -> None:
    def listed(status: str) -> set[int]:
        return set(ids(get(api, status=status, per_page=100)))

    records = api.account.records()
    everything = {record["id"] for record in records}
    disabled = {record["id"] for record in records if record["disabled"]}
    expired = {
        record["id"]
        for record in records
        if record["expiration_date"] and record["expiration_date"] < "2026"
    }
    assert disabled & expired
    assert listed("disabled") == disabled
    assert listed("expired") == expired
    assert listed("inactive") == disabled | expired
    assert listed("active") == everything - disabled - expired


def test_type_filter_counts_what_passes(api: StandIn) -> None:
    response = get(api, type="bot", per_page=10)
    assert figures(response) == (1, 2, 17, 10)
    assert {key["user_type"] for key in response.json()["api_keys"]} == {"bot"}


def test_search_looks_at_label_and_secret() -> None:
    keys = make_keys(65)
    with StandIn(Account(keys)) as api:
        assert ids(get(api, search_text="MAGASIN")) == [
            key.record["id"] for key in keys if "magasin" in key.record["label"]
        ]
        assert ids(get(api, search_text=keys[7].secret[5:].upper())) == [
            keys[7].record["id"]
        ]
        assert ids(get(api, search_text="Perceval")) == []


def test_permissions_that_the_user_lacks_are_only_answered_on_request() -> None:
    key = make_keys(4)[3]
    stored = key.record["permissions"]
    with StandIn(Account([key])) as api:
        path = f"/api_keys/{key.record['id']}"
        for narrowed in (get(api).json()["api_keys"][0], get(api, path).json()):
            assert narrowed["permissions"] == [
                name for name in stored if name in key.user_permissions
            ]
            assert narrowed["permissions"] != stored
        query = {"include_all_permissions": "true"}
        assert get(api, **query).json()["api_keys"][0]["permissions"] == stored
        assert get(api, path, **query).json()["permissions"] == stored


def test_one_key(api: StandIn) -> None:
    record = api.account.records()[5]
    assert get(api, f"/api_keys/{record['id']}").json() == record
    assert get(api, "/api_keys/1").status_code == 404


def test_keys_are_created_and_revoked_over_http(api: StandIn) -> None:
    created = requests.post(
        f"{api.url}/api_keys", json={"label": "Né"}, headers=HEADERS, timeout=5
    )
    assert created.status_code == 201
    key_id = created.json()["id"]
    assert created.json() == api.account.records()[-1]
    assert created.json()["label"] == "Né"

    revoke = f"{api.url}/api_keys/revoke/{key_id}"
    revoked = requests.post(revoke, headers=HEADERS, timeout=5)
    assert revoked.status_code == 200
    assert revoked.json() == {"id": key_id, "status": "success"}
    assert api.account.record(key_id)["disabled"]

    revoke = f"{api.url}/api_keys/revoke/1"
    assert requests.post(revoke, headers=HEADERS, timeout=5).status_code == 404
    for body in ('{"id": 5}', "[]", "{"):
        wrong = requests.post(
            f"{api.url}/api_keys", data=body, headers=HEADERS, timeout=5
        )
        assert wrong.status_code == 400


# Account


def test_changes_show_in_the_next_answer(api: StandIn) -> None:
    account = api.account
    first, second, third, *_ = ids(get(api))
    revoked = account.revoke(first)
    assert revoked["disabled"]
    assert TIMESTAMP.fullmatch(revoked["revoked_at"])
    touched = account.touch(second)
    assert TIMESTAMP.fullmatch(touched["last_used_at"])
    edited = account.edit(second, label="Edited")
    account.delete(third)
    created = account.create(user_type="bot")
    assert TIMESTAMP.fullmatch(created["created_at"])
    account.insert({"id": "text", "extra": 1}, index=1)

    keys = get(api, per_page=100).json()["api_keys"]
    assert keys == account.records()
    assert keys[:3] == [revoked, {"id": "text", "extra": 1}, edited]
    assert edited["last_used_at"] == touched["last_used_at"]
    assert third not in [key["id"] for key in keys]
    assert keys[-1] == created


def test_unknown_ids_are_the_tests_mistake() -> None:
    with pytest.raises(KeyError):
        Account().revoke(1)


def test_newest_first() -> None:
    account = Account(make_keys(10), order="newest")
    created = account.create()["id"]
    listed = [record["id"] for record in account.records()]
    assert listed == sorted(listed, reverse=True)
    assert listed[0] == created


def test_random_order_stays_but_for_a_new_key() -> None:
    account = Account(make_keys(50), order="random", seed=3)
    before = [record["id"] for record in account.records()]
    assert before != sorted(before)
    created = account.create()["id"]
    after = [record["id"] for record in account.records()]
    assert 0 < after.index(created) < 50
    after.remove(created)
    assert after == before


def test_records_of_any_shape_can_be_filtered() -> None:
    account = Account()
    account.insert({"expiration_date": 5, "label": None})
    with StandIn(account) as api:
        assert get(api, status="active", search_text="zz").json()["count"] == 0
        assert get(api, status="active").json()["count"] == 1


# Server


def test_requests_are_remembered(api: StandIn) -> None:
    get(api, page=2)
    requests.get(f"{api.url}/api_keys", headers={"X-Other": "a"}, timeout=5)
    first, second = api.requests
    assert (first.method, first.path, first.status) == ("GET", "/v2/api_keys", 200)
    assert first.query == {"page": "2"}
    assert first.headers["x-apikey"] == "demo-key"
    assert second.status == 401
    assert first.at < second.at < time.monotonic()


def test_before_response_comes_before_the_answer(api: StandIn) -> None:
    seen = []

    def before_response(number: int, query: Mapping[str, str]) -> None:
        seen.append((number, query["page"]))
        if number == 2:
            api.account.create()

    api.before_response = before_response
    assert [get(api, page=page).json()["count"] for page in (1, 2)] == [65, 66]
    assert seen == [(1, "1"), (2, "2")]


def test_a_mistake_in_the_stand_in_fails_the_test() -> None:
    def before_response(_: int, __: Mapping[str, str]) -> None:
        raise LookupError

    def use() -> None:
        with StandIn(Account()) as api:
            api.before_response = before_response
            assert get(api).status_code == 500

    with pytest.raises(LookupError):
        use()


def test_more_requests_than_allowed_are_refused_until_the_window_has_passed() -> None:
    with StandIn(Account(), requests_per_minute=3, window_seconds=3) as api:
        assert [get(api).status_code for _ in range(3)] == [200] * 3
        refused = get(api)
        assert refused.status_code == 429
        assert refused.headers["Retry-After"] in {"1", "2", "3"}
        time.sleep(3)
        assert get(api).status_code == 200


def test_concurrent_requests_are_answered_at_the_same_time() -> None:
    with (
        StandIn(Account(), latency_seconds=1) as api,
        ThreadPoolExecutor(10) as pool,
    ):
        started = time.monotonic()
        responses = list(pool.map(lambda _: get(api), range(10)))
        elapsed = time.monotonic() - started
    assert {response.status_code for response in responses} == {200}
    assert 1 <= elapsed < 9


def test_a_connection_is_kept(api: StandIn) -> None:
    with requests.Session() as session:
        sockets = set()
        for _ in range(3):
            response = session.get(
                f"{api.url}/api_keys", headers=HEADERS, timeout=5, stream=True
            )
            connection: Any = response.raw.connection
            sockets.add(connection.sock.getsockname())
            assert response.json()
        assert len(sockets) == 1


def test_leaving_does_not_wait_for_a_request_that_hangs() -> None:
    with StandIn(Account()) as api:
        api.faults.add(faults.stall(60))
        outcome: list[Exception] = []

        def ask() -> None:
            try:
                get(api)
            except requests.RequestException as error:
                outcome.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        while not api.requests:
            time.sleep(0.01)
        started = time.monotonic()
    assert time.monotonic() - started < 30
    asking.join()
    assert isinstance(outcome[0], requests.ConnectionError)


# Faults


def statuses(api: StandIn, *pages: int) -> list[int]:
    return [get(api, page=page).status_code for page in pages]


def test_a_fault_comes_once_and_at_once(api: StandIn) -> None:
    api.faults.add(Response(500))
    assert statuses(api, 1, 1) == [500, 200]


def test_a_fault_on_a_page(api: StandIn) -> None:
    api.faults.add(Response(500), page=2, times=2)
    assert statuses(api, 1, 2, 3, 2, 2) == [200, 500, 200, 500, 200]


def test_a_fault_at_a_request(api: StandIn) -> None:
    api.faults.add(Response(500), request=3, times=2)
    assert statuses(api, 1, 1, 1, 1, 1) == [200, 200, 500, 500, 200]


def test_a_fault_for_ever_until_cleared(api: StandIn) -> None:
    api.faults.add(Response(500), times=None)
    assert statuses(api, 1, 2, 3) == [500, 500, 500]
    api.faults.clear()
    assert statuses(api, 1) == [200]


def test_faults_queue(api: StandIn) -> None:
    api.faults.add(Response(500))
    api.faults.add(Response(502), page=2)
    api.faults.add(Response(503), times=2)
    assert statuses(api, 2, 1, 2, 1, 1) == [500, 503, 502, 503, 200]


def test_faults_spare_other_requests(api: StandIn) -> None:
    api.faults.add(Response(500))
    assert get(api, f"/api_keys/{api.account.records()[0]['id']}").status_code == 200
    assert get(api).status_code == 500


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.RESET, "Connection reset by peer"),
        (faults.CLOSED, "Remote end closed connection without response"),
        (faults.short_body, "IncompleteRead"),
        (
            faults.cut_chunked,
            "InvalidChunkLength|Response ended prematurely|Incomplete",
        ),
        (faults.bad_encoding, "failed to decode it"),
        (Wire((b"SSH-2.0-OpenSSH_9.6\r\n",)), "BadStatusLine|SSH"),
    ],
    ids=["reset", "closed", "short body", "cut chunked", "bad encoding", "no HTTP"],
)
def test_broken_connections(api: StandIn, fault: Fault, error: str) -> None:
    api.faults.add(fault)
    with pytest.raises(requests.RequestException, match=error):
        get(api)
    assert get(api).status_code == 200


@pytest.mark.parametrize(
    "fault",
    [faults.stall(0.4), faults.stall_in_body(0.4)],
    ids=["before", "in the body"],
)
def test_stalls(api: StandIn, fault: Fault) -> None:
    api.faults.add(fault, times=2)
    with pytest.raises(requests.RequestException, match="timed out"):
        requests.get(f"{api.url}/api_keys", headers=HEADERS, timeout=0.1)
    assert figures(get(api)) == (1, 3, 65, 30)


@pytest.mark.parametrize("name", ["truncated JSON", "invalid JSON", "HTML with 200"])
def test_bodies_that_are_no_json(api: StandIn, name: str) -> None:
    api.faults.add(faults.TRANSIENT[name])
    response = get(api)
    assert response.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        response.json()


def test_bytes_that_are_no_utf8(api: StandIn) -> None:
    api.faults.add(faults.invalid_utf8)
    with pytest.raises(UnicodeDecodeError):
        get(api).content.decode()


def test_a_charset_that_is_not_the_one(api: StandIn) -> None:
    api.faults.add(faults.wrong_charset)
    response = get(api)
    assert response.encoding == "iso-8859-1"
    assert json.loads(response.content) == get(api).json()


@pytest.mark.parametrize("name", ["page", "max_page", "count", "api_keys"])
def test_fields_of_the_envelope(api: StandIn, name: str) -> None:
    right = get(api).json()
    api.faults.add(faults.without(name))
    assert get(api).json().keys() == right.keys() - {name}
    api.faults.add(faults.fields(**{name: None}))
    assert get(api).json() == right | {name: None}


def test_any_change_of_the_envelope(api: StandIn) -> None:
    api.faults.add(faults.Rewrite(lambda envelope: [envelope["page"], 1.5]), page=2)
    assert get(api, page=2).json() == [2, 1.5]


def test_an_empty_page_in_the_middle(api: StandIn) -> None:
    api.faults.add(faults.EMPTY_PAGE, page=2)
    assert figures(get(api, page=2)) == (2, 3, 65, 0)


@pytest.mark.parametrize("first_page", [0, 1])
def test_the_first_page_whatever_is_asked(first_page: Literal[0, 1]) -> None:
    with StandIn(Account(make_keys(65)), first_page=first_page) as api:
        api.faults.add(faults.first_page_always)
        wrong = get(api, page=2, per_page=10).json()
        assert wrong == get(api, page=first_page, per_page=10).json()


def test_max_page_runs_away(api: StandIn) -> None:
    api.faults.add(faults.growing_max_page(2), times=None)
    assert [get(api, page=page).json()["max_page"] for page in (1, 2, 3)] == [5, 7, 9]


def test_an_error_that_repeats_the_request(api: StandIn) -> None:
    api.faults.add(faults.echo(403))
    response = get(api, page=2)
    assert response.status_code == 403
    seen = response.json()["error"]["json"]
    assert seen["headers"]["x-apikey"] == "demo-key"
    assert seen["query"] == {"page": "2"}


def test_too_many_requests(api: StandIn) -> None:
    api.faults.add(faults.too_many_requests())
    api.faults.add(faults.too_many_requests(7))
    api.faults.add(faults.too_many_requests(7, as_date=True))
    api.faults.add(faults.too_many_requests(7, as_date=True, date=False))
    plain, seconds, moment, undated = (get(api) for _ in range(4))
    assert {r.status_code for r in (plain, seconds, moment, undated)} == {429}
    assert "Retry-After" not in plain.headers
    assert seconds.headers["Retry-After"] == "7"
    assert moment.headers["Retry-After"].endswith(" GMT")
    assert "Date" in moment.headers
    assert "Date" not in undated.headers


def test_redirects(api: StandIn) -> None:
    api.faults.add(faults.redirect("http://127.0.0.1:1/", 307))
    response = get(api)
    assert response.status_code == 307
    assert response.headers["Location"] == "http://127.0.0.1:1/"


def test_a_fault_hits_a_refused_request_too(api: StandIn) -> None:
    api.faults.add(faults.fields(page=None))
    api.faults.add(faults.short_body)
    assert requests.get(f"{api.url}/api_keys", timeout=5).status_code == 401
    with pytest.raises(requests.RequestException):
        requests.get(f"{api.url}/api_keys", timeout=5)


def right_answer(api: StandIn) -> bool:
    try:
        body = json.loads(get(api, page=2).content)
    except (requests.RequestException, ValueError):
        return False
    types = {"page": int, "max_page": int, "count": int, "api_keys": list}
    return isinstance(body, dict) and types == {
        name: type(value) for name, value in body.items()
    }


@pytest.mark.parametrize("name", faults.TRANSIENT)
def test_transient_faults_spoil_one_answer(api: StandIn, name: str) -> None:
    api.faults.add(faults.TRANSIENT[name], page=2)
    assert not right_answer(api)
    assert right_answer(api)


@pytest.mark.parametrize("name", faults.PERMANENT)
def test_permanent_faults_have_their_status(api: StandIn, name: str) -> None:
    api.faults.add(faults.PERMANENT[name], times=None)
    assert str(get(api).status_code) in name


# On its own


def test_standing_alone() -> None:
    command = "-m tests.partoo_api --port 0 --keys 12 --api-key other --first-page 0"
    command += " --reviews 5 --businesses 2"
    with subprocess.Popen(
        [sys.executable, *command.split()],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        url, header, example = process.stdout.readline().strip().split("  ")
        name, value = header.split(": ")
        response = requests.get(f"{url}/api_keys", headers={name: value}, timeout=5)
        assert figures(response) == (0, 0, 12, 12)
        for path, count in (("/reviews", 5), ("/business/search", 2)):
            response = requests.get(url + path, headers={name: value}, timeout=5)
            assert response.json()["count"] == count
        assert example == f"curl -H '{header}' {url}/api_keys"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0
        assert process.stderr
        assert process.stderr.read() == ""
