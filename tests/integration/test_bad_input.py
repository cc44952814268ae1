"""Bad input over HTTP and from outside systems.

Each is answered by a clear error; nothing is lost, nothing of somebody else's is parked, nothing personal is logged.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import msgspec
import pytest

from deploy.embedded.stack import EmbeddedStack
from services.kernel.envelope import decode
from tests.integration import intake_process
from tests.integration.intake_process import Intake, data_of

SECRET = "王小测"
PHONE = "13912345678"
ID_NUMBER = "110105194912310020"
GOOD = {
    "family": "incident", "kind": "05-01", "channel": "grid", "place": {"community": "120106001002"},
    "text": f"{SECRET}占道", "parties": [{"role": "reporter", "name": SECRET, "telephone": PHONE}],
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


async def cases(intake: Intake) -> int:
    return int((await intake.fetch("SELECT count(*) FROM intake.case_index"))[0][0])


def changed(**fields: object) -> dict[str, object]:
    return {**GOOD, **fields}


TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat()
BODIES: list[tuple[str, dict[str, object], str]] = [
    ("unknown field", changed(colour="red"), "extra_forbidden"),
    ("wrong type", changed(text=5), "string_type"),
    ("NUL byte", changed(text=f"{SECRET}\0"), "nul"),
    ("right-to-left override", changed(text=f"{SECRET}\u202e"), "direction_marks"),
    ("control character", changed(text="\x1b[31m"), "control_characters"),
    ("year 1066", changed(occurred_at="1066-10-14T09:00:00+00:00"), "too_early"),
    ("tomorrow", changed(occurred_at=TOMORROW), "in_future"),
    ("no zone", changed(occurred_at="2026-01-01T09:00:00"), "no_zone"),
    ("a number for a time", changed(occurred_at=1_700_000_000), "time_is_text"),
    ("a text for a number", changed(amount_fen="5"), "int_type"),
    ("a text for yes or no", changed(confidential="yes"), "bool_type"),
    ("a text for a degree", changed(place={"lon": "117.1", "lat": 39}), "float_type"),
    ("not a date", changed(occurred_at="31st of June"), "datetime_from_date_parsing"),
    (
        "wrong check digit",
        changed(parties=[{**GOOD["parties"][0], "id_number": "110105194912310021"}]),
        "id_check_digit",
    ),  # type: ignore[index,dict-item]
    ("telephone", changed(parties=[{"role": "reporter", "name": SECRET, "telephone": "12"}]), "telephone_form"),
    ("unknown kind", changed(kind="99-99"), "unknown_kind"),
    ("kind of the other family", changed(kind="0402"), "unknown_kind"),
    ("unknown community", changed(place={"community": "999"}), "unknown_community"),
    ("lon of another planet", changed(place={"lon": 500, "lat": 39}), "less_than_equal"),
    ("not a number", changed(amount_fen=-1), "greater_than_equal"),
]


@pytest.mark.parametrize(("body", "code"), [case[1:] for case in BODIES], ids=[case[0] for case in BODIES])
async def test_a_bad_body_is_refused_by_a_problem_that_repeats_nothing(
    intake: Intake, body: dict[str, object], code: str
) -> None:
    before = await cases(intake)
    async with intake.client("grid", "grid-120106001", "u-0028") as client:
        answer = await client.post("/v1/cases", json=body)
    assert answer.status_code == 422 and answer.headers["content-type"] == "application/problem+json"
    assert code in answer.text and SECRET not in answer.text and PHONE not in answer.text
    assert await cases(intake) == before
    assert SECRET not in intake.log() and PHONE not in intake.log()


STEPS: list[tuple[str, str, dict[str, object], str]] = [
    ("dispatch to a mistyped unit", "dispatch", {"unit": "dept-raods"}, "unknown_unit"),
    ("dispatch to a telephone number", "dispatch", {"unit": PHONE}, "unknown_unit"),
    ("whistle for a mistyped unit", "whistle", {"unit": "dept-raods", "kind": "outcry"}, "unknown_unit"),
    ("whistle of a kind that there is not", "whistle", {"unit": "dept-roads", "kind": "loud"}, "literal_error"),
    ("whistle of a telephone number", "whistle", {"unit": "dept-roads", "kind": PHONE}, "literal_error"),
    ("whistle of an ID number", "whistle", {"unit": "dept-roads", "kind": ID_NUMBER}, "literal_error"),
]


@pytest.mark.parametrize(("name", "body", "code"), [step[1:] for step in STEPS], ids=[step[0] for step in STEPS])
async def test_a_step_that_names_what_there_is_not_is_refused_and_leaves_nothing(
    intake: Intake, name: str, body: dict[str, object], code: str
) -> None:
    async with intake.client() as client:
        case = (await client.post("/v1/cases", json=GOOD)).json()["case"]
        answer = await client.post(f"/v1/cases/{case}/{name}", json={"seen": 1, "reason": "测试", **body})
        log = (await client.get(f"/v1/cases/{case}/events")).json()["events"]
    assert answer.status_code == 422 and code in answer.text
    assert PHONE not in answer.text and ID_NUMBER not in answer.text
    assert [one["type"] for one in log] == ["case.registered.v1"]
    words = await intake.fetch("SELECT 1 FROM intake.words WHERE case_id = $1 AND what = 'reason'", case)
    assert not words


async def test_a_number_given_as_a_reason_stays_in_the_vault(intake: Intake) -> None:
    async with intake.client() as client:
        for reason in (PHONE, ID_NUMBER, f"tel{PHONE}"):
            case = (await client.post("/v1/cases", json=GOOD)).json()["case"]
            body = {"seen": 1, "unit": "dept-roads", "reason": reason}
            assert (await client.post(f"/v1/cases/{case}/dispatch", json=body)).status_code == 200
            (last,) = (await client.get(f"/v1/cases/{case}/events")).json()["events"][-1:]
            assert last["data"]["reason"] == "stated"


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[]", b'"text"', b'{"text": "\\ud800"}', b""])
async def test_what_is_not_json_is_refused(intake: Intake, content: bytes) -> None:
    async with intake.client() as client:
        answer = await client.post("/v1/cases", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 422 and answer.json()["type"] == "/problems/invalid"


async def test_wrong_tokens_are_refused(intake: Intake) -> None:
    async with httpx.AsyncClient(base_url=intake.url, trust_env=False) as client:
        for header in ({}, {"authorization": "Basic eA=="}, {"authorization": "Bearer a.b.c"}):
            answer = await client.post("/v1/cases", json=GOOD, headers=header)
            assert answer.status_code == 401 and answer.json()["status"] == 401
    async with intake.client("nobody") as client:
        assert (await client.post("/v1/cases", json=GOOD)).status_code == 403


async def test_eleven_megabytes_are_refused_by_an_answer_that_arrives(intake: Intake) -> None:
    async with intake.client() as client:
        answer = await client.post("/v1/cases", content=b"x" * 11 * 1024 * 1024)
        assert answer.status_code == 413 and answer.headers["content-type"] == "application/problem+json"

        async def endless() -> object:
            for _ in range(11):
                yield b"x" * 1024 * 1024

        assert (await client.post("/v1/cases", content=endless())).status_code == 413
        assert (await client.get("/healthz")).status_code == 200


async def test_huge_headers_end_in_a_4xx_and_a_clean_close(intake: Intake) -> None:
    host, port = intake.url.removeprefix("http://").split(":")

    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-big: " + b"a" * 66_000)  # the server's bound is 64 KiB
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    assert answer.split(b" ")[1][:1] == b"4"
    assert b"HTTP/1.1" not in await asyncio.wait_for(reader.read(), 10), "then it closes"
    writer.close()
    async with intake.client() as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.post("/v1/cases", json=GOOD, headers={"idempotency-key": "k" * 300})).status_code == 400


@pytest.mark.parametrize(
    "path", ["/v1/cases/nul%00", "/v1/cases/..%2f..%2fetc", "/v1/cases/" + "f" * 32, "/v1/nothing"]
)
async def test_strange_paths_are_not_found(intake: Intake, path: str) -> None:
    async with intake.client() as client:
        answer = await client.get(path)
    assert answer.status_code in (404, 422) and answer.headers["content-type"] == "application/problem+json"


# Outside systems


class Sender:
    """Publishes as demo311 and waits for receipts."""

    def __init__(self, intake: Intake) -> None:
        self._intake, self.run = intake, uuid4().hex[:8]

    def event(self, name: str, /, **changes: object) -> dict[str, object]:
        data = {"reference": f"{self.run}-{name}", "family": "incident", "kind": "05-01", "text": SECRET,
                "lon": 117.158, "lat": 39.165, "contact": {"name": SECRET, "telephone": PHONE}}  # fmt: skip
        return {
            "specversion": "1.0", "id": f"{self.run}-{name}", "source": "/demo311", "type": "inbound.case_reported.v1",
            "data": data, **changes,
        }  # fmt: skip

    async def publish(self, *events: dict[str, object] | bytes, headers: list[tuple[str, bytes]] | None = None) -> None:
        for event in events:
            value = event if isinstance(event, bytes) else msgspec.json.encode(event)
            await self._intake.send("demo311", "inbound.demo311", value, self.run, headers)

    async def receipts(self, count: int, event_id: str | None = None) -> list[dict[str, object]]:
        """Receipts of this run, in the order of their partitions, with the type beside the data."""
        values = await self._intake.records("demo311", "outbound.demo311", lambda e: self._mine(e, event_id), count)
        return [{"type": decode(value).type, "bytes": value, **data_of(value)} for value in values]

    def _mine(self, envelope: object, event_id: str | None) -> bool:
        data = msgspec.json.decode(envelope.data)  # type: ignore[attr-defined]
        asked = str(data.get("event_id", ""))
        return asked == event_id if event_id is not None else asked.startswith(self.run)


async def test_an_event_becomes_a_case_and_a_repeat_is_answered_by_the_same_bytes(intake: Intake) -> None:
    sender = Sender(intake)
    before = await cases(intake)
    await sender.publish(sender.event("a"))
    await sender.receipts(1)  # published: a repeat before that is answered by this one
    await sender.publish(sender.event("a"))
    first, second = await sender.receipts(2)
    assert first == second and first["type"] == "receipt.accepted.v1"
    assert await cases(intake) == before + 1
    async with intake.client() as client:
        shown = (await client.get(f"/v1/cases/{first['case']}")).json()
    assert (shown["street"], shown["approximate"], shown["channel"]) == ("120106001", True, "system")
    (raw,) = await intake.fetch("SELECT sealed FROM intake.inbound_event WHERE event_id = $1", f"{sender.run}-a")
    assert SECRET.encode() not in raw["sealed"]


async def test_other_content_under_a_known_id_is_refused(intake: Intake) -> None:
    sender = Sender(intake)
    other = sender.event("a")
    other["data"] = {**other["data"], "text": "other"}  # type: ignore[dict-item]
    await sender.publish(sender.event("a"), other)
    await sender.receipts(2)
    await sender.publish(other)
    receipts = await sender.receipts(3)
    refused = [one for one in receipts if one["type"] == "receipt.refused.v1"]
    assert [one["reason"] for one in refused] == ["duplicate_id"] * 2 and refused[0] == refused[1]


async def test_binary_mode_is_read_too_and_disposal_is_a_step_of_the_same_case(intake: Intake) -> None:
    sender = Sender(intake)
    event = sender.event("b")
    headers = [(f"ce_{name}", str(event[name]).encode()) for name in ("specversion", "id", "source", "type")]
    await sender.publish(msgspec.json.encode(event["data"]), headers=[*headers, ("content-type", b"application/json")])
    done = {**sender.event("c"), "type": "inbound.case_disposed.v1", "data": {"reference": f"{sender.run}-b"}}
    unknown = {**sender.event("d"), "type": "inbound.case_disposed.v1", "data": {"reference": f"{sender.run}-zzz"}}
    await sender.publish(done, unknown)
    receipts = {one["event_id"]: one for one in await sender.receipts(3)}
    case = receipts[f"{sender.run}-b"]["case"]
    assert receipts[f"{sender.run}-c"]["case"] == case
    assert receipts[f"{sender.run}-d"]["reason"] == "unknown_reference"
    told = await intake.records("demo311", "outbound.demo311", lambda e: e.subject == case, 4)
    read = [decode(value) for value in told]
    assert [one.sequence for one in read] == [1, 2, 3, 4]
    assert [data_of(value).get("status", "receipt") for value in told] == [
        "receipt",
        "registered",
        "receipt",
        "disposed",
    ]


async def unknown_fields(intake: Intake) -> float:
    """How many fields of demo311's events were passed over so far."""
    async with intake.client() as client:
        shown = (await client.get("/metrics")).text
    found = re.search(r'^maodiao_inbound_unknown_fields_total\{system="demo311"\} (\S+)$', shown, re.MULTILINE)
    return float(found[1]) if found else 0.0


