"""Lists, the case page, its log, the duty seat's desk. Reading what people said is noted."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from services.host.http import Caller, Problem
from services.intake.core import hygiene, needs, powers
from services.intake.core.cases import Case
from services.intake.core.inputs import Actor
from services.intake.doors import views
from services.intake.doors.context import CaseId, Context, Ctx, actor, body_of, case_of, json_response
from services.intake.doors.models import LookupIn
from services.intake.doors.views import CaseView, ShortView
from services.intake.store import lists, people, photos
from services.intake.store.lists import Found, Totals, Wanted
from services.intake.store.people import Reading, Words
from services.kernel.database import Db

router = APIRouter()
_MOST = 200
_UnitQuery = Annotated[str | None, Query(max_length=80, pattern=r"^[A-Za-z0-9_-]+$")]


class ListView(msgspec.Struct, kw_only=True):
    cases: list[ShortView]
    next: str | None


class DeskTotals(msgspec.Struct, kw_only=True):
    """How many there are, shown or not. waiting: for a press; late: and nothing else; running: on the clock."""

    waiting: int
    late: int
    running: int


class DeskView(msgspec.Struct, kw_only=True):
    """值班: needs_you 等您处理, first what waits for a press, then what is only late; on_the_clock 在计时.

    Each of the three is cut at `limit`; the totals are not.
    """

    as_of: datetime
    totals: DeskTotals
    needs_you: list[ShortView]
    on_the_clock: list[ShortView]


class EventView(msgspec.Struct, kw_only=True):
    """One event of the log. fact_at: when it happened; words: free text that belongs to it, for who may read it."""

    sequence: int
    id: str
    type: str
    time: datetime
    fact_at: datetime
    data: msgspec.Raw
    words: dict[str, str] = {}


class EventsView(msgspec.Struct, kw_only=True):
    events: list[EventView]


class LookupView(msgspec.Struct, kw_only=True):
    """What a resident sees by the code on the receipt: no names, no units' internals."""

    case: str
    number: str
    family: str
    kind: str
    state: str
    registered_at: datetime | None
    lead_name: str | None
    due_at: datetime | None
    as_of: datetime


