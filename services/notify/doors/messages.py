"""What people read. Chinese first, English after it; codes, places and numbers, no party's name and no free text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.host.tokens import Link, mint_link
from services.kernel.clock import Clock
from services.kernel.envelope import derived_id
from services.notify.core.calls import STOOD_DOWN, WHISTLE, Call, Case
from services.notify.core.roster import DUTY_SEAT
from services.notify.doors.channels.port import Message
from services.notify.doors.directory import Names
from services.notify.store.deliveries import Claim

RANKS = ("", "一哨", "二哨", "三哨", "四哨", "五哨")


@dataclass(frozen=True, slots=True)
class Words:
    """One purpose in words: title and what is wanted, Chinese and English. `{rank}` is 一哨, 二哨 …"""

    title: str
    title_en: str
    wanted: str
    wanted_en: str


WORDS = {
    WHISTLE: Words(
        "{rank}：请到场",
        "Whistle {number}: please come to the site",
        "请您到场。打开下面的链接看清事项，再按“收到，我去”“收到，派人去”或“不归我管，退回”。打开链接不算“收到”。",
        "Please come to the site. Open the link, read, press one of the three answers. Opening it is no answer.",
    ),
    STOOD_DOWN: Words(
        "{rank}已了结：不用到场了",
        "Whistle {number} is over: no need to come",
        "先前请您到场的事已经了结，不用去了。已经在现场的，请同值班坐席说一声。",
        "What you were called for is over. If you are already on site, please tell the duty seat.",
    ),
    "assignment": Words(
        "有案件派给您单位",
        "A case for your unit",
        "请打开案件，受理或写明理由退回。",
        "Please open the case and accept it, or send it back with a reason.",
    ),
    "urged": Words("催办", "Urged", "值班坐席催办，请尽快处理。", "The duty seat asks you to deal with it soon."),
    "proposed": Words(
        "下一哨待您确认",
        "The next whistle waits for your press",
        "时限已过，系统提议吹下一哨。吹不吹由您按一下决定。",
        "A limit has passed; the system proposes the next rank. It is blown only if you press.",
    ),
    "unconfirmed": Words(
        "时限没法确认",
        "A limit can't be confirmed",
        "系统暂存期间时限到了，是否按时办理没法确认，请打电话核实。",
        "A limit passed while the case was held. Please verify by telephone.",
    ),
    "undelivered": Words(
        "通知不到：请打电话",
        "Not reached: please telephone",
        "应通知的人一个也没有联系上，请您打电话。",
        "Nobody on the chain could be reached. Please telephone.",
    ),
    "untold": Words(
        "吹哨没有回音：请打电话",
        "A whistle nobody was told of: please telephone",
        "哨已吹出，规定时间内没有人接到通知，请您打电话落实。",
        "A rank was blown and nobody was told of it within patience. Please telephone.",
    ),
    "unroutable": Words(
        "无处可派", "Nowhere to send it", "系统找不到承办单位，请您派单。", "No unit was found. Please dispatch it."
    ),
    "held": Words(
        "系统暂存",
        "Held by the system",
        "有一条记录系统读不了，案件暂存，时限没法确认。请留意，并告知运维。",
        "A record can't be read and the case is held. Please watch it and tell operations.",
    ),
    "reminder": Words(
        "仍然无人到场",
        "Still nobody on site",
        "各级哨都吹过了，仍没有了结。每天提醒一次。",
        "All ranks were called and it is not settled. This is the daily reminder.",
    ),
}
OTHER = Words("请查看案件", "Please look at a case", "请打开案件查看。", "Please open the case.")


class Composer:
    """Makes messages of deliveries.

    Args:
        public_url: address of the portal as the reader reaches it. link_key: signs links. lasts: of a link.
        names: what the directory calls units and places, now.
    """

    def __init__(
        self, public_url: str, link_key: bytes, clock: Clock, names: Callable[[], Names], lasts: timedelta
    ) -> None:
        self._url, self._key, self._clock = public_url.rstrip("/"), link_key, clock
        self._names, self._lasts = names, lasts

    def message(self, claim: Claim, case: Case, call: Call) -> Message:
        """The message of one delivery."""
        words = WORDS.get(call.purpose, OTHER)
        rank = RANKS[call.rank] if call.rank < len(RANKS) else f"第 {call.rank} 哨"
        title = words.title.format(rank=rank)
        title_en = words.title_en.format(number=call.rank)
        link = self._link(claim, call)
        chinese = [f"{title}。", *self._facts(case, call), *_passed_on(call, claim.staff), words.wanted, link]
        chinese += [f"链接 {self._lasts.days} 天内有效。" if call.purpose == WHISTLE else "打开后请先登录。"]
        english = [f"{title_en}.", *self._facts_english(case, call), words.wanted_en]
        text = "\n".join([*chinese, "", "—", *english, "", "本通知由系统发出，不含当事人信息。", ""])
        reference: dict[str, str | int] = {
            "case": claim.subject,
            "obligation": call.obligation,
            "rank": call.rank,
            "purpose": call.purpose,
        }
        place = self._place(case)
        subject = f"【矛调】{title}{'·' + place[0] if place is not None else ''} {title_en}"
        return Message(UUID(derived_id(claim.name, "message", 0)).hex, reference, subject, text, link)

    def _link(self, claim: Claim, call: Call) -> str:
        """For a whistle a signed page that answers it; for everything else the case, after signing in."""
        if call.purpose != WHISTLE:
            return f"{self._url}/cases/{claim.subject}"
        link = Link(case=claim.subject, obligation=call.obligation, rank=call.rank, staff=claim.staff, unit=call.unit)
        return f"{self._url}/w/{mint_link(link, self._key, self._clock.now(), self._lasts)}"

    def _place(self, case: Case) -> tuple[str, str] | None:
        names = self._names()
        return names.place(case.community) or (names.place(case.street) if case.street is not None else None)

    def _facts(self, case: Case, call: Call) -> list[str]:
        unit, place = self._names().unit(call.unit), self._place(case)
        lines = [f"单位：{unit[0]}"] if call.unit else []
        lines += [f"地点：{place[0]}"] if place is not None else []
        lines += [f"案件：{case.number}（类别 {case.kind}）"] if case.number else []
        if call.respond_within_s is not None:
            lines += [f"时限：接到通知后 {in_words(call.respond_within_s)[0]}内到场"]
        return lines

    def _facts_english(self, case: Case, call: Call) -> list[str]:
        unit, place = self._names().unit(call.unit), self._place(case)
        parts = [f"Unit: {unit[1]}"] if call.unit else []
        parts += [f"Place: {place[1]}"] if place is not None else []
        if call.respond_within_s is not None:
            parts += [f"On site within {in_words(call.respond_within_s)[1]} of this message"]
        return ["; ".join(parts) + "."] if parts else []


def in_words(seconds: int) -> tuple[str, str]:
    """A span in the largest unit that says it whole, Chinese and English."""
    for size, zh, en in ((86_400, "天", "d"), (3_600, "小时", "h"), (60, "分钟", "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {zh}", f"{seconds // size} {en}"
    return f"{seconds} 秒", f"{seconds} s"


def _passed_on(call: Call, staff: str) -> list[str]:
    """Why this reaches somebody who was not the one called."""
    step = next((step for step in call.chain if step.staff == staff), None)
    if call.purpose != WHISTLE or step is None or step == call.chain[0]:
        return []
    if step.post == DUTY_SEAT:
        return ["应到场的单位没有人接到通知，请您电话落实。"]
    return ["应通知的人没有联系上，现转给您。"]
