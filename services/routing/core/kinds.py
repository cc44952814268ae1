"""Kinds of disputes and incidents (案由、事件类别): codes within a family, with names for display."""

from __future__ import annotations

import msgspec


class Kind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """code: `0402`, `05-01`. family: dispute or incident. class_…: the class above it."""

    family: str
    code: str
    class_code: str
    class_zh: str
    class_en: str
    name_zh: str
    name_en: str
