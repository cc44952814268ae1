"""notify's HTTP door: what became of each message of a case. No address is ever shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Protocol

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from services.host.http import Caller, Problem, require
from services.kernel.store import Unavailable
from services.notify.store.deliveries import Delivery

_ROLES = ("seat", "centre", "street", "department", "leader", "supervisor", "ops", "service")


class Kept(Protocol):
    async def of_case(self, subject: str) -> list[Delivery]: ...


class DeliveryOut(BaseModel):
    """One message to one person over one channel. state: due, spare, told, failed, called_off."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)

    obligation: str
    rank: int
    purpose: str
    staff: str
    role: str
    channel: str
    state: str
    attempts: int
    reason: str | None
    written_at: datetime
    settled_at: datetime | None


class DeliveriesOut(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    deliveries: list[DeliveryOut]


def router(kept: Kept) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/deliveries")
    async def deliveries(
        identity: Caller, case: Annotated[str, Query(pattern=r"^[0-9a-f]{32}$", description="case id")]
    ) -> DeliveriesOut:
        """What became of each message of a case, oldest first; empty for a case of which nobody was told."""
        require(identity, _ROLES)
        try:
            found = await kept.of_case(case)
        except Unavailable as fault:
            detail = "数据库没有应答，请稍后再试。The database does not answer."
            raise Problem(503, "unavailable", "暂时不能查询 Not available", detail) from fault
        return DeliveriesOut(deliveries=[DeliveryOut.model_validate(one) for one in found])

    return routes
