-- Intake's own tables beside the kernel's. What is personal stands in "sealed" columns: AES-GCM, bound to table and row.

create table intake.case_index (
  case_id text primary key,
  number text not null unique,
  family text not null,
  kind text not null,
  state text not null,
  community text not null,
  street text,
  lead text,
  units text[] not null,       -- every unit that has to do with it: lead, assisting, centre, called, receiver's
  system text,
  registered_at timestamptz not null,
  sequence bigint not null,
  needs text[] not null,       -- why it stands on the duty seat's desk
  next_due timestamptz,
  overdue boolean not null
) with (fillfactor = 80);
comment on table intake.case_index is 'By what cases are found; follows the states, written with them. No personal data.';
create index case_index_newest on intake.case_index (registered_at desc, case_id desc);
create index case_index_state on intake.case_index (state, registered_at desc);
create index case_index_units on intake.case_index using gin (units);
create index case_index_needs on intake.case_index using gin (needs) where needs <> '{}';
create index case_index_due on intake.case_index (next_due) where next_due is not null;

create table intake.number (
  series text not null,
  year int not null,
  last bigint not null,
  primary key (series, year)
) with (fillfactor = 50);
comment on table intake.number is 'Case numbers: one row per series and year, locked by whoever draws.';

create table intake.press (
  staff text not null,
  key text not null,
  digest bytea not null,
  status int,
  sealed bytea,
  pressed_at timestamptz not null default clock_timestamp(),
  primary key (staff, key)
);
comment on table intake.press is 'Idempotency keys: a repeated press gets the first answer, another content under the same key is refused.';

create table intake.directory_unit (
  unit text primary key,
  version bigint not null,
  body bytea not null
);
comment on table intake.directory_unit is 'Copy of the directory, so that intake starts without routing.';
