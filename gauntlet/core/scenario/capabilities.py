"""The capabilities that an adapter can declare for its IM system.

A capability that is not declared is not assumed: checks that need it are not applicable, and
workloads that need it are refused. The manifest of each run records the declared capabilities.
"""

import re

SERVER_SEQ = "server_seq"
HISTORY = "history"
RESUME = "resume"
IDEMPOTENT_SEND = "idempotent_send"
SELF_ECHO = "self_echo"
DEVICES = "devices"
ROOMS = "rooms"
HEADS = "heads"
OPEN_ACCOUNTS = "open_accounts"
MEMBERS_ONLY = "members_only"
TIMESTAMPS = "timestamps"
MEMBER_CHANGES = "member_changes"
ATTENDANCE = "attendance"

CAPABILITIES: dict[str, str] = {
    SERVER_SEQ: "the server numbers the entries of a conversation without gaps, and all members "
    "see the same numbers",
    HISTORY: "stored messages can be read from the server, page by page",
    RESUME: "a client can resume a lost session, and the server sends the messages it missed",
    IDEMPOTENT_SEND: "a message that is sent again with the same id is stored once, so that "
    "clients can retry",
    SELF_ECHO: "the sending device receives its own messages in their position",
    DEVICES: "a user can connect several devices, and each of them receives all messages",
    ROOMS: "members can be added to conversations, enter them and exit them",
    HEADS: "the server reports the last position of each conversation",
    OPEN_ACCOUNTS: "any user name can log in, so that each run on a running system has its own "
    "users",
    MEMBER_CHANGES: "members of a room can be removed and added again; each change has a position, "
    "and members read what lies between being added and being removed",
    ATTENDANCE: "the server lists who is in a room, and after 5 s the list agrees with the events "
    "`entered` and `exited`",
    MEMBERS_ONLY: "only the members of a conversation can read it, enter it and send to it",
    TIMESTAMPS: "the server stamps each message with the time at which it accepted it",
}

# What a load needs in which users have several devices (`load.devices`).
FOR_DEVICES = frozenset({DEVICES, SELF_ECHO})

# How scenarios name an adapter of another distribution: by the place where Python finds it.
OUT_OF_TREE = "package.module:Class"
_IDENTIFIER = r"[A-Za-z_]\w*"
OUT_OF_TREE_PATTERN = rf"^{_IDENTIFIER}(\.{_IDENTIFIER})*:{_IDENTIFIER}$"


def is_out_of_tree(adapter: str) -> bool:
    """Return whether a name has the form `package.module:Class`; the class need not exist."""
    return re.fullmatch(OUT_OF_TREE_PATTERN, adapter) is not None
