-- The projection: a case's state in columns, derived from oversight_state.state in the same statement that writes it.
-- It lies in the schema of states, because a rebuild makes it again.

create table oversight_state.case_row (
  case_id text primary key,
  partition int not null,
  number text not null,
  family text not null,
  kind text not null,
  channel text not null,
  system text,
  community text not null,
  street text,
  state text not null,
  lead text,
  centre text,
  led_at timestamptz,
  unroutable text,
  opened_at timestamptz not null,
  begun_at timestamptz not null,
  closed_at timestamptz,
  outcome text,
  reopened int not null,
  reworked int not null
) with (fillfactor = 75);
create index case_open on oversight_state.case_row (street) where closed_at is null;
create index case_opened on oversight_state.case_row (opened_at);
create index case_closed on oversight_state.case_row (closed_at) where closed_at is not null;
create index case_reopened on oversight_state.case_row (begun_at) where reopened > 0;

create table oversight_state.limit_row (
  case_id text not null,
  limit_name text not null,
  partition int not null,
  step text not null,
  status text not null,
  set_at timestamptz not null,
  start_at timestamptz not null,
  near_at timestamptz not null,
  due_at timestamptz not null,
  until timestamptz,
  reported_late boolean not null,
  policy_version int not null,
  obligation text,
  rank int,
  primary key (case_id, limit_name)
) with (fillfactor = 75);
comment on column oversight_state.limit_row.until is
  'When it ceased to be waited for: met, stopped, closed, or done too late. Near and overdue follow from the time of the question.';
create index limit_waiting on oversight_state.limit_row (due_at) where until is null;
create index limit_ended on oversight_state.limit_row (until) where until is not null;

create table oversight_state.whistle_row (
  case_id text not null,
  obligation text not null,
  partition int not null,
  rank int not null,
  status text not null,
  unit text not null,
  post text not null,
  by_unit text not null,
  begun_at timestamptz,
  told_at timestamptz,
  undeliverable_at timestamptz,
  acknowledged_at timestamptz,
  attended_at timestamptz,
  ended_at timestamptz,
  under_way boolean not null,
  primary key (case_id, obligation)
) with (fillfactor = 75);
create index whistle_under_way on oversight_state.whistle_row (case_id) where under_way;

create table oversight_state.awaiting_row (
  case_id text not null,
  what text not null,
  partition int not null,
  since timestamptz not null,
  primary key (case_id, what)
);
create index awaiting_since on oversight_state.awaiting_row (since);

create table oversight_state.held_row (
  case_id text not null,
  service text not null,
  topic text not null,
  partition int not null,
  reason text not null,
  since timestamptz not null,
  primary key (case_id, service, topic)
);
