"""The invented directory: what refers to something finds it, and everybody can be reached."""

from __future__ import annotations

import re
from collections import Counter
from datetime import time

import msgspec
import pytest

from services.routing.events.directory import UnitPublished

from .tables import DATA, document, table

DIRECTORY = document(DATA / "demo/directory.yaml")
ROUTES = document(DATA / "demo/routes.yaml")
PEOPLE = document(DATA / "demo/staff.yaml")
UNITS = {unit["unit"]: unit for unit in DIRECTORY["units"]}
ADMIN = {row["unit"]: row["kind"] for row in table("hongqiao/units.csv") if not row["valid_to"]}
STREETS = sorted(code for code, kind in ADMIN.items() if kind == "street")
KINDS = {(row["family"], row["code"]) for row in table("kinds.csv")}
LEVELS = ("community", "street", "district")
ROLES = {"clerk", "seat", "grid", "mediator", "centre", "street", "department", "leader", "supervisor", "ops"}


def post(unit: dict, name: str) -> dict | None:
    return next((p for p in unit["posts"] if p["post"] == name), None)


def covers(shift: dict, weekday: int, at: time) -> bool:
    start, end = time.fromisoformat(shift["start"]), time.fromisoformat(shift["end"])
    if start < end:
        return weekday in shift["weekdays"] and start <= at < end
    before = (weekday - 2) % 7 + 1
    return (weekday in shift["weekdays"] and at >= start) or (before in shift["weekdays"] and at < end)


@pytest.mark.parametrize("name", ["directory", "routes", "staff"])
def test_what_is_invented_says_so_in_two_languages(name):
    text = (DATA / f"demo/{name}.yaml").read_text(encoding="utf-8")
    assert document(DATA / f"demo/{name}.yaml")["invented"] is True
    assert "INVENTED" in text.splitlines()[0] and "演示用，虚构" in text.splitlines()[0]


def test_at_least_thirty_units_work_beside_the_communities():
    assert len(UNITS) == len(DIRECTORY["units"])
    assert sum(unit["level"] != "community" for unit in UNITS.values()) >= 30
    kinds = Counter((unit["kind"], unit["level"]) for unit in UNITS.values())
    assert kinds["centre", "district"] == 1 and kinds["centre", "street"] == 9 and kinds["centre", "community"] == 114
    assert (
        kinds["judicial_office", "street"] == 9
        and kinds["team", "street"] == 9
        and kinds["leadership", "district"] == 1
    )


def test_units_serve_places_in_force_and_have_parents():
    for unit in UNITS.values():
        assert ADMIN[unit["code"]] == unit["level"]
        assert unit["street"] == (None if unit["level"] == "district" else unit["code"][:9])
        assert unit["parent"] in UNITS or unit["parent"] in ADMIN
        assert post(unit, "head"), unit["unit"]


def test_every_chain_of_parents_ends_at_the_district_by_way_of_a_duty_seat():
    for unit in UNITS.values():
        if unit["unit"] != "centre-120106":
            assert post(UNITS[unit["parent"]], "duty_seat"), unit["unit"]
    assert UNITS["centre-120106"]["parent"] == "120106"


def test_every_staff_id_exists_and_shifts_belong_to_holders_of_the_post():
    known = {person["staff"] for person in PEOPLE["staff"]}
    assert len(known) == len(PEOPLE["staff"])
    for unit in UNITS.values():
        for p in unit["posts"]:
            assert p["staff"] and set(p["staff"]) <= known
            assert {s["staff"] for s in p.get("shifts", [])} <= set(p["staff"])
        assert {m["staff"] for m in unit["mediators"]} <= known


