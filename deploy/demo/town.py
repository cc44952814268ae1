"""What a story plays on: who is there, and the mail that came."""

from collections.abc import Callable
from dataclasses import dataclass

from deploy.demo.cast import Cast
from deploy.demo.expecting import until
from deploy.demo.mailbox import Mailbox, SignedLink
from deploy.demo.players import Player
from deploy.demo.views import Case
from services.portal.core.catalogue import Catalogue

Say = Callable[[str], None]
"""Told what happens, in a few words."""


@dataclass(frozen=True, slots=True)
class Town:
    """The district as the stories see it. names: of kinds, places, units and people."""

    cast: Cast
    mailbox: Mailbox
    names: Catalogue

    async def sees(
        self, who: Player, case: str, holds: Callable[[Case], bool], expected: str, within_s: float = 20.0
    ) -> Case:
        """Look at a case as a person until something holds. Raises: Unexpected."""
        return await until(lambda: who.case(case), holds, expected, within_s, _seen)

    def link(self, link: str) -> SignedLink:
        """The link of a mail, to be opened and answered."""
        return SignedLink(self.cast.http, link)


def _seen(case: Case) -> str:
    whistles = [
        f"{whistle.obligation} {whistle.status}, ranks {[(r.rank, r.post) for r in whistle.ranks]}"
        for whistle in case.whistles
    ]
    return f"state {case.state}, lead {case.lead}, limits {case.statuses()}, whistles {whistles}"
