"""The sender on a clock and channels of its own: kills, leases, two at once, retries, next channel, next person."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.store import Moved, Unavailable
from services.notify.core import inputs
from services.notify.core.inputs import Key
from services.notify.core.patience import Patience
from services.notify.doors.channels.port import Failed, Retry, Sent
from services.notify.events.deliveries import CalledOff, StoodDown, Undeliverable
from services.notify.store.deliveries import Claim

from .examples import blown
from .fakes import LEASE, FakeChannel, Killed, World, sender, told

WHISTLE = Key("whistle", "w1", 1)


def after(world: World, span: timedelta) -> None:
    world.clock.at += span


async def test_a_call_is_sent_once_and_told_once():
    world, mail = World(), FakeChannel()
    await world.feed(blown())
    one = sender(world, {"email": mail})
    assert await one.once() == 1 and await one.once() == 0
    assert [address for address, _ in mail.took] == ["u-head@example.invalid"]
    assert told(world.events) == ["u-head"]
    assert world.lines[WHISTLE, "u-head", "email"].state == "told"


async def test_what_was_claimed_for_it_is_sent_without_looking():
    world, mail = World(), FakeChannel()
    await world.feed(blown())
    one = sender(world, {"email": mail})
    claims, world.claim = await world.claim(1, LEASE), never  # type: ignore[method-assign]
    one.take(claims)
    assert one.room == one.pace.most - 1
    await asyncio.wait_for(asyncio.gather(*one._running), 5)
    assert told(world.events) == ["u-head"] and one.room == one.pace.most and not one.wake.is_set()


async def test_told_that_nothing_is_claimed_it_looks():
    one = sender(World(), {})
    one.take([])
    assert one.wake.is_set()


async def test_a_fault_of_the_program_in_what_was_claimed_for_it_ends_the_sender():
    world = World()
    await world.feed(blown())
    one = sender(world, {"email": FakeChannel(script=[ZeroDivisionError()])})
    claims = await world.claim(1, LEASE)
    one.take(claims)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(one.run(), 5)
    assert one.room == 0
    one.take(claims)
    assert not one._running, "whoever stops takes nothing more"


async def never(most: int, lease: timedelta) -> list[Claim]:
    raise AssertionError("it looked")


async def test_killed_after_sending_there_is_one_repeat_with_the_same_id_and_one_told():
    world, mail = World(), FakeChannel()
    await world.feed(blown())
    world.faults = [Killed()]
    with pytest.raises(Killed):
        await sender(world, {"email": mail}).once()
    assert len(mail.took) == 1 and told(world.events) == []
    later = sender(world, {"email": mail})
    assert await later.once() == 0  # the dead sender's lease still runs
    after(world, LEASE)
    assert await later.once() == 1
    assert len(mail.took) == 2 and mail.took[0][1].id == mail.took[1][1].id
    assert told(world.events) == ["u-head"] and await later.once() == 0


async def test_killed_before_sending_nothing_is_lost():
    world, mail = World(), FakeChannel(script=[Killed()])
    await world.feed(blown())
    with pytest.raises(Killed):
        await sender(world, {"email": mail}).once()
    after(world, LEASE)
    await sender(world, {"email": mail}).once()
    assert len(mail.took) == 1 and told(world.events) == ["u-head"]


async def test_frozen_past_its_lease_a_sender_wakes_and_changes_nothing():
    """It had sent, froze, another repeated and wrote; its own writing then says nothing more."""
    world, mail = World(), FakeChannel()
    await world.feed(blown())
    frozen, other = sender(world, {"email": mail}), sender(world, {"email": mail})
    (claim,) = await world.claim(1, LEASE)
    after(world, LEASE)
    await other.once()
    await frozen.deliver(claim)
    assert told(world.events) == ["u-head"]
    frozen_result = inputs.Delivered(claim.key, claim.staff, claim.channel, claim.attempts)
    before = list(world.said)
    await frozen.outcomes.settle(claim, frozen_result)
    assert world.said == before


async def test_a_frozen_senders_refusal_does_not_take_back_what_the_other_was_promised():
    world = World()
    await world.feed(blown())
    (claim,) = await world.claim(1, LEASE)
    after(world, LEASE)
    await sender(world, {"email": FakeChannel()}).once()
    await sender(world, {"email": FakeChannel(script=[Failed("smtp_550")])}).deliver(claim)
    assert told(world.events) == ["u-head"] and len(world.said) == 2


async def test_two_senders_share_the_work_and_repeat_nothing():
    world, mail = World(), FakeChannel()
    for n in range(1, 21):
        await world.feed(blown(obligation=f"w{n}"))
    pair = [sender(world, {"email": mail}), sender(world, {"email": mail})]
    pair = [replace(s, pace=replace(s.pace, most=3)) for s in pair]
    while sum(await asyncio.gather(*(s.once() for s in pair))):
        pass
    assert len(mail.took) == 20 == len({m.id for _, m in mail.took}) == len(told(world.events))


async def test_a_channel_that_does_not_answer_is_tried_again_after_a_growing_pause():
    world, mail = World(), FakeChannel(script=[Retry("smtp_unanswered"), Retry("smtp_unanswered")])
    await world.feed(blown())
    one = sender(world, {"email": mail})
    assert await one.once() == 1 and await one.once() == 0
    after(world, timedelta(seconds=1))
    assert await one.once() == 1 and await one.once() == 0
    after(world, timedelta(seconds=1))
    assert await one.once() == 0
    after(world, timedelta(seconds=1))
    assert await one.once() == 1
    assert told(world.events) == ["u-head"] and world.events[-1].attempts == 3


async def test_after_its_last_attempt_the_persons_next_channel_is_tried_at_once_then_the_next_person():
    world = World(contacts={"u-head": ("email", "webhook")})
    mail, hook = FakeChannel(script=[Failed("smtp_550")]), FakeChannel(script=[Failed("webhook_404")])
    await world.feed(blown())
    one = sender(world, {"email": mail, "webhook": hook})
    while await one.once():
        pass
    assert world.lines[WHISTLE, "u-head", "email"].state == "failed"
    assert world.lines[WHISTLE, "u-head", "webhook"].state == "failed"
    assert [type(e).__name__ for e in world.events] == ["Called", "StepFailed", "Told"]
    assert told(world.events) == ["u-day"] and world.clock.at == world.said[0].time  # no time has passed


async def test_whoever_has_no_address_is_passed_over_at_once():
    world, mail = World(contacts={"u-head": (), "u-day": ()}), FakeChannel()
    await world.feed(blown())
    one = sender(world, {"email": mail})
    while await one.once():
        pass
    assert told(world.events) == ["u-seat"]
    assert [e.reason for e in world.events if type(e).__name__ == "StepFailed"] == ["no_contact", "no_contact"]


async def test_when_everybody_fails_it_is_undeliverable():
    world, mail = World(), FakeChannel(script=[Failed("x"), Failed("x"), Failed("x")])
    await world.feed(blown())
    one = sender(world, {"email": mail})
    while await one.once():
        pass
    assert isinstance(world.events[-1], Undeliverable) and world.events[-1].reason == "channels_failed"


async def test_what_is_over_before_it_leaves_does_not_leave():
    world, mail = World(), FakeChannel()
    await world.feed(blown(after=0))
    await world.feed(inputs.Ended(after=1, by="u-clerk"), topic="case.intake")
    await sender(world, {"email": mail}).once()
    assert mail.took == [] and isinstance(world.events[-1], CalledOff)
    assert world.lines[WHISTLE, "u-head", "email"].state == "called_off"


async def test_what_ends_while_it_leaves_is_told_and_stood_down():
    world, mail = World(), FakeChannel()
    await world.feed(blown(after=0))
    (claim,) = await world.claim(1, LEASE)
    one = sender(world, {"email": mail})
    assert claim.case is not None
    result = await one._send(claim, claim.case)
    await world.feed(inputs.Ended(after=1, by="u-clerk"), topic="case.intake")
    await one._settle(claim, result)
    await one.once()
    assert told(world.events) == ["u-head"] and isinstance(world.events[-1], StoodDown)
    assert [m.reference["purpose"] for _, m in mail.took] == ["whistle", "stood_down"]


async def test_an_answer_outlives_a_fault_of_the_database_and_a_race(monkeypatch):
    waits: list[float] = []

    async def no_wait(seconds: float) -> None:
        waits.append(seconds)

    world, mail = World(), FakeChannel()
    await world.feed(blown())
    monkeypatch.setattr("services.notify.doors.outcomes.asyncio.sleep", no_wait)
    world.faults = [Unavailable("OSError"), Moved("event_key"), Unavailable("OSError")]
    await sender(world, {"email": mail}).once()
    assert len(mail.took) == 1 and told(world.events) == ["u-head"] and [w for w in waits if w] == [0.05, 0.1]


async def test_a_message_that_kills_every_sender_is_given_up_and_the_next_person_called():
    world = World()
    await world.feed(blown())
    for _ in range(9):
        with pytest.raises(Killed):
            await sender(world, {"email": FakeChannel(script=[Killed()])}).once()
        after(world, LEASE)
    one = sender(world, {"email": FakeChannel()})
    while await one.once():
        pass
    assert told(world.events) == ["u-day"]


async def test_stopping_waits_for_what_is_on_its_way():
    world, mail = World(), FakeChannel()
    started, release = asyncio.Event(), asyncio.Event()

    class Slow:
        async def send(self, address, message):
            started.set()
            await release.wait()
            return await mail.send(address, message)

    await world.feed(blown())
    task = asyncio.create_task(sender(world, {"email": Slow()}).run())
    await started.wait()
    task.cancel()
    await asyncio.sleep(0)
    release.set()
    await asyncio.wait([task])
    assert told(world.events) == ["u-head"]


@given(st.integers(1, 30), st.floats(0, 1), st.none() | st.integers(0, 3600))
def test_a_pause_is_bounded_grows_and_ends(attempt, chance, asked):
    patience = Patience(6, timedelta(seconds=1), timedelta(seconds=15))
    pause = patience.pause(attempt, chance, timedelta(seconds=asked) if asked is not None else None)
    if attempt >= 6:
        assert pause is None
    else:
        assert timedelta(seconds=1) <= pause <= timedelta(seconds=15)
        further = patience.pause(attempt + 1, chance)
        assert further is None or further >= patience.pause(attempt, chance)


@given(
    st.lists(st.sampled_from([Sent(), Failed("x"), Retry("y"), Killed()]), max_size=12),
    st.lists(st.sampled_from(["kill", "ok"]), max_size=12),
)
def test_whatever_channels_and_kills_do_repeats_are_at_most_one_per_kill(script, writes):
    """And in the end somebody was told or it is undeliverable."""
    asyncio.run(_storm(script, writes))


async def _storm(script, writes):
    world, mail = World(contacts={"u-head": ("email", "webhook")}), FakeChannel(script=list(script))
    await world.feed(blown())
    kills = 0
    world.faults = [Killed() for w in writes if w == "kill"]
    for _ in range(200):
        try:
            found = await sender(world, {"email": mail, "webhook": mail}).once()
        except Killed:
            kills += 1
            found = 1
        after(world, LEASE)
        if not found and all(line.state != "due" for line in world.lines.values()):
            break
    assert world.events[-1].TYPE in ("notify.told.v1", "notify.undeliverable.v1")
    assert len(told(world.events)) <= 1
    assert len(mail.took) <= len(told(world.events)) + kills
