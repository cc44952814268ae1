"""Alarms in words: what it means, and what to do. Chinese first, English beside it."""

from __future__ import annotations

from services.oversight.core.audit import Reason

WORDS: dict[Reason, tuple[str, str]] = {
    Reason.TIMER_SILENT: (
        "计时没有声音：有事该到点却没有人说话。请打值班电话核对下列各件，并看“积压”页。",
        "The timer is silent: something should have been said and was not. Telephone about the cases, look at Lag.",
    ),
    Reason.MARKS_OLD: (
        "进度标记停了：到点的时限不会再触发。请看受理服务（intake）的发送进程。",
        "Progress marks have stopped: no limit fires. Look at intake's relay.",
    ),
    Reason.LIMIT_UNANSWERED: (
        "时限已过，却没有“办到”也没有“超时”的记录。请先打电话，再看时限服务（escalation）。",
        "Limits have passed and neither met nor missed is on record. Telephone first, then look at escalation.",
    ),
    Reason.CASE_WITHOUT_LIMIT: (
        "案件已派出，却没有任何时限在管。请看时限服务（escalation）和它的办理规则。",
        "Cases have a unit but no limit was ever set. Look at escalation and its policy.",
    ),
    Reason.REQUEST_UNANSWERED: (
        "请求没有答复：派单或吹哨交出去以后没有回音。请看派单服务（routing）和时限服务（escalation）。",
        "Requests without an answer. Look at routing (assignment) and escalation (whistle).",
    ),
    Reason.NOBODY_TOLD: (
        "哨已吹出，却没有“已通知”也没有“通知不到”。请直接打电话，再看通知服务（notify）。",
        "Whistles were blown and nobody is known to have been told. Telephone, then look at notify.",
    ),
    Reason.UNDELIVERABLE: (
        "通知不到：哨已吹出，谁都没通知到。请值班坐席直接打电话。",
        "Not reached: whistles were blown and nobody could be told. The duty seat telephones.",
    ),
    Reason.CASE_HELD: (
        "系统暂存：有记录读不了，后面的先放着。请先试跑再重放：maodiao redrive --dry-run。",
        "Cases are held behind a record that can't be read. Try `maodiao redrive --dry-run`, then redrive.",
    ),
    Reason.GROUP_STOPPED: (
        "有服务停了：没有进程在读。请启动它：maodiao status。",
        "A consumer group has no member. Start the service; `maodiao status` shows which.",
    ),
    Reason.GROUP_STALLED: (
        "有服务卡住了：进程在，记录在等，却没有往前走。请看它的日志。",
        "A consumer group has members and does not move while records wait. Read its log.",
    ),
    Reason.WATCH_BEHIND: (
        "监督服务自己落后了：一屏和稽核看到的是旧情况。",
        "Oversight itself is behind: screen and audit see an older state.",
    ),
}
