"""A story that goes wrong is shown as far as it came."""

from __future__ import annotations

import io

import httpx
import pytest
from rich.console import Console

from deploy.commands import accounts
from deploy.demo import report
from deploy.demo.cast import Cast
from deploy.demo.display import Display
from deploy.demo.expecting import Unexpected
from deploy.demo.mailbox import Mailbox
from deploy.demo.play import Played, play
from deploy.demo.stories.story import Story
from deploy.demo.town import Say, Town
from deploy.demo.views import Receipt
from deploy.setup import District
from services.portal.core.catalogue import Catalogue

NAMES = Catalogue()
LOG = [
    {
        "sequence": 1, "id": "e1", "type": "case.accepted.v1", "time": "2026-11-24T07:00:00Z",
        "fact_at": "2026-11-24T07:00:00Z", "data": {"unit": "u", "by": "u-1"},
    }
]  # fmt: skip


async def begun(town: Town, say: Say) -> Receipt:
    return Receipt(case="abc", number="1", code="X", sequence=1, street=None)


async def not_begun(town: Town, say: Say) -> Receipt:
    raise Unexpected("expected a receipt; saw none")


async def well(town: Town, receipt: Receipt, say: Say) -> None:
    say("all of it")


async def badly(town: Town, receipt: Receipt, say: Say) -> None:
    raise Unexpected("expected a panel; saw none")


async def played(story: Story, answer: httpx.Response) -> Played:
    """Play a story where the portal answers so when it is asked for the log."""

    def portal(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"token": "t"}) if request.url.path == "/v1/session" else answer

    document = accounts.read(District().people)
    async with httpx.AsyncClient(base_url="http://portal.invalid", transport=httpx.MockTransport(portal)) as http:
        cast = Cast(http, document, {entry.login: "pw" for entry in document.accounts})
        return await play(story, Town(cast, Mailbox(), NAMES), Display(Console(file=io.StringIO())))


async def test_a_story_that_goes_wrong_keeps_its_case_and_its_log_is_printed():
    one = await played(Story("lift", "电梯", begun, badly), httpx.Response(200, json={"events": LOG}))
    assert (one.case, one.wrong, len(one.log)) == ("abc", "lift: expected a panel; saw none", 1)
    out = io.StringIO()
    report.stories(Console(file=out, width=200), [one], NAMES)
    assert "expected a panel; saw none" in out.getvalue()
    assert "accepted" in out.getvalue()


async def test_a_story_that_goes_well_is_done():
    one = await played(Story("lift", "电梯", begun, well), httpx.Response(200, json={"events": LOG}))
    assert (one.case, one.wrong, len(one.log)) == ("abc", "", 1)


@pytest.mark.parametrize(
    ("story", "case", "wrong"),
    [
        (Story("lift", "电梯", not_begun, well), "", "lift: expected a receipt; saw none"),
        (Story("lift", "电梯", begun, badly), "abc", "lift: expected a panel; saw none"),
        (Story("lift", "电梯", begun, well), "abc", "lift: expected duty to be let read /v1/cases/abc/events; saw 404"),
    ],
)
async def test_where_the_log_cannot_be_read_what_went_wrong_first_is_said(story: Story, case: str, wrong: str):
    one = await played(story, httpx.Response(404))
    assert (one.case, one.wrong.strip(), list(one.log)) == (case, wrong, [])
