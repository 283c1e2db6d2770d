"""The capabilities that an adapter can declare for its IM system; runs record what was declared.

A capability that is not declared is never assumed: checks that need it are not applicable, and
workloads that need it are refused.
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

CAPABILITIES: dict[str, str] = {
    SERVER_SEQ: "the server numbers the entries of a conversation without gaps, equally for all",
    HISTORY: "stored messages can be read back, page by page",
    RESUME: "a lost session can be resumed, and the server sends what was missed",
    IDEMPOTENT_SEND: "a message sent again under its id is stored once, so that clients may retry",
    SELF_ECHO: "the sender's own device receives what it sent, in its position",
    DEVICES: "a user can be connected with several devices, and each receives everything",
    ROOMS: "conversations to which members are added, and which they enter and exit",
    HEADS: "the server reports the last position of each conversation",
    OPEN_ACCOUNTS: "any name can log in, so that each run of a running system has its own users",
}

# Needed by a load whose users have several devices.
FOR_DEVICES = frozenset({DEVICES, SELF_ECHO})

# How an adapter outside of this tree is named: by the place where Python finds it.
OUT_OF_TREE = "package.module:Class"
_IDENTIFIER = r"[A-Za-z_]\w*"
OUT_OF_TREE_PATTERN = rf"^{_IDENTIFIER}(\.{_IDENTIFIER})*:{_IDENTIFIER}$"


def is_out_of_tree(adapter: str) -> bool:
    """Whether an adapter is named by its place; nothing else is known of it here."""
    return re.fullmatch(OUT_OF_TREE_PATTERN, adapter) is not None
