"""Settings of a routing process."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from services.host.settings import ServiceSettings


class RoutingSettings(ServiceSettings):
    """What every service needs; routing runs on Faust unless told otherwise."""

    transport: Literal["faust", "aiokafka"] = Field(default="faust", description="what carries records to the worker")
