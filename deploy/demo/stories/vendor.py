"""The street vendor of 07:00: found by a grid worker, reported with a photo, dispatched, gone within the half hour.

One second of the demo stands for a minute of the centre's own account: its 30 minutes are the 30 seconds of demo.yaml.
"""

import asyncio
import struct
import zlib
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from deploy.demo.expecting import expect
from deploy.demo.stories.story import Story
from deploy.demo.town import Say, Town
from deploy.demo.views import Place, Receipt, Report

ZONE: Final = ZoneInfo("Asia/Shanghai")
KIND: Final = "05-01"
STREET: Final = "120106001"
LON, LAT = 117.1580, 39.1655


def seven(now: datetime) -> datetime:
    """The last time that it was 07:00 in the district, seen from `now`."""
    today = now.astimezone(ZONE).replace(hour=7, minute=0, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


def picture(side: int = 16) -> bytes:
    """A grey square as PNG: stands for the photo."""
    rows = b"".join(b"\0" + b"\x99" * side for _ in range(side))
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


async def begin(town: Town, say: Say) -> Receipt:
    """A grid worker reports."""
    report = Report(
        family="incident", kind=KIND, channel="grid", place=Place(lon=LON, lat=LAT),
        text="演示：路口有流动摊贩占道经营。", occurred_at=seven(datetime.now(ZONE)),
    )  # fmt: skip
    receipt = await town.cast.login("grid-001-1").register(report)
    say(f"网格员 07:00 发现游商，已上报 {receipt.number} · a grid worker reports a vendor seen at 07:00")
    return receipt


async def play(town: Town, receipt: Receipt, say: Say) -> None:
    """See the module."""
    grid, seat = town.cast.login("grid-001-1"), town.cast.login("duty-001")
    expect(receipt.street == STREET, f"the street {STREET} for a point beside its centre", receipt.street)
    await grid.add_photo(receipt.case, picture())
    case = await town.sees(grid, receipt.case, lambda one: one.lead is not None, "a lead unit")
    expect(case.lead == f"enforce-{STREET}", "the street's enforcement team to lead", case.lead)
    say(f"派给{town.names.unit(case.lead)} · dispatched to the street's enforcement team")
    mail = await town.mailbox.wait(receipt.case, "assignment")
    team = town.cast.staff(mail.staff)
    say(f"{town.names.person(mail.staff)}收到派单邮件 · the team is told by mail")
    await team.press(receipt.case, "accept")
    await asyncio.sleep(6)
    await team.press(receipt.case, "attend")
    say("执法队到场 · the team is on site")
    await asyncio.sleep(6)
    await team.press(receipt.case, "dispose")
    say("摊贩已撤离，处置完毕 · the vendor is gone")
    await grid.press(receipt.case, "verify", passed=True)
    await seat.press(receipt.case, "close", outcome="disposed")
    done = await town.sees(
        grid, receipt.case, lambda one: one.statuses().get("dispose#1") not in (None, "running"), "the limit to end"
    )
    expect(done.statuses()["dispose#1"] == "met", "the limit of 30 s to be met", done.statuses())
    expect(done.state == "closed", "a closed case", done.state)
    expect(not done.whistles, "no whistle", [one.obligation for one in done.whistles])
    say("半小时内办结，没有吹哨 · closed within the half hour, no whistle")


VENDOR = Story("vendor", "07:00 游商 · the street vendor of 07:00", begin, play)
