"""The arithmetic of the final check finds each figure that is spoiled, and names it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from deploy.demo.checks import Performance, by_group, check
from deploy.demo.views import Group
from services.intake.events import facts, reception
from services.intake.events.outbound import ReceiptAccepted, ReceiptRefused

from .books import OUT, Books, missed, request, two

Spoil = Callable[[Books, Performance], Performance | None]


def wrong(books: Books, did: Performance) -> set[str]:
    return {finding.what for finding in check(books.ledger(), did) if not finding.holds}


def test_books_that_add_up_pass():
    assert wrong(*two()) == set()


def _lose(topic: str, type_: str) -> Spoil:
    def spoil(books: Books, _: Performance) -> None:
        at = next(n for n, seen in enumerate(books.records[topic]) if seen.message.type == type_)
        del books.records[topic][at]

    return spoil


def _again(books: Books, topic: str) -> None:
    books.records[topic].append(replace(books.records[topic][0], offset=len(books.records[topic])))


def _again_with_other_bytes(books: Books, _: Performance) -> None:
    seen = books.records["case.intake"][0]
    books.records["case.intake"].append(replace(seen, offset=99, value=seen.value + b" "))


def _second_receipt(books: Books, did: Performance) -> None:
    books.say(OUT, did.cases["D1"], ReceiptAccepted(event_id="run-D1", case=did.cases["D1"], number="1"))


def _refusal(books: Books, did: Performance) -> Performance:
    books.sent.append("run-D3")
    books.say(OUT, "run-D3", ReceiptRefused(event_id="run-D3", reason="invalid", detail=""))
    return replace(did, sent=did.sent | {"D3"})


def _applied_twice(books: Books, did: Performance) -> None:
    cause = books.records["case.routing"][0].message.id
    fact = facts.Assigned(fact_at=books.records["case.routing"][0].message.time, unit="t", centre="c", level="street")
    books.say("case.intake", did.cases["D1"], fact, cause=cause)


def _falsely_missed(books: Books, did: Performance) -> None:
    missed(books, did.cases["D1"])


def _set(name: str, value: int) -> Spoil:
    def spoil(books: Books, _: Performance) -> None:
        setattr(books, name, value)

    return spoil


def _state_missing(books: Books, _: Performance) -> None:
    books.states["oversight"] -= 1


def _mail_lost(books: Books, did: Performance) -> None:
    books.mails[did.cases["D1"]] -= 1


def _closed_without_us(books: Books, did: Performance) -> None:
    books.say("case.intake", did.cases["D2"], reception.Closed(by="u-9", outcome="disposed"))


def _other_reason(_: Books, did: Performance) -> Performance:
    return replace(did, unroutable={did.cases["D1"]: "no_place"})


def _led_though_unroutable(_: Books, did: Performance) -> Performance:
    return replace(did, unroutable={**did.unroutable, did.cases["D2"]: "no_route"})


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (_second_receipt, {"requests of demo311"}),
        (_refusal, {"requests of demo311"}),
        (_lose(OUT, ReceiptAccepted.TYPE), {"requests of demo311"}),
        (_state_missing, {"cases"}),
        (_again_with_other_bytes, {"case.intake"}),
        (_set("lost_rows", 1), {"case.intake", "case.routing", "case.escalation", "case.notify", OUT}),
        (_set("unpublished", 1), {"outboxes and parked records"}),
        (_set("parked", 1), {"outboxes and parked records"}),
        (_set("behind", 1), {f"{one} has read" for one in ("intake", "routing", "escalation", "notify", "oversight")}),
        (_lose("case.intake", facts.Assigned.TYPE), {"case.intake", "facts and proposals"}),
        (_lose("case.intake", facts.Unroutable.TYPE), {"case.intake", "facts and proposals", "unroutable"}),
        (_other_reason, {"unroutable"}),
        (_led_though_unroutable, {"unroutable"}),
        (_applied_twice, {"facts and proposals"}),
        (_falsely_missed, {"left to their limits", "limits"}),
        (_mail_lost, {"mails"}),
        (_closed_without_us, {"closed"}),
    ],
)
def test_a_spoiled_figure_is_found_and_named(spoil: Spoil, found: set[str]):
    books, did = two()
    assert wrong(books, spoil(books, did) or did) == found


def test_a_record_that_a_relay_repeated_is_counted_and_no_fault():
    books, did = two()
    _again(books, "case.intake")
    _again(books, OUT)
    assert wrong(books, did) == set()
    finding = next(one for one in check(books.ledger(), did) if one.what == "case.intake")
    assert "1 repeated" in finding.seen


def test_a_table_in_which_everything_finds_a_unit_is_not_enough():
    books, did = Books(), two()[1]
    request(books, "D2", dealt_with=False)
    did = replace(did, sent=frozenset({"D2"}), cases={"D2": did.cases["D2"]}, unroutable={}, closed=0)
    assert wrong(books, replace(did, mails=books.mails)) == {"unroutable"}


def test_lag_is_summed_by_group_and_what_was_never_committed_counts_nothing():
    groups = [
        Group(group="b", lag=2, state="ok"),
        Group(group="a", lag=-1, state="ok"),
        Group(group="b", lag=1, state="ok"),
    ]
    assert by_group(groups) == {"a": 0, "b": 3}
