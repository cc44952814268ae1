"""Settings of a notify process."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field

from services.host.settings import ServiceSettings
from services.kernel.broker import read_secret


class NotifySettings(ServiceSettings):
    """What every service needs, and how people are reached."""

    portal_url: str = Field(default="http://127.0.0.1:8080", description="the portal inside the installation")
    public_url: str | None = Field(
        default=None, description="the portal as readers of messages reach it; else portal_url"
    )
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 25
    smtp_tls: Literal["none", "starttls", "tls"] = "none"
    smtp_user: str | None = None
    smtp_password_file: Path | None = None
    mail_from: str = Field(default="maodiao@localhost.localdomain", description="sender's address of all mail")
    channel_timeout_s: float = Field(default=10.0, gt=0, le=60, description="one attempt of one channel")
    lease_s: float = Field(default=30.0, gt=0, description="after a kill a delivery waits this long for another sender")
    attempts: int = Field(default=4, ge=1, le=20, description="of one channel, before the next is tried")
    first_pause_s: float = Field(default=1.0, gt=0)
    longest_pause_s: float = Field(default=15.0, gt=0)
    at_once: int = Field(default=16, ge=1, le=200, description="messages on their way at a time")
    link_days: int = Field(default=3, ge=1, le=30)

    @property
    def link_base(self) -> str:
        return self.public_url or self.portal_url

    @cached_property
    def smtp_password(self) -> str | None:
        return read_secret(self.smtp_password_file) if self.smtp_password_file is not None else None