async def test_each_bad_event_is_answered_and_the_good_ones_go_through(intake: Intake) -> None:
    sender = Sender(intake)
    bad = {
        "source": sender.event("source", source="/other"),
        "type": sender.event("type", type="inbound.something.v9"),
        "version": sender.event("version", specversion="0.3"),
        "data": sender.event("data", data={"reference": 5}),
        "kind": sender.event("kind"),
        "nul": sender.event("nul"),
        "marks": sender.event("marks"),
        "future": sender.event("future"),
    }
    bad["kind"]["data"]["kind"] = "77-77"  # type: ignore[index]
    bad["nul"]["data"]["text"] = f"{SECRET}\0"  # type: ignore[index]
    bad["marks"]["data"]["text"] = f"{SECRET}\u202e"  # type: ignore[index]
    bad["future"]["data"]["occurred_at"] = TOMORROW  # type: ignore[index]
    extra = sender.event("good1")
    extra["data"]["colour"] = "red"  # type: ignore[index]
    passed_over = await unknown_fields(intake)
    await sender.publish(*bad.values(), extra, sender.event("good2"))
    receipts = {str(one["event_id"]).removeprefix(f"{sender.run}-"): one for one in await sender.receipts(10)}
    reasons = {name: one["reason"] for name, one in receipts.items() if one["type"] == "receipt.refused.v1"}
    assert reasons == {
        "source": "wrong_source", "type": "unknown_type", "version": "not_a_cloudevent", "data": "invalid",
        "kind": "unknown_kind", "nul": "invalid_text", "marks": "invalid_text", "future": "in_future",
    }  # fmt: skip
    assert {"good1", "good2"} <= receipts.keys()
    assert await unknown_fields(intake) == passed_over + 1
    assert all(SECRET not in str(one) and PHONE not in str(one) for one in receipts.values())
    assert SECRET not in intake.log() and PHONE not in intake.log()
    assert not await intake.fetch("SELECT 1 FROM intake.parked")


