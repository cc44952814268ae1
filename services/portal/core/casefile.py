"""The case page (案件): where it stands, what may be done, what not yet and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from services.portal.core import words
from services.portal.core.catalogue import Catalogue
from services.portal.core.ladder import Ladder, ladders
from services.portal.core.limits import Spoken, speak, step_limit, whole_limit
from services.portal.core.model import Case
from services.portal.core.queue import proposed, running
from services.portal.core.times import moment, waited

ONE_PRESS = frozenset({"accept", "attend", "dispose", "urge", "settle", "confirm", "perform"})
"""Steps that need nothing but the press; the others open a small form."""
ORDER = (
    "confirm",
    "accept",
    "attend",
    "dispose",
    "verify",
    "session",
    "agreement",
    "perform",
    "settle",
    "close",
    "urge",
    "dispatch",
    "whistle",
    "withdraw",
    "decline",
    "reopen",
)
"""The order in which steps stand; the first allowed one is the primary button."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step that may be taken now. obligation, rank: the whistle that it is about. choices: outcomes, with words."""

    command: str
    chinese: str
    english: str
    one_press: bool
    primary: bool
    obligation: str = ""
    rank: int = 0
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CaseFile:
    """All that the page says, beside people, file and timeline."""

    case: Case
    title: str
    english: str
    number_line: str
    step: Spoken | None
    whole: Spoken | None
    who: tuple[tuple[str, str, str], ...]
    ladders: tuple[Ladder, ...]
    waiting: str
    waiting_more: str
    steps: tuple[Step, ...]
    not_yet: tuple[str, ...]
    held: str
    awaiting: str
    why: tuple[str, ...]


def casefile(case: Case, catalogue: Catalogue, now: datetime, zone: tzinfo) -> CaseFile:
    """Lay out a case."""
    step, whole = step_limit(case), whole_limit(case)
    if whole is not None and step is not None and whole.limit == step.limit:
        whole = None
    return CaseFile(
        case=case,
        title=catalogue.kind(case.kind),
        english=catalogue.kind_en(case.kind).capitalize(),
        number_line=_number_line(case, catalogue, now, zone),
        step=speak(step, now, zone),
        whole=speak(whole, now, zone),
        who=_who(case, catalogue),
        ladders=ladders(case, catalogue, now, zone),
        waiting=_waiting(case, catalogue, step is not None),
        waiting_more=_more(case),
        steps=steps(case),
        not_yet=_not_yet(case),
        held=_held(case, now, zone),
        awaiting=_awaiting(case, now),
        why=_why(case, catalogue),
    )


def steps(case: Case) -> tuple[Step, ...]:
    """The allowed steps in the order of use. The link of a whistle answers for itself, so its steps are left to it."""
    allowed = {one.command: one.choices for one in case.allowed}
    made: list[Step] = []
    for command in _order(case):
        if command not in allowed:
            continue
        chinese, english = words.COMMANDS[command]
        obligation, rank = _about(case, command)
        if command == "confirm" and rank:
            chinese = f"确认{words.rank(rank)}"
        made.append(
            Step(
                command=command,
                chinese=chinese,
                english=english,
                one_press=command in ONE_PRESS,
                primary=not made,
                obligation=obligation,
                rank=rank,
                choices=tuple((code, words.say(words.OUTCOMES, code)) for code in allowed[command]),
            )
        )
    return tuple(made)


def _order(case: Case) -> tuple[str, ...]:
    """What a whistle waits for comes first; without one nobody goes on site for a dispute."""
    if any(running(whistle) for whistle in case.whistles):
        return tuple(dict.fromkeys(("confirm", "attend", "settle", *ORDER)))
    if case.family != "dispute":
        return ORDER
    on_site = ("attend", "dispose", "verify")
    return (*(command for command in ORDER if command not in on_site), *on_site)


_AT_THE_SEAT = ("confirm", "attend", "urge", "dispatch", "whistle", "verify", "accept", "dispose", "close")


def at_the_seat(file: CaseFile) -> tuple[Step, ...]:
    """The few steps beside the duty seat's list; the page of the case has all."""
    known = {step.command: step for step in file.steps}
    wanted = [c for c in _AT_THE_SEAT if c != "attend" or "attend" in _order(file.case)[:3]]
    chosen = [known[command] for command in wanted if command in known][:5]
    return tuple(replace(step, primary=at == 0) for at, step in enumerate(chosen))


_FOREIGN = {
    "incident": frozenset({"session", "agreement", "perform"}),
    "dispute": frozenset({"dispose", "verify"}),
}
"""Steps that cases of a family do not take in the ordinary course: that they are not possible is no news."""


