"""The duty seat's rows (值班): what each says, which button it carries, and the filters with their counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo

from services.portal.core import numbers, words
from services.portal.core.catalogue import Catalogue
from services.portal.core.limits import Spoken, speak, step_limit
from services.portal.core.model import Case, Queue, Rank, Totals, Whistle
from services.portal.core.times import Light, moment, waited

FILTERS = (
    ("todo", "待处理", "To do"),
    ("whistle", "吹哨", ""),
    ("overdue", "超时", ""),
    ("near", "临期", ""),
    ("held", "暂存", ""),
    ("open", "全部在办", "All open"),
)
TAGS = ("whistle", "overdue", "near", "held")
"""Filters that look at a row's tags."""

LISTED = 50
"""So many rows a list shows at most; how many there are is said above it."""

_FAR = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """One row. icon: name of a shape. tone: colour class. action: command of its button; without one, `waits` shows."""

    case: Case
    icon: str
    tone: str
    head: str
    under: str
    title: str
    where: str
    line: str
    unit: str
    unit_line: str
    action: str | None
    action_words: str
    waits: str
    limit: Spoken | None
    tags: tuple[str, ...]
    proposal: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """at_least: counted from lists that were cut, so there may be more."""

    key: str
    chinese: str
    english: str
    count: int
    at_least: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """Rows of a list. total: how many there are without a filter. cut: not all of them were looked at."""

    rows: tuple[Row, ...]
    total: int
    cut: bool
    words: str


@dataclass(frozen=True, slots=True)
class Duty:
    """The page: two lists with what is said of each, and the counts of the filters."""

    needs_you: Listed
    on_the_clock: Listed
    filters: tuple[Filter, ...]
    next_due: str


def duty(queue: Queue, chosen: str, catalogue: Catalogue, now: datetime, zone: tzinfo) -> Duty:
    """Lay out the queue.

    Args:
        chosen: key of a filter; an unknown one shows all.
    """
    # What is only late stands among what runs, on top, with its button; needs_you is what nobody else can do.
    waiting = [case for case in queue.needs_you if case.reason != "overdue"]
    late = [case for case in queue.needs_you if case.reason == "overdue"]
    totals = queue.totals or Totals(waiting=len(waiting), late=len(late), running=len(queue.on_the_clock))
    running_ = {case.case: case for case in (*queue.on_the_clock, *late)}
    for case in waiting:
        running_.pop(case.case, None)
    needs = [_needs(case, catalogue, now, zone) for case in waiting]
    # Late and running were each cut, so the first of the two together are the most urgent; beyond LISTED late ones
    # the order among those is intake's.
    clock = sorted((row(case, catalogue, now, zone) for case in running_.values()), key=_due)[:LISTED]
    return Duty(
        needs_you=_listed(needs, totals.waiting, chosen, "别人做不了"),
        on_the_clock=_listed(clock, totals.late + totals.running, chosen, "先到点的在上", hidden=chosen == "todo"),
        filters=_filters((*needs, *clock), totals),
        next_due=_next_due(clock),
    )


def _listed(rows: Sequence[Row], known: int, chosen: str, order: str, hidden: bool = False) -> Listed:
    total = max(known, len(rows))  # counted a moment after the rows were read
    shown = () if hidden else tuple(one for one in rows if _shown(one, chosen))
    cut = len(rows) < total
    said = f"{len(shown)} 件 · {order}"
    if hidden:
        said = f"有 {numbers.count(total)} 件，这样筛不列"
    elif cut and chosen in TAGS:
        said = f"有 {numbers.count(total)} 件，在最急的 {len(rows)} 件里筛出 {len(shown)} 件"
    elif cut:
        said = f"有 {numbers.count(total)} 件，先列最急的 {len(rows)} 件"
    return Listed(shown, total, cut, said)


def _filters(rows: Sequence[Row], totals: Totals) -> tuple[Filter, ...]:
    """Totals are known; what is counted of tags is a lower bound where there are more rows than were listed."""
    open_ = max(totals.waiting + totals.late + totals.running, len(rows))
    counts = {"todo": totals.waiting, "open": open_}
    for one in rows:
        for tag in one.tags:
            counts[tag] = counts.get(tag, 0) + 1
    more = open_ > len(rows)
    return tuple(Filter(key, zh, en, counts.get(key, 0), more and key in TAGS) for key, zh, en in FILTERS)


def _shown(one: Row, chosen: str) -> bool:
    return chosen not in TAGS or chosen in one.tags


def _due(one: Row) -> tuple[bool, datetime]:
    if one.limit is None:
        return (True, one.case.registered_at or _FAR)
    return (False, one.limit.count.due_at)


def _next_due(rows: Sequence[Row]) -> str:
    for one in rows:
        if one.limit is not None and one.limit.count.light in (Light.NORMAL, Light.NEAR):
            return f"{one.limit.count.due_words.removesuffix(' 到点')} {one.title}"
    return ""


def row(case: Case, catalogue: Catalogue, now: datetime, zone: tzinfo) -> Row:
    """A row on the clock; only an overdue one carries a button."""
    limit = speak(step_limit(case), now, zone)
    late = limit is not None and limit.count.light is Light.OVERDUE
    return Row(
        case=case,
        icon=limit.count.light.value if limit else "none",
        tone=limit.count.light.value if limit else "quiet",
        head=limit.count.words if limit else "没有在计时",
        under="",
        title=catalogue.kind(case.kind),
        where=catalogue.street(case.street),
        line=" · ".join(_origin(case, now, zone)),
        unit=catalogue.unit(case.lead),
        unit_line=" · ".join(_progress(case)),
        action="urge" if late and case.lead else None,
        action_words="催办",
        waits=_waits(case, limit, now, zone),
        limit=limit,
        tags=_tags(case, limit),
    )


