"""The SQL with which PostgreSQL reads and writes a batch of appends, one statement each.

`WRITE` creates missing conversations in the order of their ids and then locks its rows in the same
order, as `CREATE` and `LOCK` do, so writers cannot deadlock. A statement that follows a lock sees
everything that previous holders of the lock committed (READ COMMITTED).
"""
# ruff: noqa: S608 - only names of our own tables and columns are put into SQL

from gauntlet.reference_server.store.messages import ENTRY_COLUMNS

ROOMS_LOCK = 7_302  # an arbitrary number; the first half of the key of a lock on a user

# Batches are passed as JSON, in one parameter for each table. The driver would encode an array
# element by element, with checks of abstract classes for each, which cost more than the rest.
_IDS = """ids AS MATERIALIZED (SELECT * FROM json_to_recordset($1::json)
    AS rows (conv text, sender text, client_msg_id text))"""

# `conv` is compared with IS NOT DISTINCT FROM because with `=` the planner may choose the index on
# (conv, seq) and read a whole conversation for each identity.
_SAME = """m.client_msg_id = ids.client_msg_id AND m.sender = ids.sender
    AND m.conv IS NOT DISTINCT FROM ids.conv"""

# Head, members and attendance of each conversation that exists; `has_known` is the same in every
# row and says whether any identity of the batch is stored already.
STATES = f"""
WITH {_IDS}
SELECT c.conv, c.last_seq, m.names, m.since, p.names, p.connections, EXISTS (
    SELECT FROM ids JOIN messages m ON {_SAME}) AS has_known
FROM conversations c
CROSS JOIN LATERAL (SELECT array_agg(member) AS names, array_agg(from_seq) AS since
    FROM members WHERE conv = c.conv) m
CROSS JOIN LATERAL (SELECT array_agg(member) AS names, array_agg(connection) AS connections
    FROM present WHERE $2 AND conv = c.conv) p
WHERE c.conv = ANY(ARRAY(SELECT conv FROM ids))"""

KNOWN = f"""
WITH {_IDS}
SELECT {", ".join(f"m.{name}" for name in ENTRY_COLUMNS.split(", "))} FROM messages m
JOIN ids ON {_SAME}"""

CREATE = """
INSERT INTO conversations SELECT conv, 0, 0, 0 FROM unnest($1::text[]) AS conv ORDER BY conv
ON CONFLICT DO NOTHING"""

LOCK = "SELECT FROM conversations WHERE conv = ANY($1) ORDER BY conv FOR UPDATE"

# Serialises the transactions that add a user to rooms, so that each one counts what the others have
# added. Taken after the rows of conversations by all of them, and in the order of the keys.
_LOCKED_USERS = f"""pg_advisory_xact_lock({ROOMS_LOCK}, key) FROM (
    SELECT DISTINCT hashtext(name) AS key FROM unnest(%s::text[]) AS name ORDER BY key) AS keys"""
LOCK_USERS = f"SELECT {_LOCKED_USERS % '$1'}"

# In how many conversations with ids of a pattern each user is; counting stops at a maximum.
COUNTS = """
SELECT name, (SELECT count(*) FROM (
    SELECT FROM members WHERE member = name AND conv LIKE $3 LIMIT $2) AS conversations)
FROM unnest($1::text[]) AS name"""

REMOVE_EMPTY = "DELETE FROM conversations WHERE conv = ANY($1::text[]) AND last_seq = 0"

WRITE = "SELECT append_planned($1::json, $2::json, $3::json, $4::json, $5::text[], $6::bigint[])"

# A null `since` or `connection` means that the row of the member is deleted. Fields of an entry
# that are empty are left out.
APPEND_PLANNED = f"""
CREATE OR REPLACE FUNCTION append_planned(
    p_heads json, p_entries json, p_members json, p_present json,
    p_added text[], p_rooms_max bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    marker bigint := pg_current_xact_id()::text::bigint;
    convs text[] := ARRAY(SELECT conv FROM json_to_recordset(p_heads) AS head (conv text));
    moved bigint;
BEGIN
    INSERT INTO conversations
        SELECT conv, 0, 0, 0 FROM json_to_recordset(p_heads) AS new (conv text, expected bigint)
        WHERE expected = 0 ORDER BY conv ON CONFLICT DO NOTHING;
    PERFORM FROM conversations WHERE conv = ANY(convs) ORDER BY conv FOR UPDATE;
    UPDATE conversations c SET last_seq = new.head, changed = marker,
            members_changed = CASE WHEN new.regrouped THEN marker ELSE c.members_changed END
        FROM json_to_recordset(p_heads)
            AS new (conv text, expected bigint, head bigint, regrouped boolean)
        WHERE c.conv = new.conv AND c.last_seq = new.expected;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved < cardinality(convs) THEN
        RAISE EXCEPTION USING ERRCODE = 'serialization_failure';
    END IF;
    INSERT INTO messages ({ENTRY_COLUMNS})
        SELECT conv, seq, type, ts, coalesce(msg_id, ''), coalesce(client_msg_id, ''),
            coalesce(sender, ''), coalesce(body, ''), coalesce(event, ''), coalesce("user", '')
        FROM json_to_recordset(p_entries) AS new (conv text, seq bigint, type text, ts bigint,
            msg_id text, client_msg_id text, sender text, body text, event text, "user" text);
    IF json_array_length(p_members) > 0 THEN
        DELETE FROM members m USING json_to_recordset(p_members) AS gone (conv text, member text)
            WHERE m.conv = gone.conv AND m.member = gone.member;
        INSERT INTO members SELECT conv, member, value FROM json_to_recordset(p_members)
            AS new (conv text, member text, value bigint) WHERE value IS NOT NULL;
    END IF;
    IF cardinality(p_added) > 0 THEN
        PERFORM {_LOCKED_USERS % "p_added"};
        PERFORM FROM unnest(p_added, p_rooms_max) AS new (name, most) WHERE most < (
            SELECT count(*) FROM members WHERE member = name AND conv LIKE 'r.%');
        IF FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'serialization_failure';
        END IF;
    END IF;
    IF json_array_length(p_present) > 0 THEN
        DELETE FROM present p USING json_to_recordset(p_present) AS gone (conv text, member text)
            WHERE p.conv = gone.conv AND p.member = gone.member;
        INSERT INTO present SELECT conv, member, value FROM json_to_recordset(p_present)
            AS new (conv text, member text, value text) WHERE value IS NOT NULL;
    END IF;
END $$"""
