"""Seals what is personal: AES-256-GCM, bound to table and row, so that a value moved to another row does not open."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TypeVar

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

T = TypeVar("T")
_VERSION = b"\x01"  # of the key and the form: first byte of what is sealed
_NONCE_BYTES = 12
_TOKEN_BYTES = 16


class Vault:
    """Two keys, both made from secrets of the installation: one seals, one hashes for search.

    Args:
        vault_key, index_key: contents of the secret files; any length, made into 256 bits by HKDF (RFC 5869).
    """

    def __init__(self, vault_key: bytes, index_key: bytes) -> None:
        self._cipher = AESGCM(_derive(vault_key, b"maodiao intake vault"))
        self._index = _derive(index_key, b"maodiao intake index")

    def seal(self, table: str, row: str, content: bytes) -> bytes:
        """Content as it may be stored in this row of this table."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, content, f"{table}/{row}".encode())

    def open(self, table: str, row: str, sealed: bytes) -> bytes:
        """Raises: cryptography.exceptions.InvalidTag, if it was changed or belongs elsewhere."""
        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        return self._cipher.decrypt(nonce, body, f"{table}/{row}".encode())

    def seal_struct(self, table: str, row: str, value: msgspec.Struct) -> bytes:
        """As `seal`, for a typed value."""
        return self.seal(table, row, msgspec.json.encode(value))

    def open_struct(self, table: str, row: str, sealed: bytes, type_: type[T]) -> T:
        """As `open`, for a typed value."""
        return msgspec.json.decode(self.open(table, row, sealed), type=type_)

    def token(self, term: str) -> bytes:
        """An index term (see core.search) as it is stored and looked for."""
        return self._hash(b"search", term)[:_TOKEN_BYTES]

    def code_hash(self, code: str) -> bytes:
        """The code on a receipt as it is stored."""
        return self._hash(b"code", code)

    def case_of(self, system: str, reference: str) -> str:
        """The id of the case that a system calls by this reference: the same whenever it is asked."""
        return self._hash(b"case", f"{system}\0{reference}").hex()[:32]

    def _hash(self, purpose: bytes, value: str) -> bytes:
        return hmac.digest(self._index, purpose + b"\0" + value.encode(), "sha256")


def digest(*parts: bytes) -> bytes:
    """A hash of the content of a request or record, to tell equal from other."""
    made = hashlib.sha256()
    for part in parts:
        made.update(len(part).to_bytes(8, "big") + part)
    return made.digest()


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=purpose).derive(secret)
