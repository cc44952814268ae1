-- Triggers that write down who wrote what: the ledger's own eyes in the database. Made by the administrator.
create schema if not exists chaos;

create table if not exists chaos.moved (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  application text not null,
  backend int not null,
  schema_name text not null,
  topic text not null,
  partition int not null,
  epoch_before bigint,
  epoch bigint not null,
  before bigint,
  next_offset bigint not null
);
create index if not exists moved_claims on chaos.moved (schema_name, topic, partition, id)
  where epoch_before is distinct from epoch;

create table if not exists chaos.written (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  application text not null,
  backend int not null,
  table_name text not null,
  rows bigint not null,
  transaction bigint not null,
  causes text[] not null  -- of notify's events alone: they tell its sender's writes from its worker's
);

create table if not exists chaos.slow (application text primary key);  -- whose claims take their time

create or replace function chaos.note_moved() returns trigger language plpgsql security definer as $$
begin
  if tg_op = 'INSERT' or old.epoch <> new.epoch then
    if exists (select from chaos.slow where application = current_setting('application_name')) then
      perform pg_sleep(0.2);
    end if;
  end if;
  insert into chaos.moved (application, backend, schema_name, topic, partition, epoch_before, epoch, before, next_offset)
  values (current_setting('application_name'), pg_backend_pid(), tg_table_schema, new.topic, new.partition,
          case when tg_op = 'UPDATE' then old.epoch end, new.epoch,
          case when tg_op = 'UPDATE' then old.next_offset end, new.next_offset);
  return null;
end $$;

create or replace function chaos.note_written() returns trigger language plpgsql security definer as $$
declare
  many bigint := (select count(*) from fresh);
  causes text[] := '{}';
begin
  if many > 0 then
    if tg_table_schema = 'notify' then
      causes := (select array_agg(coalesce(convert_from(body, 'UTF8')::json ->> 'causationid', '')) from fresh);
    end if;
    insert into chaos.written (application, backend, table_name, rows, transaction, causes)
    values (current_setting('application_name'), pg_backend_pid(), tg_table_schema || '.' || tg_table_name, many,
            pg_current_xact_id()::text::bigint, causes);
  end if;
  return null;
end $$;

do $$
declare
  service text;
  place text;
begin
  foreach service in array array['intake', 'routing', 'escalation', 'notify', 'oversight'] loop
    execute format('create or replace trigger chaos_moved after insert or update on %I.position
                    for each row execute function chaos.note_moved()', service);
    foreach place in array array[format('%I.event', service), format('%I.state', service || '_state')] loop
      execute format('create or replace trigger chaos_inserted after insert on %s referencing new table as fresh
                      for each statement execute function chaos.note_written()', place);
      execute format('create or replace trigger chaos_updated after update on %s referencing new table as fresh
                      for each statement execute function chaos.note_written()', place);
    end loop;
  end loop;
end $$;
