"""When periods end, around the Spring Festival and National Day of 2026 (国办发明电〔2025〕7号)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.escalation.core.calendar import UNITS, Within
from tests.escalation.examples import BEIJING, CALENDAR


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BEIJING)


@pytest.mark.parametrize(
    ("start", "within", "due"),
    [
        ("2026-01-05T09:00", "1 working_days", "2026-01-06T17:30"),  # Monday to the end of Tuesday
        ("2026-01-09T16:00", "1 working_days", "2026-01-12T17:30"),  # Friday to the end of Monday
        ("2026-01-10T11:00", "1 working_days", "2026-01-12T17:30"),  # Saturday: Monday is the first day counted
        ("2026-02-13T10:00", "1 working_days", "2026-02-14T17:30"),  # the Saturday before is worked (调休)
        ("2026-02-14T10:00", "1 working_days", "2026-02-24T17:30"),  # nine days of Spring Festival
        ("2026-02-14T10:00", "5 working_days", "2026-02-28T17:30"),  # and the Saturday after is worked
        ("2026-02-18T03:00", "2 working_days", "2026-02-25T17:30"),  # begun in the middle of the festival
        ("2026-09-30T17:29", "1 working_days", "2026-10-08T17:30"),  # National Day
        ("2026-09-30T09:00", "3 working_days", "2026-10-10T17:30"),  # Thursday, Friday, worked Saturday
        ("2026-01-05T09:00", "3 working_hours", "2026-01-05T12:00"),
        ("2026-01-05T11:00", "2 working_hours", "2026-01-05T14:30"),  # over the noon break
        ("2026-09-30T17:00", "2 working_hours", "2026-10-08T10:00"),
        ("2026-02-14T23:00", "30 minutes", "2026-02-14T23:30"),  # elapsed time knows no holiday
        ("2026-02-14T23:00", "2 days", "2026-02-16T23:00"),
    ],
)
def test_examples(start, within, due):
    assert CALENDAR.due(at(start), Within.parse(within)).astimezone(BEIJING) == at(due)


def test_a_period_in_working_days_ends_on_a_local_day_whatever_the_utc_date():
    late_evening = datetime(2026, 1, 5, 17, tzinfo=UTC)  # one o'clock on Tuesday in Beijing
    assert CALENDAR.due(late_evening, Within(1, "working_days")).astimezone(BEIJING).date() == date(2026, 1, 7)


moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 11, 30), timezones=st.just(UTC))
spans = st.builds(Within, st.integers(1, 40), st.sampled_from(UNITS))


@given(moments, spans)
def test_a_limit_is_later_than_its_start(start, within):
    assert CALENDAR.due(start, within) > start


@given(moments, moments, spans)
def test_what_begins_later_is_never_due_earlier(one, other, within):
    first, second = sorted((one, other))
    assert CALENDAR.due(first, within) <= CALENDAR.due(second, within)


@given(moments, st.integers(1, 30))
def test_working_days_end_when_business_does_on_a_day_that_is_worked(start, days):
    due = CALENDAR.due(start, Within(days, "working_days")).astimezone(BEIJING)
    assert CALENDAR.works(due.date()) and (due.hour, due.minute) == (17, 30)


@settings(deadline=None)  # it counts minute by minute, and a busy machine is no fault of the calendar
@given(moments, st.integers(1, 60))
def test_so_many_working_hours_lie_between(start, hours):
    due, worked, minute = CALENDAR.due(start, Within(hours, "working_hours")), 0, start.replace(second=0, microsecond=0)
    # count minutes by the definition: a minute is worked if its day is and it lies in a span
    tick = minute + timedelta(minutes=1) if minute < start else minute
    while tick < due:
        local = tick.astimezone(BEIJING)
        of_day = local.hour * 60 + local.minute
        worked += CALENDAR.works(local.date()) and any(s.start_min <= of_day < s.end_min for s in CALENDAR.hours)
        tick += timedelta(minutes=1)
    assert abs(worked - hours * 60) <= 1


@given(spans)
def test_the_text_of_a_period_reads_back(within):
    assert Within.parse(str(within)) == within


@pytest.mark.parametrize("text", ["", "3", "x days", "3 fortnights"])
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError):
        Within.parse(text)
