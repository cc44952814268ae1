"""Codes as sentences: Chinese first, English beside it. What is not possible is said, and what would help."""

from __future__ import annotations

from collections.abc import Mapping

STEPS: Mapping[str, str] = {
    "register": "登记 Register",
    "accept": "受理 Accept",
    "decline": "退回 Decline",
    "dispatch": "改派 Reassign",
    "attend": "到场 Attend",
    "dispose": "处置 Dispose",
    "verify": "核查 Verify",
    "close": "结案 Close",
    "reopen": "重新办理 Reopen",
    "urge": "催办 Urge",
    "session": "调解 Session",
    "agreement": "达成协议 Agreement",
    "perform": "履行 Perform",
    "whistle": "吹哨 Whistle",
    "confirm": "确认吹哨 Confirm",
    "acknowledge": "收到 Acknowledge",
    "answer": "答复四项 Answer",
    "settle": "解决了 Settle",
    "withdraw": "撤哨 Withdraw",
    "revise": "改用新办法 Revise",
    "photo": "加照片 Add a photo",
    "erase": "删除个人信息 Erase",
}

REASONS: Mapping[str, str] = {
    "role_may_not": "您的岗位不能做这一步，请交给有此权限的岗位。Not for your post.",
    "not_your_unit": "这件案件不在您的单位手里。The case is not with your unit.",
    "not_your_street": "这件案件不在您的街道。The case is not in your street.",
    "unknown_command": "没有这一步。There is no such step.",
    "unknown_outcome": "没有这种结案结果。There is no such outcome.",
    "unknown_unit": "名录里没有这个单位，或已撤销；请从名录里选。No such unit, or ended: choose one of the directory.",
    "closed": "案件已结案；要再办，请先“重新办理”。Closed: reopen it first.",
    "not_closed": "案件还没结案。Not closed yet.",
    "no_lead": "还没派给任何单位。No unit has it yet.",
    "already_there": "案件已经在这个单位。The unit has it already.",
    "already_accepted": "已经受理过了。Accepted already.",
    "under_way": "已经开始办理，不能再退回；请改派。Under way: reassign it instead.",
    "already_disposed": "已经处置过了。Disposed already.",
    "not_disposed": "还没处置，没有可核查的。Not disposed yet.",
    "not_verified": "还缺核查。Verification is missing.",
    "not_performed": "还没履行完，也没有解决的吹哨。Not performed yet.",
    "not_a_dispute": "只有矛盾纠纷才调解。Only disputes are mediated.",
    "already_agreed": "已达成协议，不能再改。Agreed already.",
    "no_session": "还没开过调解会。No session was held.",
    "no_agreement": "还没达成协议。There is no agreement yet.",
    "already_performed": "已经履行完了。Performed already.",
    "already_whistling": "已有一个吹哨在途。A whistle is on its way already.",
    "no_whistle": "没有在途的吹哨。There is no whistle under way.",
    "whistle_ended": "这个吹哨已经结束。This whistle has ended.",
    "nothing_proposed": "没有待确认的吹哨。Nothing waits for your press.",
    "seen_ahead": "您说看到的比现在的还新；请刷新后再试。`seen` is ahead of the case.",
    "in_future": "发生时间不能晚于现在。The time lies ahead.",
    "too_early": "发生时间太早，请核对年份。The time is too early: check the year.",
    "no_zone": "时间缺时区，例如 +08:00。The time has no zone.",
}

FIELDS: Mapping[str, str] = {
    "nul": "含有空字符，请删去。It contains a NUL character.",
    "direction_marks": "含有改变文字方向的隐藏字符，请删去。It contains hidden marks that turn the text's direction.",
    "control_characters": "含有看不见的控制字符，请删去。It contains control characters.",
    "id_form": "身份证号应为 18 位（数字或末位 X）。18 digits, the last may be X.",
    "id_birth": "身份证号里的出生日期不对，请照证件再看。The birth date in it is not a date.",
    "id_check_digit": "末位对不上，请照证件再看（数字或 X）。The check digit does not fit.",
    "telephone_form": "电话号码形式不对，请再看。Not the form of a telephone number.",
    "time_is_text": "时间应写成文字，如 2026-11-29T09:00:00+08:00。A time is a text like 2026-11-29T09:00:00+08:00.",
    "blank": "不能只有空格。It must not be blank.",
}

CHANGED: Mapping[str, str] = {
    "case.assigned.v1": "已派单",
    "case.handed_over.v1": "已移交",
    "case.dispatched.v1": "已改派",
    "case.declined.v1": "已退回",
    "case.accepted.v1": "已受理",
    "case.attended.v1": "已到场",
    "case.disposed.v1": "已处置",
    "case.verified.v1": "已核查",
    "case.closed.v1": "已结案",
    "case.reopened.v1": "已重新办理",
    "case.session_held.v1": "已开调解会",
    "case.agreement_reached.v1": "已达成协议",
    "case.performed.v1": "已履行",
    "case.unroutable.v1": "无处可派",
    "case.whistle_requested.v1": "已吹哨",
    "case.whistle_confirmed.v1": "已确认吹哨",
    "case.whistle_settled.v1": "吹哨已解决",
    "case.whistle_withdrawn.v1": "已撤哨",
    "case.whistle_proposed.v1": "系统提议吹哨",
    "case.whistle_blown.v1": "哨已吹响",
    "case.proposal_withdrawn.v1": "提议已撤回",
}


def step(name: str) -> str:
    """The step's name."""
    return STEPS.get(name, name)


def reason(code: str) -> str:
    """Why not, as a sentence."""
    return REASONS.get(code, code)
