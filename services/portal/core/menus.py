"""What each role finds in the top bar; the first entry is where a person starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Item:
    path: str
    chinese: str
    english: str


REGISTER = Item("/register", "登记", "Register")
DUTY = Item("/duty", "值班", "Duty")
CASES = Item("/cases", "案件", "Cases")
MINE = Item("/mine", "我办的", "Mine")
SCREEN = Item("/screen", "一屏", "One screen")
LAG = Item("/lag", "积压", "Lag")
REPORT = Item("/report", "上报", "Report")
REPORTED = Item("/reported", "我报的", "Reported")

MENUS: Mapping[str, tuple[Item, ...]] = {
    "clerk": (REGISTER, CASES),
    "seat": (DUTY, REGISTER, CASES, SCREEN),
    "mediator": (MINE, CASES),
    "centre": (MINE, CASES, REGISTER, SCREEN),
    "street": (MINE, CASES, SCREEN),
    "department": (MINE, CASES),
    "supervisor": (SCREEN, CASES, LAG),
    "ops": (LAG, SCREEN, CASES),
    "leader": (SCREEN, CASES),
    "grid": (REPORT, REPORTED),
}


def menu(role: str) -> tuple[Item, ...]:
    """At most six entries; a role that is not known sees cases alone."""
    return MENUS.get(role, (CASES,))


def start(role: str) -> str:
    """The page after sign-in."""
    return menu(role)[0].path


def may(role: str, path: str) -> bool:
    """Whether a role's menu has this page. Services check every request by themselves; this keeps pages in order."""
    return any(item.path == path for item in menu(role))
