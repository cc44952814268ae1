"""Requests of Kafka's protocol that aiokafka lacks: many access rules at once, quotas, users.

After the message definitions of Kafka 4: API keys 30 (CreateAcls), 49 (AlterClientQuotas), 51
(AlterUserScramCredentials). aiokafka has no types, hence the `ignore` at each class.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Array,
    Boolean,
    CompactArray,
    CompactBytes,
    CompactString,
    Float64,
    Int8,
    Int16,
    Int32,
    Schema,
    String,
    TaggedFields,
)

from deploy.topology import Acl, Quota

ITERATIONS = 4096
SCRAM_SHA_512 = 2
_ALLOW = 3


class CreateAclsResponse(Response):  # type: ignore[misc]
    """Answer to `CreateAclsRequest`."""

    API_KEY = 30
    API_VERSION = 1
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("results", Array(("error_code", Int16), ("error_message", String("utf-8")))),
    )


class CreateAclsStruct(RequestStruct):  # type: ignore[misc]
    """Many access rules in one request; aiokafka's own takes one."""

    API_KEY = 30
    API_VERSION = 1
    RESPONSE_TYPE = CreateAclsResponse
    SCHEMA = Schema(
        (
            "creations",
            Array(
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
                ("resource_pattern_type", Int8),
                ("principal", String("utf-8")),
                ("host", String("utf-8")),
                ("operation", Int8),
                ("permission_type", Int8),
            ),
        )
    )


@dataclass
class CreateAcls(Request[CreateAclsStruct]):  # type: ignore[misc]
    """Allow what the rules say; saying it again changes nothing."""

    API_KEY = 30
    acls: Sequence[Acl]

    def build(self, request_struct_class: type[CreateAclsStruct]) -> CreateAclsStruct:
        """The request as it goes over the wire."""
        rows = [
            (a.resource.value, a.name, a.pattern.value, f"User:{a.user}", "*", a.operation.value, _ALLOW)
            for a in self.acls
        ]
        return request_struct_class(rows)


class AlterClientQuotasResponse(Response):  # type: ignore[misc]
    """Answer to `AlterClientQuotas`."""

    API_KEY = 49
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "entries",
            Array(
                ("error_code", Int16),
                ("error_message", String("utf-8")),
                ("entity", Array(("entity_type", String("utf-8")), ("entity_name", String("utf-8")))),
            ),
        ),
    )


class AlterClientQuotasStruct(RequestStruct):  # type: ignore[misc]
    """Limits per user."""

    API_KEY = 49
    API_VERSION = 0
    RESPONSE_TYPE = AlterClientQuotasResponse
    SCHEMA = Schema(
        (
            "entries",
            Array(
                ("entity", Array(("entity_type", String("utf-8")), ("entity_name", String("utf-8")))),
                ("ops", Array(("key", String("utf-8")), ("value", Float64), ("remove", Boolean))),
            ),
        ),
        ("validate_only", Boolean),
    )


@dataclass
class AlterClientQuotas(Request[AlterClientQuotasStruct]):  # type: ignore[misc]
    """Set the quotas of users."""

    API_KEY = 49
    quotas: Sequence[Quota]

    def build(self, request_struct_class: type[AlterClientQuotasStruct]) -> AlterClientQuotasStruct:
        """The request as it goes over the wire."""
        entries = [
            (
                [("user", q.user)],
                [
                    ("producer_byte_rate", float(q.producer_bytes), False),
                    ("consumer_byte_rate", float(q.consumer_bytes), False),
                    ("request_percentage", float(q.request_percent), False),
                ],
            )
            for q in self.quotas
        ]
        return request_struct_class(entries, False)


class AlterScramResponse(Response):  # type: ignore[misc]
    """Answer to `AlterScram`."""

    API_KEY = 51
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            CompactArray(
                ("user", CompactString("utf-8")),
                ("error_code", Int16),
                ("error_message", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class AlterScramStruct(RequestStruct):  # type: ignore[misc]
    """Users with the salted form of their passwords."""

    API_KEY = 51
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = AlterScramResponse
    SCHEMA = Schema(
        ("deletions", CompactArray(("name", CompactString("utf-8")), ("mechanism", Int8), ("tags", TaggedFields))),
        (
            "upsertions",
            CompactArray(
                ("name", CompactString("utf-8")),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


@dataclass
class AlterScram(Request[AlterScramStruct]):  # type: ignore[misc]
    """Make users, or give them new passwords: `passwords` by user."""

    API_KEY = 51
    passwords: dict[str, str]

    def build(self, request_struct_class: type[AlterScramStruct]) -> AlterScramStruct:
        """The request as it goes over the wire. Only the salted password travels."""
        rows: list[tuple[str, int, int, bytes, bytes, dict[int, bytes]]] = []
        for user, password in self.passwords.items():
            salt = os.urandom(24)
            salted = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
            rows.append((user, SCRAM_SHA_512, ITERATIONS, salt, salted, {}))
        return request_struct_class([], rows, {})
