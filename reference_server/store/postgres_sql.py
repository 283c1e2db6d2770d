"""The SQL with which PostgreSQL reads and writes a batch of appends, one statement each.

`WRITE` creates missing conversations in the order of their ids and then locks its rows in the same
order, as `CREATE` and `LOCK` do, so writers cannot deadlock. A statement that follows a lock sees
everything that previous holders of the lock committed (READ COMMITTED).
"""
# ruff: noqa: S608 - only names of our own tables and columns are put into SQL

from gauntlet.reference_server.store.messages import ENTRY_COLUMNS

ROOMS_LOCK = 7_302  # an arbitrary number; the first half of the key of a lock on a user

# `conv` is compared with IS NOT DISTINCT FROM because with `=` the planner may choose the index on
# (conv, seq) and read a whole conversation for each identity.
_SAME = """m.client_msg_id = ids.client_msg_id AND m.sender = ids.sender
    AND m.conv IS NOT DISTINCT FROM ids.conv"""

# Head, members and attendance of each conversation that exists; `has_known` is the same in every
# row and says whether any identity of the batch is stored already.
STATES = f"""
SELECT c.conv, c.last_seq, m.names, m.since, p.names, p.connections, EXISTS (
    SELECT FROM unnest($3::text[], $4::text[], $5::text[]) AS ids (conv, sender, client_msg_id)
    JOIN messages m ON {_SAME}) AS has_known
FROM conversations c
CROSS JOIN LATERAL (SELECT array_agg(member) AS names, array_agg(from_seq) AS since
    FROM members WHERE conv = c.conv) m
CROSS JOIN LATERAL (SELECT array_agg(member) AS names, array_agg(connection) AS connections
    FROM present WHERE $2 AND conv = c.conv) p
WHERE c.conv = ANY($1)"""

KNOWN = f"""
SELECT {", ".join(f"m.{name}" for name in ENTRY_COLUMNS.split(", "))} FROM messages m
JOIN unnest($1::text[], $2::text[], $3::text[]) AS ids (conv, sender, client_msg_id) ON {_SAME}"""

CREATE = """
INSERT INTO conversations SELECT conv, 0, 0, 0 FROM unnest($1::text[]) AS conv ORDER BY conv
ON CONFLICT DO NOTHING"""

LOCK = "SELECT FROM conversations WHERE conv = ANY($1) ORDER BY conv FOR UPDATE"

# Serialises the transactions that add a user to rooms, so that each one counts what the others have
# added. Taken after the rows of conversations by all of them, and in the order of the keys.
_LOCKED_USERS = f"""pg_advisory_xact_lock({ROOMS_LOCK}, key) FROM (
    SELECT DISTINCT hashtext(name) AS key FROM unnest(%s::text[]) AS name ORDER BY key) AS keys"""
LOCK_USERS = f"SELECT {_LOCKED_USERS % '$1'}"

# In how many rooms each user is; counting stops at a maximum.
ROOM_COUNTS = """
SELECT name, (SELECT count(*) FROM (
    SELECT FROM members WHERE member = name AND conv LIKE 'r.%' LIMIT $2) AS rooms)
FROM unnest($1::text[]) AS name"""

REMOVE_EMPTY = "DELETE FROM conversations WHERE conv = ANY($1::text[]) AND last_seq = 0"

WRITE = f"SELECT append_planned({', '.join(f'${number}' for number in range(1, 23))})"

# A null `since` or `connection` means that the row of the member is deleted.
APPEND_PLANNED = f"""
CREATE OR REPLACE FUNCTION append_planned(
    p_convs text[], p_expected bigint[], p_heads bigint[], p_regrouped text[],
    p_conv text[], p_seq bigint[], p_kind text[], p_ts bigint[], p_msg_id text[],
    p_client_msg_id text[], p_sender text[], p_body text[], p_event text[], p_member text[],
    p_member_conv text[], p_member_name text[], p_member_since bigint[],
    p_present_conv text[], p_present_name text[], p_present_connection text[],
    p_added text[], p_rooms_max bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    marker bigint := pg_current_xact_id()::text::bigint;
    moved bigint;
BEGIN
    INSERT INTO conversations
        SELECT conv, 0, 0, 0 FROM unnest(p_convs, p_expected) AS new (conv, expected)
        WHERE expected = 0 ORDER BY conv ON CONFLICT DO NOTHING;
    PERFORM FROM conversations WHERE conv = ANY(p_convs) ORDER BY conv FOR UPDATE;
    UPDATE conversations c SET last_seq = new.head, changed = marker, members_changed =
            CASE WHEN c.conv = ANY(p_regrouped) THEN marker ELSE c.members_changed END
        FROM unnest(p_convs, p_expected, p_heads) AS new (conv, expected, head)
        WHERE c.conv = new.conv AND c.last_seq = new.expected;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved < cardinality(p_convs) THEN
        RAISE EXCEPTION USING ERRCODE = 'serialization_failure';
    END IF;
    INSERT INTO messages ({ENTRY_COLUMNS}) SELECT * FROM unnest(p_conv, p_seq, p_kind, p_ts,
        p_msg_id, p_client_msg_id, p_sender, p_body, p_event, p_member);
    IF cardinality(p_member_conv) > 0 THEN
        DELETE FROM members m USING unnest(p_member_conv, p_member_name) AS gone (conv, member)
            WHERE m.conv = gone.conv AND m.member = gone.member;
        INSERT INTO members SELECT * FROM unnest(p_member_conv, p_member_name, p_member_since)
            AS new (conv, member, since) WHERE since IS NOT NULL;
    END IF;
    IF cardinality(p_added) > 0 THEN
        PERFORM {_LOCKED_USERS % "p_added"};
        PERFORM FROM unnest(p_added, p_rooms_max) AS new (name, most) WHERE most < (
            SELECT count(*) FROM members WHERE member = name AND conv LIKE 'r.%');
        IF FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'serialization_failure';
        END IF;
    END IF;
    IF cardinality(p_present_conv) > 0 THEN
        DELETE FROM present p USING unnest(p_present_conv, p_present_name) AS gone (conv, member)
            WHERE p.conv = gone.conv AND p.member = gone.member;
        INSERT INTO present
            SELECT * FROM unnest(p_present_conv, p_present_name, p_present_connection)
            AS new (conv, member, connection) WHERE connection IS NOT NULL;
    END IF;
END $$"""
