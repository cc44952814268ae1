-- The directory in all its versions, the route tables, the kinds, and the loads.

create table routing.edition (
  version bigint primary key,
  made_at timestamptz not null,
  zone text not null,
  why text not null
);
comment on table routing.edition is 'Changes of directory and route tables together, numbered; a basis names one (directory_version).';

create table routing.unit_version (
  unit text not null,
  version int not null,
  edition bigint not null references routing.edition,
  doc bytea not null,
  primary key (unit, version)
);
create index unit_version_edition on routing.unit_version (edition);
comment on table routing.unit_version is 'What was published of each unit (directory.unit_published), kept for ever.';

create table routing.route_table (
  version int primary key,
  edition bigint not null references routing.edition,
  start timestamptz not null,
  doc bytea not null
);
comment on table routing.route_table is 'Who leads what, from when; a version is never changed, so that verify can decide by it again.';

create table routing.kind (
  family text not null,
  code text not null,
  class_code text not null,
  class_zh text not null,
  class_en text not null,
  name_zh text not null,
  name_en text not null,
  primary key (family, code)
);
comment on table routing.kind is 'Kinds of disputes and incidents, for display.';

create table routing.unit_load (
  unit text primary key,
  version bigint not null,
  load int not null
) with (fillfactor = 50);
comment on table routing.unit_load is 'Open cases per unit or staff id: a count over routing_state.state, kept by the batches; version tells a batch that somebody else chose meanwhile.';

create table routing.request (
  key text primary key,
  digest bytea not null,
  unit text not null,
  version int not null,
  made_at timestamptz not null default clock_timestamp()
);
comment on table routing.request is 'Idempotency-Key of each POST with what came of it, so that a repeat changes nothing.';
