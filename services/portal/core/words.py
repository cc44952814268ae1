"""Codes of the services in words: Chinese first, English beside. An unknown code is shown as it is."""

from __future__ import annotations

from collections.abc import Mapping

ROLES: Mapping[str, str] = {
    "clerk": "窗口",
    "seat": "坐席",
    "grid": "网格员",
    "mediator": "调解员",
    "centre": "中心",
    "street": "街道",
    "department": "部门",
    "leader": "领导",
    "supervisor": "监督",
    "ops": "运维",
    "service": "系统",
}
POSTS: Mapping[str, str] = {
    "head": "负责人",
    "duty_seat": "值班坐席",
    "on_duty": "值班员",
    "judicial_head": "司法所长",
    "lawyer": "驻点律师",
    "mediator": "调解员",
    "party_secretary": "区委书记",
    "district_head": "区长",
    "leader_in_charge": "分管副区长",
    "supervisor": "督办专员",
    "clerk": "窗口登记员",
    "grid": "网格员",
    "grid_worker": "网格员",
    "ops": "运维值班",
}
STATES: Mapping[str, str] = {
    "registered": "已登记",
    "unroutable": "无处可派",
    "assigned": "已派出",
    "dispatched": "已派出",
    "accepted": "已受理",
    "declined": "已退回",
    "attended": "已到场",
    "disposed": "已处置",
    "verified": "核查通过",
    "rework": "返工",
    "panel_formed": "已组调解组",
    "mediating": "调解中",
    "in_session": "调解中",
    "session_held": "调解中",
    "agreed": "已达成协议",
    "agreement_reached": "已达成协议",
    "performing": "履行中",
    "performed": "已履行",
    "closed": "已结案",
}
CHANNELS: Mapping[str, str] = {
    "window": "窗口登记",
    "telephone": "电话",
    "grid": "网格员上报",
    "system": "外部系统转来",
    "web": "网上登记",
    "visit": "上门走访",
}
STEPS: Mapping[str, str] = {
    "accept": "受理",
    "dispose": "处置",
    "verify": "核查",
    "convene": "首次调解",
    "mediate": "调解",
    "perform": "履行",
    "attend": "到场",
    "settle": "解决",
    "told": "通知到人",
    "close": "结案",
    "case": "整件事",
    "respond": "到场",
}
SCALES: Mapping[str, str] = {"01": "个体性", "02": "一般群体性", "03": "重大群体性"}
FAMILIES: Mapping[str, str] = {"dispute": "矛盾纠纷", "incident": "街面事件"}
PARTY_ROLES: Mapping[str, str] = {
    "applicant": "申请人",
    "respondent": "对方",
    "reporter": "报告人",
    "agent": "代办人",
}
WHISTLE_KINDS: Mapping[str, str] = {
    "outcry": "群众诉求",
    "joint_enforcement": "联合执法",
    "emergency": "应急处置",
    "stalled": "超时未办",
}
OUTCOMES: Mapping[str, str] = {
    "settled": "调解成功",
    "disposed": "已处置",
    "not_settled": "调解不成",
    "refused": "不受理",
    "withdrawn": "撤回",
    "merged": "并案",
    "performed": "已履行",
}
ANSWERS: Mapping[str, str] = {"coming": "收到，我去", "sending": "收到，派人去", "returned": "不归我管，退回"}
CHANNEL_OF_NOTICE: Mapping[str, str] = {
    "mail": "邮件",
    "email": "邮件",
    "smtp": "邮件",
    "webhook": "接口",
    "sms": "短信",
    "voice": "语音",
}
NOTICE_ROLES: Mapping[str, str] = {"on_duty": "值班员", "head": "负责人", "duty_seat": "值班坐席"}
REASONS: Mapping[str, str] = {
    "no_place": "没有对上街道",
    "no_route": "这类事没有定由谁办",
    "unit_ended": "原单位已撤销",
    "loop": "转了太多次",
    "all_declined": "都退回了",
    "nobody_on_chain": "值班人、负责人、上级值班都没有排人",
    "channels_failed": "各渠道都没送到",
    "closed": "已结案",
    "withdrawn": "已撤回",
    "settled": "已解决",
    "disposed": "已处置",
    "merged": "已并案",
    "requested": "有人吹哨",
    "confirmed": "已确认",
    "not_ours": "不归本单位管",
    "superseded": "情况已经变了",
    "answered": "已经答复",
    "undeliverable": "通知不到",
    "told": "已通知到",
    "escalated": "已到上一级",
    "blown": "已吹出",
    "attended": "已到场",
    "reassigned": "已改派",
    "answer": "已答复",
    "wrong_kind": "类别不对",
    "no_policy": "现行政策没有这一种哨",
    "already_running": "这个哨已经在吹",
    "no_such_rank": "没有这一级",
    "wrong_place": "地点不对",
    "no_means": "没有条件办",
    "no_mediator": "没有能坐这一桌的调解员",
}
QUEUE_REASONS: Mapping[str, str] = {
    "whistle_proposed": "待确认",
    "undeliverable": "通知不到",
    "unroutable": "无处可派",
    "panel_unfilled": "没有调解员",
    "held": "系统暂存",
    "limit_unconfirmed": "时限没法确认",
    "overdue": "超时",
    "exhausted": "各级都吹过",
}
COMMANDS: Mapping[str, tuple[str, str]] = {
    "accept": ("受理", "Accept"),
    "decline": ("退回", "Decline"),
    "dispatch": ("指派", "Assign"),
    "attend": ("有人到场了", "Attended"),
    "dispose": ("处置好了", "Disposed"),
    "verify": ("记核查结果", "Verify"),
    "close": ("结案", "Close"),
    "reopen": ("重新办理", "Reopen"),
    "urge": ("催办", "Urge"),
    "session": ("记一次调解", "Session"),
    "agreement": ("达成协议", "Agreement"),
    "perform": ("记履行", "Performed"),
    "whistle": ("吹哨", "Whistle"),
    "confirm": ("确认再吹", "Confirm"),
    "answer": ("填四项", "Answer"),
    "settle": ("解决了", "Settled"),
    "withdraw": ("撤回吹哨", "Withdraw"),
    "acknowledge": ("收到", "Acknowledge"),
}
MISSING: Mapping[str, str] = {
    "no_lead": "还没派给任何单位",
    "not_disposed": "缺处置结果",
    "not_verified": "缺核查",
    "not_performed": "缺履行，也没有解决的吹哨",
    "no_session": "缺调解记录",
    "no_agreement": "缺协议书",
    "under_way": "已经开始办理，要换单位请改派",
    "already_whistling": "已有一个哨在途",
    "whistle_ended": "这个哨已经结束",
    "closed": "已结案，要再办请先“重新办理”",
}
NO_NEWS = frozenset(
    {
        "not_a_dispute",
        "not_closed",
        "nothing_proposed",
        "no_whistle",
        "closed",
        "already_accepted",
        "already_disposed",
        "already_agreed",
        "already_performed",
        "already_there",
        "already_whistling",
    }
)
"""Why a step is not possible, where nobody would have looked for it."""
AWAITING: Mapping[str, str] = {
    "assignment": "等派单结果",
    "assigned": "等派单结果",
    "routing": "等派单结果",
    "panel": "等组成调解组",
    "whistle": "等吹哨结果",
    "blown": "等吹哨结果",
    "told": "等通知送达",
    "revision": "等时限调整",
}
_NUMERALS = "零一二三四五六七八九"


