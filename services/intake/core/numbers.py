"""Case numbers, as people say them: 西于庄 格〔2026〕0001 号. Drawn, never computed from the last one seen."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from services.intake.events.reception import Family

ZONE = ZoneInfo("Asia/Shanghai")
_LETTER: dict[Family, str] = {"incident": "格", "dispute": "调"}  # 网格事件; 人民调解


def year_of(at: datetime) -> int:
    """The year in which a case is numbered: the calendar's in Tianjin."""
    return at.astimezone(ZONE).year


def series_of(unit: str, family: Family) -> str:
    """The series a number is drawn from, once per year. unit: short name."""
    return f"{unit} {_LETTER[family]}"


def number(series: str, year: int, drawn: int) -> str:
    """The number as it is printed; `drawn` counts 1, 2, 3 … within series and year."""
    return f"{series}〔{year}〕{drawn:04d} 号"
