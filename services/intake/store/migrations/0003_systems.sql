-- What outside systems sent, and what they were answered.

create table intake.inbound_event (
  system text not null,
  event_id text not null,
  digest bytea not null,
  sealed bytea not null,
  case_id text,
  received_at timestamptz not null default clock_timestamp(),
  primary key (system, event_id)
);

create table intake.receipt (
  system text not null,
  event_id text not null,
  digest bytea not null,
  event_row bigint not null references intake.event,
  primary key (system, event_id, digest)
);
comment on table intake.receipt is 'The answer to each content sent under each id: a repeat is answered by the same bytes again.';

create table intake.quarantine (
  system text primary key,
  since timestamptz not null default clock_timestamp(),
  reason text not null
);
comment on table intake.quarantine is 'Systems whose records are not read until somebody lifts it; nothing of theirs is lost meanwhile.';
