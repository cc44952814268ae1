"""The contract that escalation owns: topic `case.escalation`."""

from services.escalation.events import limits, whistles
from services.kernel.envelope import Contract
from services.kernel.holding import Held, Released

TOPIC = "case.escalation"

CONTRACT = Contract(
    limits.LimitSet,
    limits.LimitMet,
    limits.LimitMissed,
    limits.LimitStopped,
    limits.LimitRevised,
    limits.LimitUnconfirmed,
    limits.ReminderDue,
    whistles.WhistleProposed,
    whistles.ProposalWithdrawn,
    whistles.WhistleBlown,
    whistles.WhistleRefused,
    whistles.LadderExhausted,
    Held,
    Released,
)
