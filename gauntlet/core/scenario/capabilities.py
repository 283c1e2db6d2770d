"""What an IM system may have, in the words adapters declare it in; runs record what was declared.

What an adapter does not declare is never assumed: checks that need it say not-applicable, and
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
    SERVER_SEQ: "the server numbers the entries of a conversation: dense, ascending, for all alike",
    HISTORY: "what is stored can be read back, page by page",
    RESUME: "a lost session can be taken up again: the server sends on what was missed",
    IDEMPOTENT_SEND: "a message sent again under its id is stored once, so that clients may retry",
    SELF_ECHO: "the sender's own device is shown what it sent, in its place",
    DEVICES: "a user is connected with several devices at once, and each is shown everything",
    ROOMS: "conversations into which members are put, and which they enter and exit",
    HEADS: "the server tells how far conversations have come",
    OPEN_ACCOUNTS: "whoever logs in is a user: each run of a living system has users of its own",
}

# Of a load whose users have several devices.
FOR_DEVICES = frozenset({DEVICES, SELF_ECHO})

# How an adapter is named that is not in this tree: where Python finds it.
OUT_OF_TREE = "package.module:Class"
_IDENTIFIER = r"[A-Za-z_]\w*"
OUT_OF_TREE_PATTERN = rf"^{_IDENTIFIER}(\.{_IDENTIFIER})*:{_IDENTIFIER}$"


def is_out_of_tree(adapter: str) -> bool:
    """Whether an adapter is named by its place, which is then all that is known of it here."""
    return re.fullmatch(OUT_OF_TREE_PATTERN, adapter) is not None
