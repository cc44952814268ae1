"""A connection to the database, and how its faults are told apart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from services.kernel.store import Moved, Unavailable

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

Db: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
# After these the write may or may not have happened, or the server is on its way out: read again, then try again.
FAULTS = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server closed the connection as a statement began
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidTransactionStateError,  # transaction_timeout, idle_in_transaction_session_timeout
)


@asynccontextmanager
async def faults() -> AsyncIterator[None]:
    """Turns the driver's errors into `Unavailable` and `Moved`; anything else is a fault of the program and rises."""
    try:
        yield
    except FAULTS as error:
        raise Unavailable(type(error).__name__) from error
    except asyncpg.RaiseError as error:
        raise Moved(str(error)) from error
    except asyncpg.UniqueViolationError as error:  # another writer made the same subject or number first
        raise Moved(str(error.constraint_name)) from error
    except asyncpg.PostgresError as error:
        if error.sqlstate == "MD001":
            raise Moved(str(error)) from error
        raise
