-- The kernel's tables, in every service's schema {schema} and its state schema {schema}_state (decisions 2, 3, 6).

create table if not exists {schema}.event (
  id bigint generated always as identity primary key,  -- drawn under the subject's lock, so in order per subject
  topic text not null,
  partition int not null,
  key text not null,
  sequence bigint not null,
  event_id text not null,
  body bytea not null check (octet_length(body) < 900000),  -- below the broker's limit with its headers
  unique (topic, key, sequence)
);
comment on table {schema}.event is 'What this service said, kept for ever: the archive from which a lost topic is published again.';

create table if not exists {schema}.unpublished (
  id bigint primary key,  -- of an event; no foreign key: its check, row by row, was a third of a batch's statement
  partition int not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
comment on table {schema}.unpublished is 'The outbox: ids of events that the broker has not acknowledged yet.';

create table if not exists {schema}.position (
  topic text not null,
  partition int not null,
  next_offset bigint not null,
  epoch bigint not null,
  upto timestamptz,
  primary key (topic, partition)
) with (fillfactor = 50);
comment on table {schema}.position is 'How far the worker has come; epoch fences whoever held the partition before; limits before upto have fired.';

create table if not exists {schema}.parked (
  topic text not null,
  partition int not null,
  "offset" bigint not null,
  subject text not null,
  key bytea,
  value bytea,
  reason text not null,
  parked_at timestamptz not null default clock_timestamp(),
  redrive boolean not null default false,
  primary key (topic, partition, "offset")
);
create index if not exists parked_subject on {schema}.parked (subject);

create table if not exists {schema}.skip (
  topic text not null,
  partition int not null,
  from_offset bigint not null,
  to_offset bigint not null,
  reason text not null,
  by text not null,
  at timestamptz not null default clock_timestamp()
);
comment on table {schema}.skip is 'Records that somebody passed over by hand (maodiao position skip), and why.';

create table if not exists {schema}.mark (
  partition int primary key,
  upto timestamptz not null
) with (fillfactor = 50);
comment on table {schema}.mark is 'No event of this partition gets a time before upto (decision 4).';

create table if not exists {schema}_state.state (
  subject text primary key,
  partition int not null,
  due_at timestamptz,
  doc bytea not null
) with (fillfactor = 75);
create index if not exists state_due on {schema}_state.state (partition, due_at) where due_at is not null;

create or replace function {schema}.must(holds boolean, what text) returns void language plpgsql as $must$
begin
  if holds is not true then
    raise exception '%', what using errcode = 'MD001';  -- the store reads again and decides again
  end if;
end $must$;

create or replace view {schema}_state.readable as
  select subject, partition, due_at, convert_from(doc, 'UTF8')::jsonb as doc from {schema}_state.state;