async def test_dates_and_sources_that_are_nearly_right_are_refused(intake: Intake) -> None:
    sender = Sender(intake)

    def with_data(name: str, **changes: object) -> dict[str, object]:
        event = sender.event(name)
        return {**event, "data": {**event["data"], **changes}}  # type: ignore[dict-item]

    await sender.publish(
        sender.event("good"),
        with_data("past", occurred_at="1066-10-14T09:00:00+00:00"),
        with_data("zone", occurred_at="2026-01-01T09:00:00"),
        with_data("number", occurred_at=1_700_000_000),
        with_data("again", reference=f"{sender.run}-good"),
        sender.event("neighbour", source="/demo3110"),
    )
    receipts = {str(one["event_id"]).removeprefix(f"{sender.run}-"): one for one in await sender.receipts(6)}
    assert {name: one.get("reason") for name, one in receipts.items()} == {
        "good": None, "past": "too_early", "zone": "no_zone", "number": "invalid", "again": "duplicate_reference",
        "neighbour": "wrong_source",
    }  # fmt: skip


async def test_what_has_no_id_is_answered_by_its_place_in_the_topic(intake: Intake) -> None:
    sender = Sender(intake)
    deep = b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    large, strange = sender.event("large", padding="x" * 300_000), sender.event("id", id=f"{sender.run}\u202e")
    await sender.publish(b"not json", b"\xff\xff", b"{}", b"[1]", deep, large, strange)
    seen = await intake.records("demo311", "outbound.demo311", lambda e: e.subject.startswith("inbound.demo311/"), 7)
    reasons = {"not_json", "not_a_cloudevent", "too_deep", "too_large", "bad_id"}
    assert {data_of(value)["reason"] for value in seen} == reasons


