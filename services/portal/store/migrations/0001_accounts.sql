-- Who may sign in, where they work, and who is signed in. Passwords as argon2 hashes; cookies as SHA-256 digests.
create table portal.account (
    login text primary key,
    staff text not null,
    name text not null,
    password text not null,
    changed_at timestamptz not null default now()
);
create index on portal.account (staff);

create table portal.place (
    login text not null references portal.account on delete cascade,
    ordinal integer not null,
    unit text not null,
    post text not null,
    role text not null,
    primary key (login, ordinal)
);

-- Wrong tries, also for logins that do not exist: the answer must not tell which do.
create table portal.attempts (
    login text primary key,
    wrong integer not null,
    locked_until timestamptz,
    last_at timestamptz not null
);

create table portal.session (
    digest bytea primary key,
    login text not null references portal.account on delete cascade,
    csrf text not null,
    ordinal integer,
    expires_at timestamptz not null
);
create index on portal.session (expires_at);
