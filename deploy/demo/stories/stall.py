"""A dispute whose department stalls: first whistle, no one on site, second whistle up to the district, then settled."""

import asyncio
from typing import Final

from deploy.demo.expecting import expect
from deploy.demo.stories.story import Story
from deploy.demo.town import Say, Town
from deploy.demo.views import Case, Party, Place, Receipt, Report

KIND: Final = "1301"
COMMUNITY: Final = "120106001009"
LEAD: Final = "dept-urban-management"
REPORT: Final = Report(
    family="dispute",
    kind=KIND,
    channel="telephone",
    place=Place(community=COMMUNITY),
    text="演示：居民对一处占道拆除的处理有争议，部门迟迟没有到场。",
    parties=(Party(role="applicant", name="演示居民"),),
)
WAIT_S: Final = 20.0
"""demo.yaml: from told to attendance, of each rank."""


async def begin(town: Town, say: Say) -> Receipt:
    """A resident telephones."""
    receipt = await town.cast.login("duty-001").register(REPORT)
    say(f"居民来电登记 {receipt.number} · a resident telephones")
    return receipt


async def play(town: Town, receipt: Receipt, say: Say) -> None:
    """See the module."""
    street = town.cast.login("head-001")
    case = await town.sees(street, receipt.case, lambda one: one.panel is not None, "a lead unit and a panel")
    expect(case.lead == LEAD, f"{LEAD} to lead", case.lead)
    await street.press(receipt.case, "whistle", kind="joint_enforcement", reason="演示：部门未到场。")
    say(f"街道吹哨，叫{town.names.unit(LEAD)} · the street blows the whistle")
    await _first(town, case, say)
    await _second(town, case, say)
    done = await town.sees(street, receipt.case, lambda one: _status(one) == "settled", "a settled whistle")
    await street.press(receipt.case, "close", outcome="settled")
    done = await town.sees(
        street, receipt.case, lambda one: not [s for s in one.statuses().values() if s == "running"], "no limit to run"
    )
    whistle = done.whistle("w1")
    assert whistle is not None, "seen before"
    expect(whistle.rank(3) is None, "no third rank", [rank.rank for rank in whistle.ranks])
    expect(done.statuses().get("w1@1:attend") == "missed", "the first wait to be missed", done.statuses())
    expect(done.statuses().get("w1@2:attend") == "met", "the second wait to be met", done.statuses())


async def _first(town: Town, case: Case, say: Say) -> None:
    """The head of the department reads his mail and comes no nearer."""
    mail = await town.mailbox.wait(case.case, "whistle", rank=1)
    say(f"一哨：{town.names.person(mail.staff)}收到邮件 · rank 1: the head of the department is told")
    await town.link(mail.link).open()
    await asyncio.sleep(1)
    street = town.cast.login("head-001")
    seen = await town.sees(street, case.case, lambda one: _told(one, 1), "rank 1 to be told")
    whistle = seen.whistle("w1")
    rank = whistle.rank(1) if whistle is not None else None
    expect(
        rank is not None and rank.acknowledged_at is None, "a link that was only opened to acknowledge nothing", rank
    )
    say("链接打开了，但没有人到场 · the link is opened, nobody comes")


async def _second(town: Town, case: Case, say: Say) -> None:
    """The wait passes; the whistle-holder confirms; the district head comes."""
    street = town.cast.login("head-001")
    proposed = await town.sees(street, case.case, lambda one: _proposed(one, 2), "rank 2 to be proposed", WAIT_S + 15)
    say("20 秒无人到场，系统提议二哨 · 20 s and nobody on site: rank 2 is proposed")
    await street.press(case.case, "confirm", proposed.sequence, obligation="w1", rank=2)
    say("街道确认二哨 · the street confirms it by one press")
    mail = await town.mailbox.wait(case.case, "whistle", rank=2)
    expect(mail.staff == "u-0002", "the district head to be called", mail.staff)
    say(f"二哨：区领导{town.names.person(mail.staff)}收到邮件 · rank 2: the district head is told")
    link = town.link(mail.link)
    await link.open()
    await link.press(answer="coming")
    await asyncio.sleep(3)
    await link.press("attend")
    say("区领导到场 · the district head is on site")
    await asyncio.sleep(3)
    await link.press("answer", accepted_at="当天", contacted="居民代表", measures="现场协调，限期办理", limit="三天")
    await link.press("settle")
    say("四项答复，问题解决 · answered in four points, settled")


def _status(case: Case) -> str | None:
    whistle = case.whistle("w1")
    return None if whistle is None else whistle.status


def _told(case: Case, number: int) -> bool:
    whistle = case.whistle("w1")
    rank = whistle.rank(number) if whistle is not None else None
    return rank is not None and rank.told_at is not None


def _proposed(case: Case, number: int) -> bool:
    whistle = case.whistle("w1")
    rank = whistle.rank(number) if whistle is not None else None
    return rank is not None and rank.proposed_at is not None


STALL = Story("stall", "部门不到场 · the department that stalls", begin, play)