async def test_headers_without_a_value_are_no_reason_to_stop(intake: Intake) -> None:
    sender = Sender(intake)
    none: list[tuple[str, bytes]] = [("content-type", None), ("other", None), ("other", b"x")]  # type: ignore[list-item]
    await sender.publish(sender.event("null"), headers=none)
    (receipt,) = await sender.receipts(1)
    assert receipt["type"] == "receipt.accepted.v1"


async def test_a_storm_quarantines_that_system_alone_until_it_is_lifted(intake: Intake) -> None:
    sender = Sender(intake)
    await sender.publish(*(f"{sender.run} {n}".encode() for n in range(60)))

    async def quarantined() -> bool | None:
        return bool(await intake.fetch("SELECT 1 FROM intake.quarantine WHERE system = 'demo311'")) or None

    await intake.until(quarantined)
    await sender.publish(sender.event("after"))
    async with intake.client() as client:
        assert (await client.post("/v1/cases", json=GOOD)).status_code == 201, "the others go on"
        assert (await client.post("/v1/systems/demo311/lift", json={})).status_code == 403
    async with intake.client("ops", staff="u-0014") as client:
        assert (await client.post("/v1/systems/demo311/lift", json={})).json() == {"lifted": True}
    (receipt,) = await sender.receipts(1)
    assert receipt["type"] == "receipt.accepted.v1"
    log = await intake.fetch("SELECT count(*) FROM intake.inbound_event WHERE event_id LIKE 'inbound.demo311/%'")
    assert log[0][0] >= 60, "each of the bad ones is kept and was answered"


async def test_the_contract_can_be_read_by_machines(intake: Intake) -> None:
    async with intake.client() as client:
        document = (await client.get("/v1/openapi.json")).json()
    text = str(document)
    body = document["paths"]["/v1/cases"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["additionalProperties"] is False and "PlaceIn" not in document.get("components", {}).get("schemas", {})
    assert "$defs" not in text and body["properties"]["parties"]["items"]["properties"]["name"]