def say(table: Mapping[str, str], code: str | None) -> str:
    """The word for a code; the code itself where it has none, so that nothing is hidden."""
    return table.get(code, code) if code else ""


def command(code: str) -> str:
    """The Chinese name of a step."""
    return COMMANDS[code][0] if code in COMMANDS else code


def rank(number: int) -> str:
    """一哨, 二哨, 三哨 …"""
    return (_NUMERALS[number] if 0 <= number < len(_NUMERALS) else str(number)) + "哨"


def not_yet(code: str, because: str | tuple[str, ...], says: str = "") -> str:
    """A step that is not allowed, as a sentence: 结案还不行：缺核查。

    Args:
        because: code or codes of why. says: the service's own sentence, used where a code has no words here.
    """
    codes = (because,) if isinstance(because, str) else because
    causes = "、".join(MISSING.get(cause, chinese(says) or cause) for cause in codes if cause)
    return f"{command(code)}还不行：{causes.removesuffix('。')}。" if causes else f"{command(code)}还不行。"


def chinese(text: str) -> str:
    """The Chinese part of a text that has its English behind it."""
    kept = text.rstrip()
    while kept and kept[-1].isascii():
        kept = kept[:-1]
    return kept


def called(post: str, unit_name: str) -> str:
    """Whom a rank calls: 区排水所负责人; the district's leaders by post alone."""
    title = say(POSTS, post)
    return title if post in {"party_secretary", "district_head", "leader_in_charge"} else f"{unit_name}{title}"


def short(name: str) -> str:
    """The short name that stands in brackets at the end of a long one: 红桥区……中心（区矛调中心） → 区矛调中心."""
    before, bracket, inner = name.rpartition("（")
    return inner.removesuffix("）") if bracket and before and inner.endswith("）") else name


def awaiting(what: str) -> str:
    """What a case waits for from a service; `whistle w1` carries the name of the whistle behind the code."""
    code = what.split(" ", 1)[0]
    return AWAITING.get(code, f"等{code}")