def _tags(case: Case, limit: Spoken | None) -> tuple[str, ...]:
    tags = []
    if any(running(whistle) for whistle in case.whistles):
        tags.append("whistle")
    if limit is not None and limit.count.light in (Light.OVERDUE, Light.NEAR):
        tags.append(limit.count.light.value)
    if case.held:
        tags.append("held")
    return tuple(tags)


def running(whistle: Whistle) -> bool:
    """Whether anybody is still expected to act on a whistle."""
    return whistle.status not in ("settled", "withdrawn", "refused", "closed")


def _origin(case: Case, now: datetime, zone: tzinfo) -> list[str]:
    said = [words.say(words.CHANNELS, case.channel)]
    if case.registered_at is not None:
        said[0] = f"{said[0]} {moment(case.registered_at, now, zone)}"
    if case.text:
        said.append(case.text if len(case.text) <= 16 else case.text[:16] + "……")
    return said


def _progress(case: Case) -> list[str]:
    said = [words.say(words.STATES, case.state)]
    for whistle in case.whistles:
        if running(whistle) and whistle.ranks:
            said.append(f"{words.rank(whistle.ranks[-1].rank)}{_whistle_state(whistle.ranks[-1])}")
    return said


def _whistle_state(rank: Rank) -> str:
    if rank.attended_at:
        return "已到场"
    if rank.acknowledged_at:
        return "已收到"
    if rank.told_at:
        return "已送达"
    return "已吹出" if rank.blown_at else "待确认"


def _waits(case: Case, limit: Spoken | None, now: datetime, zone: tzinfo) -> str:
    if case.awaiting:
        return words.awaiting(case.awaiting[0].what)
    if limit is None:
        return "—"
    if limit.count.light is Light.OVERDUE:
        return f"等{limit.step}"
    due = moment(limit.limit.due_at, now, zone)
    return f"等{limit.step} {due if len(due) <= 5 else due[:-6]}"


@dataclass(frozen=True, slots=True)
class _Need:
    icon: str
    tone: str
    head: str
    action: str | None
    action_words: str


_NEEDS = {
    "undeliverable": _Need("unreached", "ink", "通知不到", "dispatch", "改叫别人"),
    "unroutable": _Need("question", "ink", "无处可派", "dispatch", "指派"),
    "held": _Need("held", "held", "系统暂存", None, "电话核实"),
    "limit_unconfirmed": _Need("held", "held", "没法确认", None, "电话核实"),
    "exhausted": _Need("overdue", "overdue", "各级都吹过", None, "电话督办"),
}


def _needs(case: Case, catalogue: Catalogue, now: datetime, zone: tzinfo) -> Row:
    """A row that only a person can settle."""
    base = row(case, catalogue, now, zone)
    need, under, line, unit_line = _case_for(case, catalogue, now, zone)
    whistle = proposed(case) if case.reason == "whistle_proposed" else None
    return replace(
        base,
        icon=need.icon,
        tone=need.tone,
        head=need.head,
        under=under,
        line=line or base.line,
        unit_line=unit_line or base.unit_line,
        action=need.action,
        action_words=need.action_words,
        waits=need.action_words,
        tags=tuple(dict.fromkeys((*base.tags, "whistle"))) if whistle else base.tags,
        proposal=(whistle[0].obligation, whistle[1].rank) if whistle else None,
    )


def _case_for(case: Case, catalogue: Catalogue, now: datetime, zone: tzinfo) -> tuple[_Need, str, str, str]:
    if case.reason == "whistle_proposed":
        return _proposed(case, catalogue, now, zone)
    need = _NEEDS.get(
        case.reason or "", _Need("question", "ink", words.say(words.QUEUE_REASONS, case.reason), None, "看")
    )
    if case.reason == "held" and case.held:
        held = case.held[0]
        since = f"{moment(held.since, now, zone)} 起" if held.since else ""
        return need, f"{since} 时限没法确认".strip(), "有记录读不出，修好前不会自动吹哨", "值班电话可拨"
    if case.reason == "unroutable":
        return need, "等您指派", "", "没有对上承办单位"
    if case.reason == "undeliverable":
        return need, "值班人没联系上", "值班人、负责人、上级值班都没接通", ""
    return need, "", "", ""


def _proposed(case: Case, catalogue: Catalogue, now: datetime, zone: tzinfo) -> tuple[_Need, str, str, str]:
    proposal = proposed(case)
    if proposal is None:
        return _Need("whistle", "whistle", "吹哨待确认", "confirm", "去确认"), "", "", ""
    _, rank = proposal
    name = words.rank(rank.rank)
    since = f"已等 {waited(rank.proposed_at, now)}" if rank.proposed_at else ""
    before = _before(case, rank, now, zone)
    call = f"{name}将叫：{words.called(rank.post, catalogue.unit(rank.unit or None))}"
    return _Need("whistle", "whistle", f"{name}待确认", "confirm", f"确认{name}"), since, before, call


def _before(case: Case, rank: Rank, now: datetime, zone: tzinfo) -> str:
    for whistle in case.whistles:
        for lower in whistle.ranks:
            if lower.rank == rank.rank - 1 and lower.told_at is not None:
                return f"{words.rank(lower.rank)} {moment(lower.told_at, now, zone)} 送达，到点没有到场"
    return "时限到点，没有人办"


def proposed(case: Case) -> tuple[Whistle, Rank] | None:
    """The rank that waits for one press, with its whistle."""
    for whistle in case.whistles:
        for rank in whistle.ranks:
            if running(whistle) and rank.proposed_at is not None and rank.blown_at is None:
                return whistle, rank
    return None
