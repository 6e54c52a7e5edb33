"""Points in time: one format, whose order as text is the order in time."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_partoo.records.timestamps import to_date, to_utc

CANONICAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00")

offsets = st.integers(-14 * 60, 14 * 60).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
# A day from both ends, for every offset to stay within the years.
moments = st.datetimes(
    datetime(1, 1, 2),  # noqa: DTZ001 - hypothesis adds the offset
    datetime(9999, 12, 30),  # noqa: DTZ001 - likewise
    timezones=st.just(UTC) | offsets,
)


@st.composite
def spelled(draw: st.DrawFn) -> tuple[datetime, str]:
    """Draw a moment and one of its spellings, with 0 to 6 digits of the fraction."""
    digits = draw(st.integers(0, 6))
    unit = 10 ** (6 - digits)
    moment = draw(moments)
    moment = moment.replace(microsecond=moment.microsecond // unit * unit)
    offset = moment.utcoffset()
    assert offset is not None
    minutes = round(offset.total_seconds() / 60)

    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes < 0 else "+"
    zones = [f"{sign}{hours:02}:{rest:02}", f"{sign}{hours:02}{rest:02}"]
    if not rest:
        zones.append(f"{sign}{hours:02}")
    if not minutes:
        zones += ["Z", ""]
    day = f"{moment.year:04}-{moment.month:02}-{moment.day:02}"
    clock = f"{moment.hour:02}:{moment.minute:02}:{moment.second:02}"
    fraction = f".{moment.microsecond:06}"[: 1 + digits] if digits else ""
    separator = draw(st.sampled_from("T "))
    return moment, f"{day}{separator}{clock}{fraction}{draw(st.sampled_from(zones))}"


@settings(deadline=None)
@given(spelled())
def test_every_spelling_names_its_instant(pair: tuple[datetime, str]) -> None:
    moment, text = pair
    result = to_utc(text)
    assert CANONICAL.fullmatch(result)
    assert datetime.fromisoformat(result) == moment


@settings(deadline=None)
@given(spelled(), spelled())
def test_order_as_text_is_order_in_time(
    one: tuple[datetime, str], other: tuple[datetime, str]
) -> None:
    assert (to_utc(one[1]) < to_utc(other[1])) == (one[0] < other[0])
    assert (to_utc(one[1]) == to_utc(other[1])) == (one[0] == other[0])


# Random moments are seldom close to each other, where it matters.
@settings(deadline=None)
@given(spelled(), st.integers(-2_000_000, 2_000_000), offsets)
def test_neighbours_are_in_order(
    pair: tuple[datetime, str], microseconds: int, offset: timezone
) -> None:
    moment, text = pair
    neighbour = (moment + timedelta(microseconds=microseconds)).astimezone(offset)
    assert (to_utc(text) < to_utc(str(neighbour))) == (microseconds > 0)
    assert (to_utc(text) == to_utc(str(neighbour))) == (microseconds == 0)


@settings(deadline=None)
@given(spelled())
def test_canonical_stays_as_it_is(pair: tuple[datetime, str]) -> None:
    result = to_utc(pair[1])
    assert to_utc(result) == result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2018-03-12 11:49:03.399475+00", "2018-03-12T11:49:03.399475+00:00"),
        ("2018-03-12 11:49:03+00", "2018-03-12T11:49:03+00:00"),
        ("2018-03-12 11:49:03.000000+00", "2018-03-12T11:49:03+00:00"),
        ("2018-03-12 11:49:03.4+00", "2018-03-12T11:49:03.400000+00:00"),
        ("2018-03-12T11:49:03.399Z", "2018-03-12T11:49:03.399000+00:00"),
        ("2018-03-12T00:30:00+02:00", "2018-03-11T22:30:00+00:00"),
        ("2018-03-12T20:30:00-0930", "2018-03-13T06:00:00+00:00"),
        ("2018-03-12T11:49:03", "2018-03-12T11:49:03+00:00"),
        ("2018-03-12", "2018-03-12T00:00:00+00:00"),
        (" 2018-03-12T11:49:03Z\n", "2018-03-12T11:49:03+00:00"),
        # More digits than a microsecond has are cut, never rounded into the future.
        ("2018-03-12T11:49:03.9999999Z", "2018-03-12T11:49:03.999999+00:00"),
    ],
)
def test_examples(text: str, expected: str) -> None:
    assert to_utc(text) == expected


GARBAGE = [
    "",
    " ",
    "garbage",
    "2018-13-01",
    "2018-02-29T00:00:00Z",
    "2018-03-12T24:30:00Z",
    "2018-03-12T11:60:00Z",
    "2018-03-12T11:49:03+99:00",
    "12.03.2018",
    "03/12/2018",
    "yesterday",
    "infinity",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "10000-01-01",
    "2018-03-12T11:49:03Z and more",
    "\x00",
]


@pytest.mark.parametrize("text", GARBAGE, ids=repr)
def test_garbage_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - callers rely on the type only
        to_utc(text)


@settings(max_examples=50, deadline=None)
@given(st.text() | st.from_regex(r"[0-9TZ:+. W-]{4,32}", fullmatch=True))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    for convert, form in ((to_utc, CANONICAL), (to_date, r"\d{4}-\d\d-\d\d")):
        try:
            result = convert(text)
        except ValueError:
            continue
        assert re.fullmatch(form, result)


@pytest.mark.parametrize(
    "text",
    [
        "2022-06-05",
        "2022-06-05T00:00:00Z",
        "2022-06-05 23:59:59.999999+00",
        # The day that is written, not the one it would be elsewhere.
        "2022-06-05T23:30:00-05:00",
        "2022-06-05T00:30:00+05:00",
        " 2022-06-05 ",
    ],
)
def test_time_of_day_is_cut_off_a_date(text: str) -> None:
    assert to_date(text) == "2022-06-05"


@settings(deadline=None)
@given(st.dates())
def test_days_stay_as_they_are(day: date) -> None:
    assert to_date(str(day)) == str(day)
