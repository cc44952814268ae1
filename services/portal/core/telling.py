"""What each event of a case's log says in words."""

from __future__ import annotations

from dataclasses import dataclass

from services.intake.events import facts, mediation, reception, whistle
from services.kernel import holding
from services.kernel.envelope import Event
from services.portal.core import words
from services.portal.core.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Said:
    """An event in words. group: people, limits, notices, system. by: who or what did it."""

    group: str
    icon: str
    strong: str
    rest: str = ""
    by: str = "系统"


def tell(event: Event, names: Catalogue) -> Said:
    """The words for an event; one without words of its own is named by its type."""
    for teller in (_reception, _work, _mediation, _whistle, _routing, _limits, _ladder, _notices):
        said = teller(event, names)
        if said is not None:
            return said
    return unknown(event.TYPE)


def unknown(type_: str) -> Said:
    return Said("system", "note", "有一条新式记录", f"（{type_}），这一版还不会读")


def _reception(event: Event, names: Catalogue) -> Said | None:
    match event:
        case reception.Registered():
            by = names.who(event.receiver) if event.receiver else names.unit(event.receiver_unit or event.system or "")
            where = names.where(event.street, event.community) + ("（约）" if event.approximate else "")
            rest = f"：{names.kind(event.kind)} · {where}"
            return Said("people", "done", words.say(words.CHANNELS, event.channel), rest, by or "外部系统")
        case reception.Dispatched():
            return Said("people", "done", f"派给{names.unit(event.unit)}", _why(event.reason), names.who(event.by))
        case reception.Accepted():
            return Said("people", "done", f"{names.unit(event.unit)}受理", "", names.who(event.by))
        case reception.Declined():
            rest = _why(words.say(words.REASONS, event.reason))
            return Said("people", "back", f"{names.unit(event.unit)}退回", rest, names.who(event.by))
        case reception.Closed():
            return Said("people", "done", "结案", _why(words.say(words.OUTCOMES, event.outcome)), names.who(event.by))
        case reception.Reopened():
            return Said("people", "back", "重新办理", _why(event.reason), names.who(event.by))
        case reception.PartyErased():
            return Said("system", "note", "按申请删除了一位当事人的信息")
        case reception.RevisionOrdered():
            return Said("system", "note", "按新政策重算时限", "", names.who(event.by))
        case _:
            return None


def _work(event: Event, names: Catalogue) -> Said | None:
    match event:
        case reception.Attended():
            rest = f"（应{words.rank(event.rank)}）" if event.rank else ""
            return Said("people", "done", f"{names.unit(event.unit)}到场", rest, names.who(event.by))
        case reception.Disposed():
            rest = f" · 照片 {event.photos} 张" if event.photos else ""
            return Said("people", "done", f"{names.unit(event.unit)}处置好了", rest, names.who(event.by))
        case reception.PhotoAdded():
            return Said("people", "done", "加了一张照片", "", names.who(event.by))
        case reception.Verified(passed=True):
            return Said("people", "done", "核查通过", "", names.who(event.by))
        case reception.Verified():
            return Said("people", "back", "核查没通过", "，返工", names.who(event.by))
        case reception.Urged():
            return Said("people", "done", f"催办{names.unit(event.unit)}", "", names.who(event.by))
        case _:
            return None


def _mediation(event: Event, names: Catalogue) -> Said | None:
    match event:
        case mediation.SessionHeld():
            mode = "背靠背" if event.mode == "back_to_back" else "面对面"
            panel = "、".join(names.person(staff) for staff in event.panel)
            rest = f" · 当事人 {event.present} 位" + (f" · {panel}" if panel else "")
            return Said("people", "done", f"{mode}调解一次", rest, names.who(event.by))
        case mediation.AgreementReached():
            form = "书面" if event.form == "written" else "口头"
            rest = f" · 分 {event.instalments} 期履行" if event.instalments > 1 else ""
            return Said("people", "done", f"达成{form}协议", rest, names.who(event.by))
        case mediation.Performed():
            return Said("people", "done", "全部履行" if event.complete else "履行一期", "", names.who(event.by))
        case _:
            return None


def _whistle(event: Event, names: Catalogue) -> Said | None:
    match event:
        case whistle.WhistleRequested():
            rest = f"，叫{names.unit(event.unit)} · {words.say(words.WHISTLE_KINDS, event.kind)}" + _why(event.reason)
            return Said("people", "whistle", f"{names.unit(event.by_unit)}吹哨", rest, names.who(event.by))
        case whistle.WhistleConfirmed():
            return Said("people", "whistle", f"确认{words.rank(event.rank)}", "", names.who(event.by))
        case whistle.WhistleAcknowledged():
            rest = f"：{words.say(words.ANSWERS, event.answer)}"
            return Said("people", "done", f"{words.rank(event.rank)}应答", rest, names.who(event.by))
        case whistle.WhistleAnswered():
            return Said("people", "done", "填了四项答复", "", names.who(event.by))
        case whistle.WhistleSettled():
            return Said("people", "done", "哨子解决了", "", names.who(event.by))
        case whistle.WhistleWithdrawn():
            return Said("people", "back", "撤回吹哨", _why(event.reason), names.who(event.by))
        case _:
            return None


