"""The lift dispute: a resident hurt in a lift, the property company and the maintenance firm, and a panel of three.

After the centre's own account: the street's judicial head, a gold-medal mediator and the stationed lawyer mediate back
to back, then face to face; agreement, payment, closed. Names are invented.
"""

import asyncio
from typing import Final

from deploy.demo.expecting import expect
from deploy.demo.stories.story import Story
from deploy.demo.town import Say, Town
from deploy.demo.views import Case, Party, Place, Receipt, Report

KIND: Final = "0303"
COMMUNITY: Final = "120106001006"
CENTRE: Final = "centre-120106001"
GOLD: Final = "gold-001"
"""Login of the centre's only mediator of level gold, whom the route of KIND asks for (routes.yaml, directory.yaml)."""

REPORT: Final = Report(
    family="dispute",
    kind=KIND,
    channel="window",
    place=Place(community=COMMUNITY),
    text="演示：居民乘电梯受伤，与物业公司、维保公司就赔偿有争议。",
    parties=(
        Party(role="applicant", name="演示居民"),
        Party(role="respondent", name="演示物业公司", kind="organisation"),
        Party(role="respondent", name="演示电梯维保公司", kind="organisation"),
    ),
)


async def begin(town: Town, say: Say) -> Receipt:
    """A resident registers at the window."""
    receipt = await town.cast.login("window-001").register(REPORT)
    say(f"居民到窗口登记 {receipt.number} · a resident hurt in a lift registers at the window")
    return receipt


async def play(town: Town, receipt: Receipt, say: Say) -> None:
    """See the module."""
    window = town.cast.login("window-001")
    case = await town.sees(window, receipt.case, lambda one: one.panel is not None, "a panel")
    assert case.panel is not None, "waited for"
    expect(case.lead == CENTRE, f"{CENTRE} to lead", case.lead)
    gold = town.cast.login(GOLD)
    expect(case.panel.mediator == gold.staff, f"the gold-medal mediator {gold.staff} to mediate", case.panel.mediator)
    expect(
        None not in (case.panel.judicial_head, case.panel.lawyer),
        "a judicial head and a lawyer on the panel",
        case.panel,
    )
    seats = {"金牌调解员": gold.staff, "司法所长": case.panel.judicial_head, "驻点律师": case.panel.lawyer}
    people = "、".join(f"{seat}{town.names.person(staff)}" for seat, staff in seats.items())
    say(f"组成调解组：{people} · gold-medal mediator, judicial head, lawyer")
    await town.cast.login("head-001").press(receipt.case, "accept")
    await _mediate(town, case, say)
    done = await window.case(receipt.case)
    expect(done.state == "closed", "a closed case", done.state)
    missed = [name for name, status in done.statuses().items() if status == "missed"]
    expect(not missed, "no limit missed", missed)
    say("协议履行，结案 · agreed, paid, closed")


async def _mediate(town: Town, case: Case, say: Say) -> None:
    assert case.panel is not None, "the caller looked"
    mediator, head = town.cast.staff(case.panel.mediator), town.cast.staff(case.panel.judicial_head)
    lawyer = town.cast.staff(case.panel.lawyer)
    await asyncio.sleep(3)
    await mediator.press(case.case, "session", mode="back_to_back", present=3, note="演示：分别听取三方意见。")
    say("金牌调解员背靠背调解 · the gold-medal mediator hears each side alone")
    await asyncio.sleep(4)
    await head.press(case.case, "session", mode="face_to_face", present=3, result="agreed", note="演示：三方当面协商。")
    say("面对面调解 · all three at one table, led by the judicial head")
    await asyncio.sleep(3)
    await lawyer.press(case.case, "agreement", form="written", instalments=1, text="演示：物业与维保按比例赔偿。")
    say("达成书面协议 · a written agreement, drawn up by the lawyer")
    await asyncio.sleep(3)
    await mediator.press(case.case, "perform", complete=True)
    await mediator.press(case.case, "close", outcome="settled")


LIFT = Story("lift", "电梯纠纷 · the lift dispute", begin, play)