@router.get("/v1/cases", response_model=None)
async def cases(
    identity: Caller,
    ctx: Ctx,
    state: Annotated[str | None, Query(pattern=r"^[a-z_]+$", max_length=20)] = None,
    unit: _UnitQuery = None,
    street: _UnitQuery = None,
    q: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 50,
    after: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Cases, newest first. state: one of the states, or `open`. q: number, name, telephone or words of the report."""
    if q is not None and hygiene.text(q) is not None:
        raise Problem(422, "invalid", "查找的字不对 Not valid", "请删去看不见的字符。Remove hidden characters.")
    wanted = Wanted(state, unit, street, q or None, limit + 1, _after(after))
    async with ctx.pool.acquire() as connection:
        found = await lists.many(connection, ctx.vault, wanted)
        if q:
            await people.note(connection, Reading(identity.staff, "search"))
    shown, directory = found[:limit], ctx.directory()
    more = _cursor(shown[-1]) if len(found) > limit else None
    return json_response(ListView(cases=[views.short(one.case, one.state, directory) for one in shown], next=more))


def _cursor(last: Found) -> str:
    at = last.state.registered_at
    assert at is not None
    return base64.urlsafe_b64encode(f"{at.isoformat()}~{last.case}".encode()).decode()


def _after(cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    try:
        at, _, case = base64.urlsafe_b64decode(cursor.encode()).decode().partition("~")
        parsed = datetime.fromisoformat(at)
    except (binascii.Error, UnicodeError, ValueError):
        raise Problem(422, "cursor", "翻页记号不对 Cursor not valid", "请从第一页看起。Begin again.") from None
    if parsed.tzinfo is None or not case.isalnum():
        raise Problem(422, "cursor", "翻页记号不对 Cursor not valid", "请从第一页看起。Begin again.")
    return parsed, case


@router.get("/v1/queue", response_model=None)
async def queue(
    _: Caller, ctx: Ctx, unit: _UnitQuery = None, limit: Annotated[int, Query(ge=1, le=_MOST)] = 50
) -> Response:
    """The duty seat's desk: what waits for a press, then what runs, first due first."""
    async with ctx.pool.acquire() as connection:
        # One more than is shown tells whether a list was cut; only then is it worth counting all open cases.
        desk = await lists.on_the_desk(connection, unit, limit + 1)
        late = await lists.late(connection, unit, limit + 1)
        clock = await lists.on_the_clock(connection, unit, limit + 1)
        cut = max(len(desk), len(late), len(clock)) > limit
        counted = await lists.totals(connection, unit) if cut else Totals(len(desk), len(late), len(clock))
    needs_you = [*desk[:limit], *late[:limit]]
    directory = ctx.directory()
    return json_response(
        DeskView(
            as_of=ctx.clock.now(),
            totals=DeskTotals(waiting=counted.waiting, late=counted.late, running=counted.running),
            needs_you=[views.short(one.case, one.state, directory, _reason(one.state)) for one in needs_you],
            on_the_clock=[views.short(one.case, one.state, directory) for one in clock[:limit]],
        )
    )


def _reason(state: Case) -> str:
    waiting = needs.needs(state)
    return waiting[0] if waiting else "overdue"


@router.get("/v1/cases/{case}", response_model=None)
async def one_case(case: CaseId, identity: Caller, ctx: Ctx) -> Response:
    """The case as it stands, with the steps that this person may take."""
    by = actor(identity, ctx.directory())
    async with ctx.pool.acquire() as connection:
        state = await case_of(connection, case)
        view = views.whole(case, state, by, ctx.directory())
        await _add_texts(connection, ctx, view, state, by)
    return json_response(view)


async def _add_texts(connection: Db, ctx: Context, view: CaseView, state: Case, by: Actor) -> None:
    if not powers.may_read_text(state, by):
        view.text_because = "confidential" if state.confidential else "not_your_unit"
        return
    said = await people.words_of(connection, ctx.vault, view.case, Reading(by.staff, "text", view.case))
    report = {one.what: one.text for one in said if one.sequence == 1}
    view.text, view.address = report.get("report", ""), report.get("address", "")
    view.photos = [one.photo for one in await photos.of_case(connection, view.case)]


@router.get("/v1/cases/{case}/events", response_model=None)
async def events(
    case: CaseId,
    identity: Caller,
    ctx: Ctx,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 1_000,
) -> Response:
    """The case's log, in order of number; pages sort by `fact_at`."""
    by = actor(identity, ctx.directory())
    async with ctx.pool.acquire() as connection:
        state = await case_of(connection, case)
        log = await lists.log_of(connection, case, after, limit)
        said: list[Words] = []
        if powers.may_read_text(state, by):
            said = await people.words_of(connection, ctx.vault, case, Reading(by.staff, "words", case))
    texts: dict[int | None, dict[str, str]] = {}
    for one in said:
        texts.setdefault(one.sequence, {})[one.what] = one.text
    shown = [
        EventView(
            sequence=message.sequence,
            id=message.id,
            type=message.type,
            time=message.time,
            fact_at=_facts.decode(message.data).fact_at or message.time,
            data=message.data,
            words=texts.get(message.sequence, {}),
        )
        for message in log
    ]
    return json_response(EventsView(events=shown))


class _Fact(msgspec.Struct):
    fact_at: datetime | None = None


_facts = msgspec.json.Decoder(_Fact)


@router.post("/v1/lookup", response_model=None)
async def lookup(request: Request, _: Caller, ctx: Ctx) -> Response:
    """What a resident may see by the code on the receipt (查询码). The portal asks for them and counts wrong codes."""
    body = await body_of(request, LookupIn)
    code = body.code.replace("-", "").upper()
    async with ctx.pool.acquire() as connection:
        case = await lists.by_code(connection, ctx.vault, code)
        if case is None:
            raise Problem(404, "no_such_code", "码不对 No such code", "请看回执右上角。See the top of the receipt.")
        state = await case_of(connection, case)
    directory = ctx.directory()
    return json_response(
        LookupView(
            case=case,
            number=state.number,
            family=state.family,
            kind=state.kind,
            state=state.state,
            registered_at=state.registered_at,
            lead_name=directory.name_of(state.lead) if state.lead else None,
            due_at=needs.next_due(state),
            as_of=ctx.clock.now(),
        )
    )
