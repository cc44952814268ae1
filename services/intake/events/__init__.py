"""The contract that intake owns: topic `case.intake`, and what outside systems send and hear."""

from services.intake.events import facts, inbound, mediation, outbound, reception, whistle
from services.kernel import holding
from services.kernel.envelope import Contract

TOPIC = "case.intake"

CONTRACT = Contract(
    reception.Registered,
    reception.Dispatched,
    reception.Accepted,
    reception.Declined,
    reception.Attended,
    reception.Disposed,
    reception.Verified,
    reception.Closed,
    reception.Reopened,
    reception.Urged,
    reception.PhotoAdded,
    reception.PartyErased,
    reception.RevisionOrdered,
    mediation.SessionHeld,
    mediation.AgreementReached,
    mediation.Performed,
    whistle.WhistleRequested,
    whistle.WhistleConfirmed,
    whistle.WhistleAcknowledged,
    whistle.WhistleAnswered,
    whistle.WhistleSettled,
    whistle.WhistleWithdrawn,
    facts.Assigned,
    facts.PanelFormed,
    facts.PanelUnfilled,
    facts.Unroutable,
    facts.HandedOver,
    facts.Superseded,
    facts.LimitSet,
    facts.LimitMet,
    facts.LimitMissed,
    facts.LimitStopped,
    facts.LimitRevised,
    facts.LimitUnconfirmed,
    facts.WhistleProposed,
    facts.ProposalWithdrawn,
    facts.WhistleBlown,
    facts.WhistleRefused,
    facts.LadderExhausted,
    facts.ReminderDue,
    facts.Told,
    facts.Undeliverable,
    facts.StoodDown,
    facts.Held,
    facts.Released,
    holding.Held,
    holding.Released,
)
INBOUND = Contract(inbound.CaseReported, inbound.CaseDisposed)
OUTBOUND = Contract(outbound.ReceiptAccepted, outbound.ReceiptRefused, outbound.StatusChanged)
