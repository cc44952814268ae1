"""`maodiao lag`: whether every service keeps up, live."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import httpx
import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deploy.embedded.folder import DEFAULT, DataFolder
from deploy.errors import DeployError
from services.host.tokens import Identity, mint
from services.oversight.core.lag import State
from services.oversight.doors.answers import GroupAnswer, LagAnswer, PartitionAnswer

console = Console(highlight=False)

WORDS: Final = {
    State.OK: ("跟上 ok", "green"),
    State.BEHIND: ("落后 behind", "yellow"),
    State.REWOUND: ("退回 rewound", "yellow"),
    State.STALLED: ("卡住 stalled", "bold red"),
    State.STOPPED: ("停了 stopped", "bold red"),
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(lag)


def lag(
    data: Annotated[Path, typer.Option("--data", help="The data folder of the running stack.")] = DEFAULT,
    once: Annotated[
        bool, typer.Option("--once", help="Print it once; exit code 1 if one is stalled or stopped.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print once what oversight answers, as JSON.")] = False,
    partitions: Annotated[bool, typer.Option("--partitions", help="A line for each partition that lags.")] = False,
    every: Annotated[float, typer.Option("--every", min=0.2, help="Seconds between two readings.")] = 2.0,
) -> None:
    """Show topic lag of every consumer group in records and seconds; stopped is told from stalled. Ctrl-C ends it.

    It asks oversight of the data folder, or the one that MAODIAO_OVERSIGHT_URL names (with MAODIAO_SECRETS_DIR).

    Examples:  maodiao lag    maodiao lag --once    maodiao lag --json | jq .services
    """
    where = Door.of(data)
    if as_json:
        console.print(where.ask().model_dump_json(indent=2), markup=False, soft_wrap=True)
        return
    if once:
        seen = where.ask()
        console.print(render(seen, datetime.now(UTC), partitions=partitions))
        if any(group.state in (State.STALLED, State.STOPPED) for group in seen.services):
            raise typer.Exit(1)
        return
    try:
        _watch(where, every, partitions)
    except KeyboardInterrupt:
        return


def _watch(where: "Door", every: float, partitions: bool) -> None:
    seen = where.ask()  # a first answer, or a clear sentence before the screen is taken
    with Live(render(seen, datetime.now(UTC), partitions=partitions), console=console, auto_refresh=False) as live:
        while True:
            time.sleep(every)
            try:
                seen, trouble = where.ask(), ""
            except DeployError as error:
                trouble = str(error)
            live.update(render(seen, datetime.now(UTC), partitions=partitions, trouble=trouble), refresh=True)


class Door:
    """Oversight's door: its address and the key with which calls to it are signed."""

    def __init__(self, url: str, key: bytes) -> None:
        self.url, self._key = url, key

    @classmethod
    def of(cls, data: Path) -> "Door":
        """Of the environment, or of the stack in a data folder.

        Raises:
            DeployError: there is neither.
        """
        url, secrets = os.environ.get("MAODIAO_OVERSIGHT_URL"), os.environ.get("MAODIAO_SECRETS_DIR")
        if url and secrets:
            return cls(url, _key(Path(secrets) / "token_key"))
        folder = DataFolder(data)
        port = folder.known_ports().get("oversight-1")
        if port is None:
            raise DeployError(
                f"Nothing runs in {folder.root}. Start it with `maodiao up`, or name another folder with --data."
            )
        return cls(f"http://127.0.0.1:{port}", _key(folder.secret_file("token_key")))

    def ask(self) -> LagAnswer:
        """What oversight says now.

        Raises:
            DeployError: it does not answer, or not with lag.
        """
        token = mint(Identity(staff="cli", unit="", post="", role="ops"), self._key, datetime.now(UTC))
        try:
            answer = httpx.get(
                f"{self.url}/v1/lag", headers={"authorization": f"Bearer {token}"}, timeout=5, trust_env=False
            )
        except httpx.HTTPError as error:
            raise DeployError(
                f"Oversight at {self.url} does not answer ({type(error).__name__}). `maodiao status` shows what runs."
            ) from error
        if answer.status_code != 200:
            raise DeployError(f"Oversight at {self.url} answered {answer.status_code}: {answer.text[:200]}")
        return LagAnswer.model_validate_json(answer.content)


def _key(file: Path) -> bytes:
    try:
        return file.read_text().strip().encode()
    except OSError as error:
        raise DeployError(f"The key {file} can't be read ({error.strerror}). Was the stack initialised?") from error


def render(seen: LagAnswer, now: datetime, *, partitions: bool = False, trouble: str = "") -> RenderableType:
    """What is shown. Pure.

    Args:
        seen: oversight's answer. now: for the age of the reading. partitions: also a line for each that lags.
        trouble: why there is nothing newer.
    """
    parts: list[RenderableType] = [_head(seen, now, trouble), _groups(seen)]
    if partitions:
        parts.append(
            _partitions([place for place in seen.groups if place.lag or place.state not in (State.OK, State.STOPPED)])
        )
    for mark in seen.marks:
        parts.append(Text(f"标记 mark  {mark.service}  {mark.age_s:.1f} s", "red" if mark.age_s > 10 else "dim"))
    if not seen.marks:
        parts.append(Text("标记 mark  没听到 none heard", "red"))
    parked = f"暂存 held  {len(seen.parked)}"
    parts.append(Text(parked, "red" if seen.parked else "dim"))
    parts += [Text(f"  {p.service}  {p.topic}  {p.subject}  {p.reason}", "red") for p in seen.parked[:10]]
    return Group(*parts)


def _head(seen: LagAnswer, now: datetime, trouble: str) -> Text:
    age = (now - seen.as_of).total_seconds()
    local = seen.as_of.astimezone().strftime("%H:%M:%S")
    head = Text.assemble(("积压 Lag", "bold"), f"   截至 as of {local}")
    if trouble or age > 10:
        head.append(f"   旧的 {age:.0f} s old", "bold red")
    if trouble:
        head.append(f"\n{trouble}", "red")
    return head


def _groups(seen: LagAnswer) -> Table:
    table = _table()
    for group in seen.services:
        table.add_row(group.group, *_figures(group))
    return table


def _table(*more: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("组\ngroup", "状态\nstate"):
        table.add_column(name, no_wrap=True)
    for name in ("条\nrecords", "秒\nseconds", "趋势\ntrend", "进程\nmembers"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("提交\ncommit", *more):
        table.add_column(name, no_wrap=True)
    return table


def _partitions(places: list[PartitionAnswer]) -> Table:
    table = _table("分区\npartition")
    for place in places:
        table.add_row(place.group, *_figures(place), f"{place.topic}-{place.partition} {place.current} / {place.end}")
    return table


def _figures(row: GroupAnswer | PartitionAnswer) -> tuple[Text, str, str, str, str, str]:
    word, style = WORDS[row.state]
    seconds = "?" if row.seconds is None else "0" if row.seconds == 0 else f"{row.seconds:.1f}"
    moved = row.moved_at.astimezone().strftime("%H:%M:%S") if row.moved_at else "—"
    trend = f"{row.trend:+d}" if row.trend else "0"
    return Text(word, style), f"{row.lag:,}", seconds, trend, str(row.members), moved
