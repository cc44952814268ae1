"""What was typed into a form, checked: the errors in words, the input kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.portal.core.numbers import fen

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"
CHANNELS = ("window", "telephone", "visit")


def id_number_ok(number: str) -> bool:
    """GB 11643 with the check digit of ISO 7064 MOD 11-2."""
    kept = number.strip().upper()
    if len(kept) != 18 or not (kept[:17].isascii() and kept[:17].isdigit()):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, kept, strict=False))
    return _CHECK[total % 11] == kept[17]


@dataclass(frozen=True, slots=True)
class PartyInput:
    role: str
    name: str
    kind: str = "person"
    telephone: str | None = None
    id_number: str | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """A registration that can be sent to intake. `amount_fen` in hundredths of a yuan; lon, lat in WGS 84 degrees."""

    family: str
    kind: str
    channel: str
    text: str
    community: str | None = None
    address: str | None = None
    lon: float | None = None
    lat: float | None = None
    amount_fen: int | None = None
    parties: tuple[PartyInput, ...] = ()
    confidential: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """A registration, or the errors by field; the page shows what was typed again."""

    registration: Registration | None
    errors: Mapping[str, str]


def register(typed: Mapping[str, str], families: Mapping[str, str]) -> Checked:
    """Check the window's form.

    Args:
        typed: fields as sent: telephone, name, id_number, text, kind, others (one per line or by 、), amount,
            community, address, channel, confidential.
        families: kind code → family, the kinds that exist.
    """
    given = {field: value.strip() for field, value in typed.items()}
    errors = _errors(given, families)
    if errors:
        return Checked(None, errors)
    kind = given["kind"]
    return Checked(
        Registration(
            family=families[kind],
            kind=kind,
            channel=given.get("channel") or "window",
            text=given["text"],
            community=given.get("community") or None,
            address=given.get("address") or None,
            amount_fen=fen(given["amount"]) if given.get("amount") else None,
            parties=_parties(given),
            confidential=bool(given.get("confidential")),
        ),
        {},
    )


def _errors(given: Mapping[str, str], families: Mapping[str, str]) -> dict[str, str]:
    errors: dict[str, str] = {}
    if not _telephone_ok(given.get("telephone", "")):
        errors["telephone"] = "电话要 7 到 13 位数字，固定电话请带区号"
    if not given.get("name"):
        errors["name"] = "请写来人姓名"
    if given.get("id_number") and not id_number_ok(given["id_number"]):
        errors["id_number"] = "末位对不上，请照证件再看（数字或 X）"
    if not given.get("text"):
        errors["text"] = "请写是什么事，一两句就够"
    if given.get("kind", "") not in families:
        errors["kind"] = "请点一个类别"
    if given.get("amount") and fen(given["amount"]) is None:
        errors["amount"] = "金额请写数字，例如 1860.00"
    if not given.get("community") and not given.get("address"):
        errors["community"] = "请选社区；不清楚就写地址"
    if given.get("channel", "window") not in ("", *CHANNELS):
        errors["channel"] = "没有这个来源"
    return errors


def _telephone_ok(text: str) -> bool:
    digits = text.replace(" ", "").replace("-", "")
    return digits.isascii() and digits.isdigit() and 7 <= len(digits) <= 13


def _parties(given: Mapping[str, str]) -> tuple[PartyInput, ...]:
    came = PartyInput(
        role="applicant",
        name=given["name"],
        telephone=given["telephone"].replace(" ", "").replace("-", ""),
        id_number=given.get("id_number", "").upper() or None,
    )
    others = [line.strip() for line in given.get("others", "").replace("、", "\n").splitlines() if line.strip()]
    return (came, *(PartyInput(role="respondent", name=name, kind=_party_kind(name)) for name in others))


def _party_kind(name: str) -> str:
    return "organisation" if any(word in name for word in _ORGANISATIONS) else "person"


_ORGANISATIONS = ("公司", "物业", "中心", "学校", "医院", "店", "厂", "社", "局", "院", "会", "银行")


def report(typed: Mapping[str, str], families: Mapping[str, str]) -> Checked:
    """Check a grid worker's report.

    Args:
        typed: fields as sent: kind, community, address, text, and lon, lat in WGS 84 degrees from the telephone.
        families: kind code → family, the kinds that exist.
    """
    given = {field: value.strip() for field, value in typed.items()}
    errors: dict[str, str] = {}
    kind = given.get("kind", "")
    if families.get(kind) != "incident":
        errors["kind"] = "请点是什么事"
    point = _point(given)
    if point is None and not given.get("community") and not given.get("address"):
        errors["community"] = "没有定位，请选社区或写地址"
    if errors:
        return Checked(None, errors)
    chosen = given.get("community") or None
    lon, lat = point if point is not None and chosen is None else (None, None)
    address = given.get("address") or None
    made = Registration("incident", kind, "grid", given.get("text", ""), chosen, address, lon, lat)
    return Checked(made, {})


def _point(given: Mapping[str, str]) -> tuple[float, float] | None:
    try:
        lon, lat = float(given.get("lon", "")), float(given.get("lat", ""))
    except ValueError:
        return None
    return (lon, lat) if -180 <= lon <= 180 and -90 <= lat <= 90 else None
