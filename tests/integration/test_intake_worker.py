"""Intake on the real stack: presses, facts and proposals of the others, links. Fails when its worker is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from deploy.embedded.stack import EmbeddedStack
from services.escalation.events import limits, whistles
from services.host.tokens import Link, mint_link
from services.intake.store import photos
from services.notify.events import deliveries
from services.routing.events import assignments
from tests.integration import intake_process
from tests.integration.intake_process import CENTRE, Intake

BASIS = assignments.Basis(rule="05-", place="120106001", directory_version=1)
ENFORCE = "enforce-120106001"
INCIDENT = {"family": "incident", "kind": "05-01", "channel": "grid", "place": {"community": "120106001002"}}
PARTY = {"role": "applicant", "name": "测试甲", "telephone": "13800001234", "id_number": "11010519491231002X"}
DISPUTE = {
    "family": "dispute", "kind": "0402", "channel": "window", "place": {"address": "增产里社区 3 号楼"},
    "text": "电梯夹伤，物业与维保单位互相推诿。", "parties": [PARTY], "amount_fen": 860_000,
}  # fmt: skip


@pytest.fixture(scope="module")
def intake(stack: EmbeddedStack) -> Iterator[Intake]:
    database = asyncio.run(intake_process.fresh_database(stack))
    made = intake_process.start(stack, database)
    try:
        yield made
    finally:
        intake_process.stop(made)
        asyncio.run(stack.drop_database(database))


async def registered(intake: Intake, body: dict[str, object] = INCIDENT, **headers: str) -> dict[str, object]:
    async with intake.client("clerk", CENTRE, "u-0018") as client:
        answer = await client.post("/v1/cases", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    made: dict[str, object] = answer.json()
    return made


async def view(client: httpx.AsyncClient, case: object) -> dict[str, object]:
    answer = await client.get(f"/v1/cases/{case}")
    assert answer.status_code == 200, answer.text
    shown: dict[str, object] = answer.json()
    return shown


async def assigned(intake: Intake, case: object, unit: str = ENFORCE) -> None:
    event = assignments.Assigned(unit=unit, centre=CENTRE, level="street", basis=BASIS)
    await intake.say("routing", str(case), event)
    async with intake.client() as client:

        async def ask() -> bool | None:
            return (await view(client, case))["lead"] == unit or None

        await intake.until(ask)


async def press(client: httpx.AsyncClient, case: object, name: str, **body: object) -> httpx.Response:
    if "seen" not in body:
        body["seen"] = (await view(client, case))["sequence"]
    return await client.post(f"/v1/cases/{case}/{name}", json=body)


async def test_registering_gives_number_code_and_place_and_tells_the_log(intake: Intake) -> None:
    made = await registered(intake)
    assert made["community"] == "120106001002" and made["street"] == "120106001"
    assert str(made["number"]).startswith("西于庄 格〔") and len(str(made["code"])) == 10
    (value,) = await intake.records("intake", "case.intake", lambda e: e.subject == made["case"], 1)
    data = intake_process.data_of(value)
    assert data["receiver"] == "u-0018" and data["number"] == made["number"]
    async with intake.client("service") as client:
        found = (await client.post("/v1/lookup", json={"code": made["code"]})).json()
    assert found["case"] == made["case"]


async def test_people_stay_in_the_vault_masked_and_every_reading_is_noted(intake: Intake) -> None:
    made = await registered(intake, DISPUTE)
    case = made["case"]
    assert made["community"] == "120106001002" and made["approximate"] is True
    (value,) = await intake.records("intake", "case.intake", lambda e: e.subject == case, 1)
    for secret in ("测试甲", "13800001234", "11010519491231002X", "电梯", "860000"):
        assert secret not in value.decode()
    async with intake.client("seat") as client:
        (party,) = (await client.get(f"/v1/cases/{case}/parties")).json()["parties"]
        assert (party["name"], party["telephone"]) == ("测**", "138****1234")
        assert party["id_number"] == "1101**********002X"
        shown = await client.post(f"/v1/cases/{case}/parties/{party['party']}/reveal", json={"purpose": "打电话核实"})
        assert shown.json()["name"] == "测试甲"
        assert (await view(client, case))["text"] == DISPUTE["text"]
        for query in ("测试甲", "1380000", "1234", "维保单位", made["number"]):
            rows = (await client.get("/v1/cases", params={"q": query})).json()["cases"]
            assert case in [row["case"] for row in rows], query
    async with intake.client("department", "dept-water", "u-0999") as client:
        stranger = await view(client, case)
        assert stranger["text"] is None and stranger["text_because"] == "not_your_unit"
        assert (await client.get(f"/v1/cases/{case}/parties")).status_code == 403
    noted = await intake.fetch("SELECT what, purpose FROM intake.reading WHERE case_id = $1", case)
    assert ("party", "打电话核实") in [(row["what"], row["purpose"]) for row in noted]
    raw = b"".join(row["sealed"] for row in await intake.fetch("SELECT sealed FROM intake.party"))
    assert "测试甲".encode() not in raw


async def test_an_erased_party_is_gone_and_the_log_says_so(intake: Intake) -> None:
    case = (await registered(intake, DISPUTE))["case"]
    async with intake.client("supervisor", staff="u-0007") as client:
        (party,) = (await client.get(f"/v1/cases/{case}/parties")).json()["parties"]
        path = f"/v1/cases/{case}/parties/{party['party']}"
        assert (await client.post(f"{path}/erase", json={})).status_code == 200
        assert (await client.post(f"{path}/reveal", json={"purpose": "复核"})).status_code == 410
        log = (await client.get(f"/v1/cases/{case}/events")).json()["events"]
    assert log[-1]["type"] == "party.erased.v1" and log[-1]["data"] == {"party": party["party"]}
    assert not await intake.fetch("SELECT 1 FROM intake.search WHERE party = $1", party["party"])


async def test_a_repeated_press_is_one_press_and_other_content_is_refused(intake: Intake) -> None:
    first, again = (
        await registered(intake, **{"idempotency-key": "k1"}),
        await registered(intake, **{"idempotency-key": "k1"}),
    )
    assert first == again
    async with intake.client("clerk", CENTRE, "u-0018") as client:
        answer = await client.post("/v1/cases", json=DISPUTE, headers={"idempotency-key": "k1"})
    assert answer.status_code == 409 and answer.json()["type"] == "/problems/key_reused"


async def test_a_repeat_gets_the_first_answer_though_the_case_would_refuse_it_now(intake: Intake) -> None:
    case = (await registered(intake))["case"]
    await assigned(intake, case)
    async with intake.client("department", ENFORCE, "u-0023") as team:
        key, seen = {"idempotency-key": "accept-once"}, {"seen": (await view(team, case))["sequence"]}
        first, again = [await team.post(f"/v1/cases/{case}/accept", json=seen, headers=key) for _ in range(2)]
        assert first.status_code == again.status_code == 200 and first.content == again.content
        assert (await press(team, case, "accept")).status_code == 409, "without the key it is a press of its own"
        reused = await team.post(f"/v1/cases/{case}/dispose", json=seen, headers=key)
        assert reused.status_code == 409 and reused.json()["type"] == "/problems/key_reused"
        assert (await view(team, case))["state"] == "accepted", "what was refused is rolled back"


async def test_many_at_once_under_one_key_are_one_press(intake: Intake) -> None:
    made = await asyncio.gather(*(registered(intake, **{"idempotency-key": "at-once"}) for _ in range(5)))
    assert all(one == made[0] for one in made)
    case = made[0]["case"]
    await assigned(intake, case)
    async with intake.client("seat", CENTRE, "u-0016") as seat:
        key, seen = {"idempotency-key": "urge-once"}, {"seen": (await view(seat, case))["sequence"]}
        answers = await asyncio.gather(*(seat.post(f"/v1/cases/{case}/urge", json=seen, headers=key) for _ in range(5)))
        assert {(one.status_code, one.content) for one in answers} == {(200, answers[0].content)}
        log = (await seat.get(f"/v1/cases/{case}/events")).json()["events"]
    assert [one["type"] for one in log].count("case.urged.v1") == 1


async def test_a_street_vendor_from_report_to_close(intake: Intake) -> None:
    case = (await registered(intake))["case"]
    await assigned(intake, case)
    async with intake.client("department", ENFORCE, "u-0023") as team:
        for name, body in (("accept", {}), ("attend", {}), ("dispose", {})):
            assert (await press(team, case, name, **body)).status_code == 200
        refused = await press(team, case, "close", outcome="disposed")
        assert refused.status_code == 403 and refused.json()["because"] == "role_may_not"
    async with intake.client("seat", CENTRE, "u-0016") as seat:
        early = await press(seat, case, "close", outcome="disposed")
        assert early.status_code == 409 and early.json()["because"] == "not_verified"
        assert (await press(seat, case, "verify", passed=True)).status_code == 200
        assert (await press(seat, case, "close", outcome="disposed")).status_code == 200
        shown = await view(seat, case)
    assert shown["state"] == "closed" and [one["command"] for one in shown["allowed"]] == ["reopen"]


async def test_a_stale_press_says_what_changed_and_limits_never_make_one(intake: Intake) -> None:
    case = (await registered(intake))["case"]
    await assigned(intake, case)
    now = datetime.now(UTC)
    limit = limits.LimitSet(
        limit="accept#1", step="accept", start=now, due_at=now + timedelta(minutes=5), near_at=now, within="5 minutes",
        policy="demo", policy_version=1, calendar_version=1,
    )  # fmt: skip
    async with intake.client("seat", CENTRE, "u-0016") as seat:
        seen = (await view(seat, case))["sequence"]
        await intake.say("escalation", str(case), limit, 2)

        async def ask() -> bool | None:
            return bool((await view(seat, case))["limits"]) or None

        await intake.until(ask)
        assert (await press(seat, case, "urge", seen=seen)).status_code == 200, "a limit makes no press stale"
        assert (await press(seat, case, "dispatch", seen=seen, unit="dept-roads")).status_code == 200
        stale = await press(seat, case, "urge", seen=seen)
    assert stale.status_code == 409 and stale.json()["type"] == "/problems/stale"
    (change,) = stale.json()["changed"]
    assert (change["type"], change["by"], change["unit"]) == ("case.dispatched.v1", "u-0016", "dept-roads")
    assert "u-0016已改派（" in change["says"] and change["says"] in stale.json()["detail"]


async def test_a_proposal_whose_ground_has_moved_is_superseded(intake: Intake) -> None:
    case = (await registered(intake))["case"]
    async with intake.client("seat", CENTRE, "u-0016") as seat:
        assert (await press(seat, case, "dispatch", unit="dept-roads")).status_code == 200
        late = assignments.Assigned(unit=ENFORCE, centre=CENTRE, level="street", basis=BASIS)
        await intake.say("routing", str(case), late, 1)

        async def ask() -> dict[str, object] | None:
            log = (await seat.get(f"/v1/cases/{case}/events")).json()["events"]
            return next((one for one in log if one["type"] == "case.superseded.v1"), None)

        assert (await intake.until(ask))["data"]["because"] == "lead"
        assert (await view(seat, case))["lead"] == "dept-roads"


async def test_a_link_acknowledges_by_a_press_and_not_by_being_opened(intake: Intake) -> None:
    case = str((await registered(intake))["case"])
    await assigned(intake, case)
    async with intake.client("seat", CENTRE, "u-0016") as seat:
        assert (await press(seat, case, "whistle", kind="outcry")).status_code == 200
    link = Link(case=case, obligation="w1", rank=1, staff="u-0022", unit=ENFORCE)
    token = mint_link(link, intake.stack.folder.secret("link_key").encode(), datetime.now(UTC))
    async with httpx.AsyncClient(base_url=intake.url, trust_env=False) as phone:
        shown = (await phone.get(f"/v1/links/{token}")).json()
        assert shown["unit"] == ENFORCE and shown["acknowledged_at"] is None
        assert (await phone.get(f"/v1/links/{token}")).json()["acknowledged_at"] is None
        for _ in range(2):
            assert (await phone.post(f"/v1/links/{token}", json={"answer": "coming"})).status_code == 200
        at = datetime.now(UTC)
        blown = whistles.WhistleBlown(
            obligation="w1", rank=1, unit=ENFORCE, post="head", lead_unit=ENFORCE, because="requested",
            respond_within_s=1800, blown_at=at, policy_version=1,
        )  # fmt: skip
        told = deliveries.Told(
            obligation="w1", rank=1, purpose="whistle", staff="u-0022", unit=ENFORCE, post="head", role="head",
            channel="email", attempts=1,
        )  # fmt: skip
        await intake.say("notify", case, told, 3)  # the two topics have no order between them
        await intake.say("escalation", case, blown, 3)
        assert (await phone.post(f"/v1/links/{token}/attend", json={})).status_code == 200
        assert (await phone.get("/v1/links/nonsense")).status_code == 404
    async with intake.client("seat", CENTRE, "u-0016") as seat:

        async def ask() -> dict[str, object] | None:
            (whistle,) = (await view(seat, case))["whistles"]
            (rank,) = whistle["ranks"]
            return rank if rank["told_at"] and rank["blown_at"] else None

        rank = await intake.until(ask)
        log = (await seat.get(f"/v1/cases/{case}/events")).json()["events"]
    assert rank["acknowledged_by"] == "u-0022" and rank["attended_at"]
    assert [one["type"] for one in log].count("case.whistle_acknowledged.v1") == 1


async def test_the_duty_seat_sees_what_waits_and_what_runs(intake: Intake) -> None:
    case = str((await registered(intake, {**INCIDENT, "kind": "21-00"}))["case"])
    stuck = assignments.Unroutable(reason="no_route", seat="centre-120106", basis=BASIS)
    await intake.say("routing", case, stuck)
    async with intake.client() as seat:

        async def ask() -> dict[str, object] | None:
            desk = (await seat.get("/v1/queue", params={"unit": "centre-120106"})).json()
            return next((row for row in desk["needs_you"] if row["case"] == case), None)

        assert (await intake.until(ask))["reason"] == "unroutable"


async def test_the_desk_is_cut_at_fifty_and_says_how_many_there_are(intake: Intake) -> None:
    for _ in range(52):
        case = str((await registered(intake, {**INCIDENT, "kind": "21-00"}))["case"])
        await intake.say("routing", case, assignments.Unroutable(reason="no_route", seat=CENTRE, basis=BASIS))
    async with intake.client() as seat:

        async def ask() -> dict[str, object] | None:
            desk = (await seat.get("/v1/queue")).json()
            return desk if desk["totals"]["waiting"] >= 52 else None

        desk = await intake.until(ask)
        assert len(desk["needs_you"]) == 50
        whole = (await seat.get("/v1/queue", params={"limit": 200})).json()
    rows = [row["reason"] for row in whole["needs_you"]]
    late = rows.count("overdue")
    assert whole["totals"] == desk["totals"] == {
        "waiting": len(rows) - late, "late": late, "running": len(whole["on_the_clock"]),
    }  # fmt: skip


async def test_a_case_streams_its_own_changes_and_begins_where_the_page_stopped(intake: Intake) -> None:
    case = (await registered(intake))["case"]
    await assigned(intake, case)
    async with intake.client("department", ENFORCE, "u-0023") as team:
        headers = {"last-event-id": "1"}
        async with team.stream("GET", f"/v1/cases/{case}/stream", headers=headers) as stream:
            lines = stream.aiter_lines()

            async def next_id() -> str:
                async for line in lines:
                    if line.startswith("id:"):
                        return line
                raise AssertionError("the stream ended")

            assert await asyncio.wait_for(next_id(), 10) == "id: 2"
            assert (await press(team, case, "accept")).status_code == 200
            assert await asyncio.wait_for(next_id(), 10) == "id: 3"


async def test_photos_are_kept_sealed_and_too_large_ones_are_refused(intake: Intake) -> None:
    case = (await registered(intake))["case"]
    picture = b"\xff\xd8\xff" + b"x" * 2000
    async with intake.client("grid", "grid-120106001", "u-0028") as client:
        added = await client.post(f"/v1/cases/{case}/photos", files={"file": ("a.jpg", picture, "image/jpeg")})
        assert added.status_code == 201
        large = await client.post(f"/v1/cases/{case}/photos", files={"file": ("a.jpg", b"\xff\xd8\xff" * 3_800_000)})
        assert large.status_code == 413
        other = await client.post(f"/v1/cases/{case}/photos", files={"file": ("a.html", b"<script>", "image/jpeg")})
        assert other.status_code == 415
    async with intake.client("seat") as seat:
        got = await seat.get(f"/v1/cases/{case}/photos/{added.json()['photo']}")
        shown = await view(seat, str(case))
        (last,) = (await seat.get(f"/v1/cases/{case}/events")).json()["events"][-1:]
    assert (shown["photos"], shown["photo_count"]) == ([added.json()["photo"]], 1)
    assert (last["type"], last["data"]) == ("case.photo_added.v1", {"photo": added.json()["photo"], "by": "u-0028"})
    assert got.content == picture and got.headers["content-type"] == "image/jpeg"


async def test_a_photo_sent_again_under_its_key_is_kept_once(intake: Intake) -> None:
    case, key = (await registered(intake))["case"], {"idempotency-key": uuid4().hex}
    async with intake.client("grid", "grid-120106001", "u-0028") as client:

        async def send(content: bytes, **headers: str) -> httpx.Response:
            # Each time under another boundary, as from a client that makes its form anew.
            files = {"file": ("a.jpg", b"\xff\xd8\xff" + content, "image/jpeg")}
            return await client.post(f"/v1/cases/{case}/photos", files=files, headers=headers)

        answers = [await send(b"a", **key), *(await asyncio.gather(*(send(b"a", **key) for _ in range(3))))]
        other = await send(b"b", **key)
        for n in range(photos.MOST_PER_CASE - 1):
            assert (await send(str(n).encode())).status_code == 201
        full, again = await send(b"c"), await send(b"a", **key)
    assert {(one.status_code, one.content) for one in [*answers, again]} == {(201, answers[0].content)}
    assert (other.status_code, other.json()["type"]) == (409, "/problems/key_reused")
    assert (full.status_code, full.json()["type"]) == (409, "/problems/too_many_photos")
    async with intake.client("seat") as seat:
        shown = await view(seat, str(case))
        log = (await seat.get(f"/v1/cases/{case}/events")).json()["events"]
    assert [one["type"] for one in log].count("case.photo_added.v1") == photos.MOST_PER_CASE == shown["photo_count"]


async def test_a_bad_record_holds_its_case_there_and_nothing_else(intake: Intake) -> None:
    held, other = str((await registered(intake))["case"]), str((await registered(intake))["case"])
    await intake.send("routing", "case.routing", b"{not an event}", held)
    await assigned(intake, other)
    now = datetime.now(UTC)
    limit = limits.LimitSet(
        limit="accept#1", step="accept", start=now, due_at=now + timedelta(minutes=5), near_at=now, within="5 minutes",
        policy="demo", policy_version=1, calendar_version=1,
    )  # fmt: skip
    await intake.say("escalation", held, limit)
    async with intake.client("seat", CENTRE, "u-0016") as seat:

        async def ask() -> dict[str, object] | None:
            shown = await view(seat, held)
            return shown if shown["held"] and shown["limits"] else None

        shown = await intake.until(ask)
        (hold,) = shown["held"]
        assert (hold["service"], hold["topic"], hold["reason"]) == ("intake", "case.routing", "not_json")
        assert (await press(seat, held, "dispatch", unit=ENFORCE)).status_code == 200, "presses go on"
        log = (await seat.get(f"/v1/cases/{held}/events")).json()["events"]
    assert [one["sequence"] for one in log] == list(range(1, len(log) + 1))
    assert [row["subject"] for row in await intake.fetch("SELECT subject FROM intake.parked")] == [held]
