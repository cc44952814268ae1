"""A connection to the database, and how its faults are told apart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.kernel.store import Moved, Unavailable

Db: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
# After these the write may or may not have happened, or the server is on its way out: read again, then try again.
FAULTS = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server closed the connection as a statement began
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,  # a deadlock, a conflict between transactions
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
    except asyncpg.UniqueViolationError as error:  # another writer made the same subject or number first
        raise Moved(str(error.constraint_name)) from error
    except asyncpg.PostgresError as error:
        if error.sqlstate == "MD001":
            raise Moved(str(error)) from error
        raise
