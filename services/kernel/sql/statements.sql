-- What the kernel says to its tables in the schemas {schema} and {schema}_state, by name (`sql.statements`).

-- name: batch
-- A batch's one statement begins so; then come parking, the service's own parts, and batch_end (`tables.Statement`).
-- live: the partitions whose rows may be written.
WITH pos AS (
  UPDATE {schema}.position p SET next_offset = u.nxt, upto = coalesce(u.upto, p.upto)
  FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::timestamptz[]) AS u(topic, part, nxt, ep, upto)
  WHERE p.topic = u.topic AND p.partition = u.part AND p.epoch = u.ep
  RETURNING p.topic, p.partition),
live AS ({live}),
st AS (
  INSERT INTO {schema}_state.state (subject, partition, due_at, doc)
  SELECT s.subject, s.partition, s.due_at, s.doc
  FROM unnest($6::text[], $7::int[], $8::timestamptz[], $9::bytea[]) AS s(subject, partition, due_at, doc)
  JOIN live USING (partition)
  ON CONFLICT (subject) DO UPDATE SET due_at = excluded.due_at, doc = excluded.doc),
ev AS (
  INSERT INTO {schema}.event (topic, partition, key, sequence, event_id, body)
  SELECT e.topic, e.partition, e.key, e.sequence, e.event_id, e.body
  FROM unnest($10::text[], $11::int[], $12::int[], $13::text[], $14::bigint[], $15::text[], $16::bytea[])
    WITH ORDINALITY AS e(topic, partition, lane, key, sequence, event_id, body, ordinal)
  JOIN live ON live.partition = e.lane ORDER BY e.ordinal
  RETURNING id, partition),
un AS (INSERT INTO {schema}.unpublished (id, partition) SELECT id, partition FROM ev RETURNING 1),

-- name: kept
-- Stands for `live` where others write these subjects too. What is written hangs on `live`, so the rows are locked and
-- compared before anything is written and before ids are drawn. {subjects}, {docs}: the rows as the batch read them.
WITH kept AS MATERIALIZED (
  SELECT {schema}.must(count(*) = cardinality({subjects}::text[]), 'a subject was changed since it was read') FROM (
    SELECT FROM {schema}_state.state s JOIN unnest({subjects}::text[], {docs}::bytea[]) AS r(subject, doc) USING (subject)
    WHERE s.doc = r.doc ORDER BY s.subject FOR UPDATE OF s) same)
SELECT lanes.partition FROM ({live}) lanes, kept

-- name: parking
pk AS (
  INSERT INTO {schema}.parked (topic, partition, "offset", subject, key, value, reason)
  SELECT p.* FROM unnest($17::text[], $18::int[], $19::bigint[], $20::text[], $21::bytea[], $22::bytea[], $23::text[])
    AS p(topic, partition, "offset", subject, key, value, reason)
  JOIN live USING (partition) ON CONFLICT DO NOTHING),
up AS (
  DELETE FROM {schema}.parked p
  USING live, unnest($24::text[], $25::int[], $26::bigint[]) AS u(topic, partition, "offset")
  WHERE p.topic = u.topic AND p.partition = u.partition AND p."offset" = u."offset" AND live.partition = u.partition),

-- name: batch_end
woken AS ({woken})
SELECT pos.topic, pos.partition, (SELECT count(*) FROM woken) AS woken, {ask} AS answer{checks}
FROM (SELECT 1) one LEFT JOIN pos ON true

-- name: claim
-- One autocommit statement: whoever held the partition before is fenced from here on.
INSERT INTO {schema}.position AS p (topic, partition, next_offset, epoch)
SELECT u.*, 1 FROM unnest($1::text[], $2::int[], $3::bigint[]) AS u
ON CONFLICT (topic, partition) DO UPDATE SET epoch = p.epoch + 1
RETURNING topic, partition, next_offset, epoch, upto

-- name: positions
SELECT topic, partition, next_offset, epoch, upto FROM {schema}.position
JOIN unnest($1::text[], $2::int[]) AS u(topic, partition) USING (topic, partition)

-- name: orphaned
-- Events for other topics may have been said before a worker first ran: the directory's are.
SELECT NOT EXISTS (SELECT FROM {schema}.position) AND EXISTS (SELECT FROM {schema}.event WHERE topic = $1)

-- name: due
SELECT s.subject, s.partition FROM unnest($1::int[], $2::timestamptz[]) AS u(partition, before)
CROSS JOIN LATERAL (SELECT subject, partition, due_at FROM {schema}_state.state s
  WHERE s.partition = u.partition AND s.due_at < u.before ORDER BY s.due_at LIMIT $3) s
ORDER BY s.due_at LIMIT $3

-- name: redrivable
SELECT topic, partition, "offset", key, value, subject, reason FROM {schema}.parked
WHERE subject IN (SELECT subject FROM {schema}.parked
                  WHERE redrive AND partition = ANY($1::int[]) ORDER BY subject LIMIT $2)
ORDER BY subject, topic, "offset"

-- name: read
SELECT subject, doc FROM {schema}_state.state WHERE subject = ANY($1::text[])

-- name: lock
-- The clock is read when a subject's lock is held. It is never below now(), the start of this transaction, because marks
-- look at the starts of open transactions: were the clock stepped back between that start and here, a time below it
-- could lie below a mark. A mark written before this transaction began is seen here; a later one looks at its start.
WITH held AS MATERIALIZED (
  SELECT subject, doc FROM {schema}_state.state WHERE subject = ANY($1::text[]) ORDER BY subject FOR UPDATE)
SELECT wanted.subject, held.doc, greatest(clock_timestamp(), now(), m.upto) AS clock
FROM unnest($1::text[], $2::int[]) AS wanted(subject, partition)
LEFT JOIN held USING (subject) LEFT JOIN {schema}.mark m USING (partition)

-- name: archived
-- Or somebody wrote down that what stands on the topic is known.
SELECT EXISTS (SELECT FROM {schema}.event WHERE topic = $1) OR EXISTS (SELECT FROM {schema}.skip WHERE topic = $1)

-- name: take_lanes
SELECT p FROM unnest($1::int[]) p WHERE pg_try_advisory_lock(hashtext('{schema}.relay'), p)

-- name: newest
SELECT max(id) FROM {schema}.unpublished

-- name: unpublished
-- OFFSET 0 keeps the planner from joining with the whole archive: few rows wait, and it has no end.
SELECT u.id, e.topic, e.partition, e.key, e.body
FROM (SELECT id FROM {schema}.unpublished WHERE partition = ANY($1::int[]) ORDER BY id LIMIT $2) u
CROSS JOIN LATERAL (SELECT topic, partition, key, body FROM {schema}.event WHERE id = u.id OFFSET 0) e ORDER BY u.id

-- name: published
-- By exact ids: ids are drawn before commit, so `id <= last` would lose rows that commit later.
DELETE FROM {schema}.unpublished WHERE id = ANY($1::bigint[])

-- name: raise_floor
INSERT INTO {schema}.mark AS m (partition, upto) SELECT p, $2 FROM unnest($1::int[]) p
ON CONFLICT (partition) DO UPDATE SET upto = greatest(m.upto, excluded.upto)

-- name: oldest_transaction
SELECT min(xact_start) FROM pg_stat_activity
WHERE usename = current_user AND pid <> pg_backend_pid() AND backend_type = 'client backend'