def _routing(event: Event, names: Catalogue) -> Said | None:
    match event:
        case facts.Assigned():
            return Said("people", "done", f"派给{names.unit(event.unit)}", _assisting(event, names), "按派单规则")
        case facts.PanelFormed():
            people = (event.mediator, event.judicial_head, event.lawyer)
            members = "、".join(names.person(staff) for staff in people if staff)
            return Said("people", "done", "组成调解组", f"：{members}", "按派单规则")
        case facts.PanelUnfilled():
            rest = _why(words.say(words.REASONS, event.reason))
            return Said("people", "question", "调解组缺人", rest, "按派单规则")
        case facts.Unroutable():
            return Said("people", "question", "无处可派", _why(words.say(words.REASONS, event.reason)), "按派单规则")
        case facts.HandedOver():
            way = "上报到" if event.direction == "up" else "交给"
            rest = _why(words.say(words.REASONS, event.reason))
            return Said("people", "done", f"{way}{names.unit(event.unit)}", rest, names.unit(event.from_unit))
        case facts.Superseded():
            return Said("system", "note", "一条建议来晚了，没有采用", _why(words.say(words.REASONS, event.because)))
        case _:
            return None


def _assisting(event: facts.Assigned, names: Catalogue) -> str:
    helped = "、".join(names.unit(unit) for unit in event.assisting)
    return f" · 协办 {helped}" if helped else ""


def _limits(event: Event, _: Catalogue) -> Said | None:
    match event:
        case facts.LimitSet():
            return Said("limits", "normal", f"开始计时：{_step(event.step)}", "", f"按政策第 {event.policy_version} 版")
        case facts.LimitMet():
            late = "（按时做到，报得晚）" if event.reported_late else ""
            return Said("limits", "done", f"{_step(event.step)}按时做到", late)
        case facts.LimitMissed():
            return Said("limits", "overdue", f"{_missed(event)}")
        case facts.LimitStopped():
            return Said("limits", "note", f"{_step(event.step)}不再计时", _why(words.say(words.REASONS, event.because)))
        case facts.LimitRevised():
            return Said("limits", "normal", f"{_step(event.step)}时限调整", "", f"按政策第 {event.policy_version} 版")
        case facts.LimitUnconfirmed():
            return Said("limits", "held", f"{_step(event.step)}到点，没法确认", "，请电话核实")
        case facts.ReminderDue():
            return Said("limits", "overdue", f"提醒：{_step(event.step)}仍没做到")
        case holding.Held():
            return Said("system", "held", "系统暂存", "：受理服务有一条记录读不出")
        case holding.Released():
            return Said("system", "note", "系统暂存解除", "：受理服务")
        case facts.Held():
            return Said("system", "held", "系统暂存", f"：{event.service} 有一条记录读不出")
        case facts.Released():
            return Said("system", "note", "系统暂存解除", f"：{event.service}")
        case _:
            return None


def _missed(event: facts.LimitMissed) -> str:
    if event.rank:
        return f"{words.rank(event.rank)}到点，没有{_step(event.step)}"
    return f"{_step(event.step)}到点，没有做到"


def _step(step: str) -> str:
    return words.say(words.STEPS, step)


def _ladder(event: Event, names: Catalogue) -> Said | None:
    match event:
        case facts.WhistleProposed():
            whom = words.called(event.post, names.unit(event.unit))
            return Said("limits", "whistle", f"提议{words.rank(event.rank)}", f"，叫{whom}，等确认")
        case facts.ProposalWithdrawn():
            return Said("limits", "note", f"{words.rank(event.rank)}提议撤回", "：其实按时到了场")
        case facts.WhistleBlown():
            whom = words.called(event.post, names.unit(event.unit))
            return Said("limits", "whistle", f"{words.rank(event.rank)}吹出", f"，叫{whom}")
        case facts.WhistleRefused():
            return Said("limits", "back", "哨没有吹成", _why(words.say(words.REASONS, event.reason)))
        case facts.LadderExhausted():
            return Said("limits", "overdue", "各级都吹过了，仍没有到场", "，每天提醒")
        case _:
            return None


def _notices(event: Event, names: Catalogue) -> Said | None:
    match event:
        case facts.Told():
            whom = f"{names.person(event.staff)}（{words.called(event.post, names.unit(event.unit))}）"
            via = f" · {words.say(words.CHANNEL_OF_NOTICE, event.channel)}"
            return Said("notices", "note", "送达", f"{whom}{via}")
        case facts.Undeliverable():
            rest = f"{names.unit(event.unit)}" + _why(words.say(words.REASONS, event.reason))
            return Said("notices", "unreached", "通知不到", rest)
        case facts.StoodDown():
            return Said("notices", "note", "告知不用来了", f"：{names.person(event.staff)}")
        case _:
            return None


def _why(reason: str) -> str:
    """`stated` means that the reason was given in words, which stand behind it for who may read them."""
    return f"：{reason}" if reason and reason != "stated" else ""
