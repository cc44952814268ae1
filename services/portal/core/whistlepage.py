"""The page behind a signed link: what is wanted, by when, and which press comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from services.portal.core import words
from services.portal.core.catalogue import Catalogue
from services.portal.core.limits import Spoken, spoken
from services.portal.core.model import Limit, LinkedWhistle
from services.portal.core.times import moment


@dataclass(frozen=True, slots=True)
class View:
    """stage: answer, attend, four, settle. over: nothing is to be pressed any more."""

    rank: str
    want: str
    caller: str
    limit: Spoken | None
    due: str
    sent: str
    said: str
    title: str
    where: str
    blower: str
    stage: str
    over: bool
    accepted: str


def view(whistle: LinkedWhistle, names: Catalogue, now: datetime, zone: tzinfo) -> View:
    """Lay out the page; no name of a party stands in it."""
    limit = _limit(whistle, now)
    over = whistle.withdrawn or whistle.settled_at is not None or whistle.status in _OVER
    told = f"{moment(whistle.told_at, now, zone)} 发给" if whistle.told_at else "发给"
    return View(
        rank=words.rank(whistle.rank),
        want="请到场" if whistle.attended_at is None else "请解决",
        caller=names.unit(whistle.called_by_unit) if whistle.called_by_unit else "值班席",
        limit=spoken(limit, now, zone) if limit and not over else None,
        due=moment(limit.due_at, now, zone) if limit else "到点",
        sent=f"{told}{words.called(whistle.post, names.unit(whistle.unit or None))}",
        said=_said(whistle, now, zone),
        title=names.kind(whistle.kind),
        where=" ".join(part for part in (names.where(whistle.street, whistle.community), whistle.address) if part),
        blower=_blower(whistle, names),
        stage=stage(whistle),
        over=over,
        accepted=accepted(whistle, now, zone),
    )


_OVER = frozenset({"settled", "withdrawn", "refused", "closed"})


def _limit(whistle: LinkedWhistle, now: datetime) -> Limit | None:
    if whistle.due_at is None:
        return None
    start = whistle.start or whistle.told_at or min(now, whistle.due_at)
    near = whistle.near_at or start + (whistle.due_at - start) * 0.8
    return Limit(limit="", step="attend", start=start, near_at=near, due_at=whistle.due_at)


def _blower(whistle: LinkedWhistle, names: Catalogue) -> str:
    if whistle.called_by_unit:
        return f"{names.unit(whistle.called_by_unit)} {names.person(whistle.called_by)}".strip()
    return "时限到点，由系统按政策吹"


def stage(whistle: LinkedWhistle) -> str:
    """Which press comes next. Attendance answers a whistle too, so it is asked for whenever it is missing."""
    if whistle.attended_at is None:
        return "answer" if whistle.acknowledged_at is None else "attend"
    return "settle" if whistle.answered_at is not None else "four"


def accepted(whistle: LinkedWhistle, now: datetime, zone: tzinfo) -> str:
    """The first of the four elements: when it was accepted."""
    return moment(whistle.acknowledged_at or now, now - timedelta(days=1), zone)


def _said(whistle: LinkedWhistle, now: datetime, zone: tzinfo) -> str:
    if whistle.withdrawn or whistle.status == "withdrawn":
        return "已撤哨，不用来了"
    if whistle.settled_at is not None or whistle.status == "settled":
        return "已解决，多谢"
    if whistle.status == "closed":
        return "案件已结案，不用来了"
    if whistle.answered_at is not None:
        return "四项已交，等您按“解决了”"
    if whistle.attended_at is not None:
        return f"{moment(whistle.attended_at, now, zone)} 已到场"
    if whistle.acknowledged_at is not None:
        answer = words.say(words.ANSWERS, whistle.answer or "coming")
        return f"{moment(whistle.acknowledged_at, now, zone)} 已答：{answer}"
    return ""


def fields(step: str, typed: Mapping[str, str], accepted_at: str) -> Mapping[str, object]:
    """What a press sends to intake. The first element is filled in: nobody types what is known."""
    if step == "":
        answer = typed.get("answer", "")
        named = {name: typed[name].strip() for name in ("name", "reason") if typed.get(name, "").strip()}
        return {"answer": answer, **named}
    if step == "answer":
        given = {name: typed.get(name, "").strip() for name in ("contacted", "measures", "limit")}
        return {"accepted_at": accepted_at, **{name: text for name, text in given.items() if text}}
    return {}
