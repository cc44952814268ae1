"""Who plays: the accounts of the invented district, found by login, by staff id or by unit."""

from collections.abc import Mapping, Sequence
from typing import Final

import httpx

from deploy.commands.accounts import Document, Entry
from deploy.demo.expecting import Unexpected
from deploy.demo.players import Player

_AT_WORK: Final = ("on_duty", "head", "duty_seat", "judicial_head")
"""Posts that do a unit's work, first choice first."""


def working(entries: Sequence[Entry]) -> dict[str, Entry]:
    """For each unit the account that does its work. Pure."""
    chosen: dict[str, Entry] = {}
    for entry in entries:
        if entry.post not in _AT_WORK:
            continue
        before = chosen.get(entry.unit)
        if before is None or _AT_WORK.index(entry.post) < _AT_WORK.index(before.post):
            chosen[entry.unit] = entry
    return chosen


class Cast:
    """The players, each made once, signed in at their first step."""

    def __init__(self, http: httpx.AsyncClient, document: Document, passwords: Mapping[str, str]) -> None:
        """`document` has the accounts, `passwords` each login's password."""
        self.http = http
        self._passwords = passwords
        self._entries = {entry.login: entry for entry in document.accounts}
        self._by_staff = {entry.staff: entry for entry in document.accounts}
        self._by_unit = working(document.accounts)
        self._players: dict[str, Player] = {}
        self.names = {person.staff: person.name for person in document.staff}

    def login(self, login: str) -> Player:
        """The player of a login."""
        entry = self._entries[login]
        if login not in self._players:
            self._players[login] = Player(self.http, login, self._passwords[login], entry.unit, entry.staff)
        return self._players[login]

    def staff(self, staff: str | None) -> Player:
        """The player with a staff id. Raises: Unexpected, where nobody has it."""
        entry = self._by_staff.get(staff or "")
        if entry is None:
            raise Unexpected(f"expected an account of {staff}; saw none")
        return self.login(entry.login)

    def of(self, unit: str | None) -> Player | None:
        """Who does the work of a unit; None where nobody of it has an account."""
        entry = self._by_unit.get(unit or "")
        return None if entry is None else self.login(entry.login)
