-- Every version of every policy and calendar, kept for ever (decision 8): replays decide by what was in force then.

create table escalation.policy (
  kind text not null check (kind in ('policy', 'calendar')),
  name text not null,
  version int not null check (version > 0),
  since timestamptz not null,  -- in force from then on; at least 10 s after it was stored, but for the first of its kind
  body text not null,  -- YAML, as it was applied
  applied_by text not null,
  applied_at timestamptz not null default clock_timestamp(),
  primary key (kind, name, version)
);
create unique index policy_since on escalation.policy (since) where kind = 'policy';  -- one is in force at any time
