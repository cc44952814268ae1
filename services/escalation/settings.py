"""Settings of an escalation process."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from services.host.settings import ServiceSettings


class EscalationSettings(ServiceSettings):
    """What every service needs; escalation runs on Faust unless told otherwise."""

    transport: Literal["faust", "aiokafka"] = Field(default="faust", description="what carries records to the worker")
    first_policy: str = Field(
        default="hongqiao",
        description="stored at the start where there is none; `policy_dir` is its folder, or a file",
    )
