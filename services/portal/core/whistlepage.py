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
    why: str
    stage: str
    over: bool
    accepted: str


def view(whistle: LinkedWhistle, names: Catalogue, now: datetime, zone: tzinfo) -> View:
    """Lay out the page; no name of a party stands in it."""
    limit = _limit(whistle, now)
    over = whistle.status in _OVER
    blown = f"{moment(whistle.blown_at, now, zone)} 吹给" if whistle.blown_at else "吹给"
    return View(
        rank=words.rank(whistle.rank),
        want="请到场" if whistle.attended_at is None else "请解决",
        caller=words.short(whistle.by_unit_name) if whistle.by_unit else "值班席",
        limit=spoken(limit, now, zone) if limit and not over else None,
        due=moment(limit.due_at, now, zone) if limit else "到点",
        sent=f"{blown}{words.short(whistle.unit_name) or names.unit(whistle.unit or None)}",
        said=_said(whistle, now, zone),
        title=names.kind(whistle.kind),
        where=" ".join(part for part in (whistle.street_name, whistle.community_name) if part)
        or "地点不明，请打值班电话",
        blower=words.short(whistle.by_unit_name) if whistle.by_unit else "时限到点，由系统按政策吹",
        why=words.say(words.WHISTLE_KINDS, whistle.whistle_kind),
        stage=stage(whistle),
        over=over,
        accepted=accepted(whistle, now, zone),
    )


_OVER = frozenset({"settled", "withdrawn", "refused", "closed"})


NEAR = 0.8
"""The link does not tell where near begins; the policy that is shipped says so."""


def _limit(whistle: LinkedWhistle, now: datetime) -> Limit | None:
    if whistle.due_at is None:
        return None
    start = min(whistle.blown_at or now, whistle.due_at)
    near = start + (whistle.due_at - start) * NEAR
    return Limit(limit="", step="attend", start=start, near_at=near, due_at=whistle.due_at)


def stage(whistle: LinkedWhistle) -> str:
    """Which press comes next. Attendance answers a whistle too, so it is asked for whenever it is missing."""
    if whistle.attended_at is None:
        return "answer" if whistle.acknowledged_at is None else "attend"
    return "settle" if whistle.elements else "four"


def accepted(whistle: LinkedWhistle, now: datetime, zone: tzinfo) -> str:
    """The first of the four elements: when it was accepted."""
    return moment(whistle.acknowledged_at or now, now - timedelta(days=1), zone)


def _said(whistle: LinkedWhistle, now: datetime, zone: tzinfo) -> str:
    if whistle.status == "withdrawn":
        return "已撤哨，不用来了"
    if whistle.status == "settled":
        return "已解决，多谢"
    if whistle.status == "closed":
        return "案件已结案，不用来了"
    if whistle.elements:
        return "四项已交，等您按“解决了”"
    if whistle.attended_at is not None:
        return f"{moment(whistle.attended_at, now, zone)} 已到场"
    if whistle.acknowledged_at is not None:
        answer = words.say(words.ANSWERS, whistle.answer or "coming")
        who = "您" if whistle.yours else "别的负责人"
        return f"{moment(whistle.acknowledged_at, now, zone)} {who}已答：{answer}"
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
