"""The contract that notify owns: topic `case.notify`."""

from services.kernel.envelope import Contract
from services.kernel.holding import Held, Released
from services.notify.events import deliveries

TOPIC = "case.notify"

CONTRACT = Contract(
    deliveries.Called,
    deliveries.Told,
    deliveries.StepFailed,
    deliveries.Undeliverable,
    deliveries.CalledOff,
    deliveries.StoodDown,
    Held,
    Released,
)
