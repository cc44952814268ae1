-- The copy of topic `directory`: the newest record of each unit, as routing published it.
create table notify.unit (
  unit text primary key,
  version bigint not null,
  doc bytea not null
);
comment on table notify.unit is 'Copy of topic directory; units, posts, rosters by staff id. Filled again from the topic at each start.';

-- Personal data of staff, at work only; nothing of it leaves this table except to a channel.
create table notify.contact (
  staff text primary key,
  email text,
  telephone text,
  webhook text,
  first text not null default 'email' check (first in ('email', 'webhook')),
  changed_at timestamptz not null default clock_timestamp()
);
comment on table notify.contact is 'Work addresses by staff id (maodiao staff import). first: the channel tried first.';

create view notify.contact_channel as
  select staff, channel, (row_number() over (partition by staff order by channel <> first, channel))::int - 1 as place
  from notify.contact
  cross join lateral (values ('email', email), ('webhook', webhook)) as c (channel, address)
  where address is not null;

create table notify.delivery (
  subject text not null,
  purpose text not null,
  obligation text not null,
  rank int not null,
  staff text not null,
  channel text not null,
  partition int not null,
  role text not null,
  place int not null,
  state text not null check (state in ('due', 'spare', 'told', 'failed', 'called_off')),
  attempts int not null default 0,
  free_at timestamptz not null default clock_timestamp(),
  token uuid,
  reason text,
  written_at timestamptz not null default clock_timestamp(),
  settled_at timestamptz,
  primary key (subject, purpose, obligation, rank, staff, channel)
) with (fillfactor = 75);
create index delivery_due on notify.delivery (free_at) where state = 'due';

comment on table notify.delivery is 'One message to one person over one channel. Written in the statement that writes the event that asks for it.';
comment on column notify.delivery.place is 'Order among the channels of this person; place 0 begins as due, the others wait as spare.';
comment on column notify.delivery.free_at is 'From when on a sender may take it: end of the lease, or of the pause after a failed attempt.';
comment on column notify.delivery.token is 'The lease: whoever took it last. A sender whose lease is over finds another token here.';
comment on column notify.delivery.reason is 'Code of the last failure; never an address, never the words of a server.';
