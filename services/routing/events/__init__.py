"""The contract that routing owns: topics `case.routing` and `directory`."""

from services.kernel.envelope import Contract
from services.kernel.holding import Held, Released
from services.routing.events import assignments, directory

TOPIC = "case.routing"
DIRECTORY_TOPIC = "directory"

CONTRACT = Contract(
    assignments.Assigned,
    assignments.PanelProposed,
    assignments.PanelUnfilled,
    assignments.Unroutable,
    assignments.HandedOver,
    Held,
    Released,
)
DIRECTORY = Contract(directory.UnitPublished)
