-- The vault: people and their words. Nothing of this leaves intake but to a screen, and each reading is noted.

create table intake.party (
  party text primary key,
  case_id text not null,
  role text not null,
  kind text not null,
  sealed bytea,                -- null after erasure
  added_at timestamptz not null default clock_timestamp(),
  erased_at timestamptz
);
create index party_case on intake.party (case_id);

create table intake.words (
  words text primary key,
  case_id text not null,
  what text not null,          -- report, address, note, agreement, answer, reason
  sequence bigint,             -- of the event to which they belong
  sealed bytea not null,
  added_at timestamptz not null default clock_timestamp()
);
create index words_case on intake.words (case_id);

create table intake.photo (
  photo text primary key,
  case_id text not null,
  media_type text not null,
  bytes int not null,
  sealed bytea not null,
  added_at timestamptz not null default clock_timestamp(),
  added_by text not null
);
create index photo_case on intake.photo (case_id);
alter table intake.photo alter column sealed set storage external;  -- sealed bytes do not compress

create table intake.reading (
  id bigint generated always as identity primary key,
  staff text not null,
  case_id text,
  party text,
  what text not null,
  purpose text,
  read_at timestamptz not null default clock_timestamp()
);
comment on table intake.reading is 'Who read what was personal, when and for what; kept at least six months.';
create index reading_case on intake.reading (case_id, read_at);

create table intake.search (
  token bytea not null,        -- HMAC of a normalised name, telephone, prefix or pair of characters
  case_id text not null,
  party text not null default '',
  primary key (token, case_id, party)
);
create index search_case on intake.search (case_id);

create table intake.code (
  code_hash bytea primary key,
  case_id text not null unique
);
comment on table intake.code is 'The code on the receipt (查询码), hashed.';

create table intake.erasure (
  party text primary key,
  case_id text not null,
  erased_by text not null,
  erased_at timestamptz not null default clock_timestamp()
);
comment on table intake.erasure is 'What was erased, by reference: repeated after every restore.';