def _not_yet(case: Case) -> tuple[str, ...]:
    """What is missing, as sentences. What is simply of another family or already done is no news and is left out."""
    foreign = _FOREIGN.get(case.family, frozenset())
    telling = [one for one in case.not_yet if one.because not in words.NO_NEWS and one.command not in foreign]
    return tuple(words.not_yet(one.command, one.because, one.says) for one in telling)


def _about(case: Case, command: str) -> tuple[str, int]:
    if command == "confirm":
        found = proposed(case)
        return (found[0].obligation, found[1].rank) if found else ("", 0)
    live = [whistle for whistle in case.whistles if running(whistle)]
    if command in ("attend", "settle", "withdraw") and live:
        blown = [rank.rank for rank in live[-1].ranks if rank.blown_at is not None]
        return live[-1].obligation, max(blown, default=0)
    return "", 0


def _number_line(case: Case, catalogue: Catalogue, now: datetime, zone: tzinfo) -> str:
    when = f"{moment(case.registered_at, now, zone)} " if case.registered_at else ""
    parts = [case.number or "编号待定", f"{when}{words.say(words.CHANNELS, case.channel)}".strip()]
    where = catalogue.where(case.street, case.community) + ("（约）" if case.approximate else "")
    return " · ".join((*parts, where))


def _who(case: Case, catalogue: Catalogue) -> tuple[tuple[str, str, str], ...]:
    assisting = "、".join(catalogue.unit(unit) for unit in case.assisting)
    rows = [("主办", "Lead", catalogue.unit(case.lead))]
    if assisting:
        rows.append(("协办", "Assist", assisting))
    if case.centre:
        rows.append(("督办", "Centre", catalogue.unit(case.centre)))
    if case.panel and case.panel.mediator:
        people = (case.panel.mediator, case.panel.judicial_head, case.panel.lawyer)
        rows.append(("调解组", "Panel", "、".join(catalogue.person(staff) for staff in people if staff)))
    if case.receiver:
        rows.append(("首接", "First", f"{catalogue.person(case.receiver)}（跟到底）"))
    return tuple(rows)


_WAITING = {
    "registered": "等派单",
    "unroutable": "等值班坐席指派",
    "assigned": "等受理",
    "accepted": "等处置",
    "mediating": "等达成协议",
    "agreed": "等履行",
    "performed": "等结案",
    "disposed": "等核查",
    "verified": "等结案",
    "closed": "没有了，已结案",
}


def _waiting(case: Case, catalogue: Catalogue, limited: bool) -> str:
    if proposed(case) is not None:
        return "值班坐席确认再吹一级"
    for whistle in reversed(case.whistles):
        blown = [rank for rank in whistle.ranks if rank.blown_at is not None]
        if running(whistle) and blown:
            whom = words.called(blown[-1].post, catalogue.unit(blown[-1].unit or case.lead))
            return f"{whom}来解决" if whistle.status == "attended" else f"{whom}到场"
    if case.state == "accepted" and case.family == "dispute":
        return "第一次调解"
    plain = _WAITING.get(case.state, words.say(words.STATES, case.state))
    return plain.removeprefix("等") if limited or plain.startswith("等") else plain


def _more(case: Case) -> str:
    if proposed(case) is not None:
        return "系统只提议；由您按一下才吹。有人按时到过场，就先记到场。"
    if any(running(whistle) for whistle in case.whistles):
        return "有人到了就记下，下一级不再提议。事情办妥，才算解决。"
    if case.state == "closed":
        return "居民不满意可以重新办理，时限从那时重新算。"
    return ""


def _held(case: Case, now: datetime, zone: tzinfo) -> str:
    if not case.held:
        return ""
    since = f"（{moment(case.held[0].since, now, zone)} 起）" if case.held[0].since else ""
    return f"系统暂存：{len(case.held)} 条记录待修{since}，时限没法确认，请按钟点电话核实"


def _awaiting(case: Case, now: datetime) -> str:
    return "；".join(f"{words.awaiting(one.what)}，已 {waited(one.since, now)}" for one in case.awaiting)


def _why(case: Case, catalogue: Catalogue) -> tuple[str, ...]:
    if case.lead is None:
        return ("还没派出去。",)
    said = [f"类别“{catalogue.kind(case.kind)}”，地点在{catalogue.where(case.street, case.community)}。"]
    if case.approximate:
        said.append("位置按最近的街道中心估的，不是边界，派错了请退回。")
    return tuple(said)