def test_a_duty_seat_is_held_by_exactly_one_at_every_quarter_of_an_hour():
    for unit in UNITS.values():
        seat = post(unit, "duty_seat")
        if seat is None:
            continue
        for weekday in range(1, 8):
            for quarter in range(96):
                at = time(quarter // 4, quarter % 4 * 15)
                assert sum(covers(s, weekday, at) for s in seat["shifts"]) == 1, (unit["unit"], weekday, at)


def test_shifts_of_one_post_do_not_overlap():
    for unit in UNITS.values():
        for p in unit["posts"]:
            for weekday in range(1, 8):
                assert all(sum(covers(s, weekday, time(h)) for s in p.get("shifts", [])) <= 1 for h in range(24))


def test_stationed_officers_have_fields_of_the_kinds_and_a_cap():
    codes = {code for family, code in KINDS if family == "dispute"}
    for unit in UNITS.values():
        for m in unit["mediators"]:
            assert m["role"] in {"mediator", "lawyer"} and m["level"] in {"gold", "ordinary"} and m["cap"] > 0
            assert m["status"] in {"normal", "paused", "leave", "disabled"}
            assert all(isinstance(f, str) and any(c.startswith(f) for c in codes) for f in m["fields"])
    for street in STREETS:
        levels = {(m["role"], m["level"]) for m in UNITS[f"centre-{street}"]["mediators"]}
        assert levels >= {("mediator", "gold"), ("lawyer", "ordinary")}


def resolve(named: dict, street: str, community: str) -> str:
    if "unit" in named:
        return named["unit"]
    code = {"community": community, "street": street, "district": "120106"}[named["of"]]
    found = [
        u["unit"] for u in UNITS.values() if (u["kind"], u["level"], u["code"]) == (named["kind"], named["of"], code)
    ]
    assert len(found) == 1, (named, street, community, found)
    return found[0]


def test_every_unit_that_a_route_names_exists_in_every_street():
    for route in ROUTES["routes"]:
        for street in STREETS:
            community = next(c for c, kind in ADMIN.items() if kind == "community" and c.startswith(street))
            for named in (route["lead"], *route["assist"], *route["inform"]):
                assert resolve(named, street, community) in UNITS


def test_routes_are_unique_by_kind_and_level_and_an_entry_is_never_ambiguous():
    routes = ROUTES["routes"]
    assert all(isinstance(r["kind"], str) and r["level"] in LEVELS for r in routes)
    assert max(Counter((r["family"], r["kind"], r["level"]) for r in routes).values()) == 1
    assert max(Counter((r["family"], r["kind"]) for r in routes if r["entry"]).values()) == 1
    for route in routes:
        assert any(f == route["family"] and code.startswith(route["kind"]) for f, code in KINDS), route


def test_every_kind_has_an_entry_save_the_extensions():
    def entered(family: str, code: str) -> bool:
        return any(r["entry"] and r["family"] == family and code.startswith(r["kind"]) for r in ROUTES["routes"])

    assert {code for family, code in KINDS if not entered(family, code)} == {"21-00"}


def test_every_kind_of_dispute_that_starts_below_the_district_can_be_handed_up_to_it():
    def at(level: str, code: str) -> bool:
        return any(
            r["family"] == "dispute" and r["level"] == level and code.startswith(r["kind"]) for r in ROUTES["routes"]
        )

    assert all(at("district", code) for family, code in KINDS if family == "dispute")


def test_at_least_ten_kinds_have_different_lead_units():
    leads = {tuple(sorted(r["lead"].items())) for r in ROUTES["routes"] if r["entry"]}
    assert len(leads) >= 10


def test_panels_find_their_people():
    for route in ROUTES["routes"]:
        for seat in route["panel"]:
            for street in STREETS:
                unit = f"justice-{street}" if seat["seat"] == "judicial_head" else resolve(
                    {"kind": "centre", "of": seat["of"]}, street, ""
                )  # fmt: skip
                if seat["seat"] == "judicial_head":
                    assert post(UNITS[unit], "judicial_head")
                else:
                    assert any(m["role"] == seat["seat"] and m["status"] == "normal" for m in UNITS[unit]["mediators"])


def test_accounts_belong_to_people_who_hold_the_post():
    assert len({a["login"] for a in PEOPLE["accounts"]}) == len(PEOPLE["accounts"])
    for account in PEOPLE["accounts"]:
        assert account["role"] in ROLES and re.fullmatch(r"[a-z0-9-]+", account["login"])
        held = post(UNITS[account["unit"]], account["post"])
        assert held and account["staff"] in held["staff"], account
    assert {a["role"] for a in PEOPLE["accounts"]} == ROLES


def test_names_are_counters_and_addresses_can_reach_nobody():
    assert len({p["name"] for p in PEOPLE["staff"]}) == len(PEOPLE["staff"])
    for person in PEOPLE["staff"]:
        assert re.fullmatch("[甲乙丙丁戊己庚辛壬癸][一二三四五六七八九十]{1,3}", person["name"])
        assert person["email"] == f"{person['staff']}@demo.invalid" and set(person) == {"staff", "name", "email"}


def test_units_have_the_fields_of_the_event_that_publishes_them():
    for unit in UNITS.values():
        event = msgspec.convert({**unit, "version": 1, "changed_at": "2026-01-01T00:00:00Z"}, UnitPublished)
        assert set(unit) <= set(UnitPublished.__struct_fields__)
        for posted, p in zip(event.posts, unit["posts"], strict=True):
            assert posted.staff == tuple(p["staff"]) and len(posted.shifts) == len(p.get("shifts", []))
        assert [m.staff for m in event.mediators] == [m["staff"] for m in unit["mediators"]]
