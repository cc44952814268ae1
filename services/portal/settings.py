"""Settings of the portal: MAODIAO_… as for every service, and where the others' doors and its own files are."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from services.host.settings import ServiceSettings


class PortalSettings(ServiceSettings):
    intake_url: str
    routing_url: str
    notify_url: str
    oversight_url: str
    node_modules: Path = Field(default=Path("node_modules"), description="folder that `npm ci` filled")
    data_dir: Path = Field(default=Path("deploy/data"), description="kinds.csv, and hongqiao/ with places and outline")
    area: str = Field(default="hongqiao", description="folder within data_dir with units.csv, places.csv, outline")
    district: str = Field(default="红桥区", description="name on the one screen and on receipts")
    demo: bool = Field(default=False, description="the bar says 演示数据")
    secure_cookies: bool = Field(default=False, description="set where the portal is reached by https alone")
    session_hours: float = Field(default=12.0, gt=0)
    token_minutes: float = Field(default=60.0, gt=0, description="validity of tokens that POST /v1/session gives")
    zone: str = "Asia/Shanghai"
    duty_telephone: str = Field(
        default="", description="telephone of the duty seat, shown on whistle links; may be empty"
    )
