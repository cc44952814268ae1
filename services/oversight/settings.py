"""Settings of an oversight process: those of every service, and how patient it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from services.host.settings import ServiceSettings
from services.oversight.core import audit, lag


class OversightSettings(ServiceSettings):
    """All times in seconds."""

    audit_every_s: float = Field(default=60.0, gt=0, description="between two audits")
    lag_every_s: float = Field(default=2.0, gt=0, description="between two looks at the broker")
    screen_every_s: float = Field(default=1.0, gt=0, description="shortest time between two screens computed")
    utc_offset_h: float = Field(default=8.0, description="of the local day from UTC: when today begins")
    patience_marks_s: float = Field(default=10.0, gt=0, description="a progress mark older than this is an alarm")
    patience_limits_s: float = Field(default=10.0, gt=0, description="past due and neither met nor missed")
    patience_unlimited_s: float = Field(default=60.0, gt=0, description="open, with a lead unit, without a limit")
    patience_answers_s: float = Field(default=60.0, gt=0, description="a request without an answer")
    patience_told_s: float = Field(default=180.0, gt=0, description="blown, and notify has said nothing")
    patience_watch_s: float = Field(default=30.0, gt=0, description="oversight itself behind by this much")
    lag_behind_s: float = Field(default=5.0, gt=0, description="age of a waiting record from which a group is behind")
    groups: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("intake", "routing", "escalation", "notify", "oversight"),
        description="consumer groups that must run; of others, only `<one of these>-…` is an alarm when it stops",
    )
    lag_stalled_s: float = Field(default=15.0, gt=0, description="no commit while records wait")

    @field_validator("groups", mode="before")
    @classmethod
    def _split_groups(cls, value: object) -> object:
        """MAODIAO_GROUPS=intake,routing."""
        return tuple(value.split(",")) if isinstance(value, str) else value

    @property
    def utc_offset(self) -> timedelta:
        return timedelta(hours=self.utc_offset_h)

    @property
    def audit_patience(self) -> audit.Patience:
        return audit.Patience(
            marks=timedelta(seconds=self.patience_marks_s),
            limits=timedelta(seconds=self.patience_limits_s),
            unlimited=timedelta(seconds=self.patience_unlimited_s),
            answers=timedelta(seconds=self.patience_answers_s),
            told=timedelta(seconds=self.patience_told_s),
            watch=timedelta(seconds=self.patience_watch_s),
        )

    @property
    def lag_patience(self) -> lag.Patience:
        return lag.Patience(behind=timedelta(seconds=self.lag_behind_s), stalled=timedelta(seconds=self.lag_stalled_s))
