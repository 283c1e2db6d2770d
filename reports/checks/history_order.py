"""history-order: the positions of a page of history ascend, and follow the requested one.

Clients sort what they receive and leave out what they have, so the disorder of a page, or its
overlap with the page before, is visible only in the page itself: the load records both when the
page arrives.
"""

import numpy as np

from gauntlet.core.history import Kind, PageFlag
from gauntlet.core.plugins import CheckKind
from gauntlet.core.scenario.capabilities import HISTORY, SERVER_SEQ
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.formatting import counted
from gauntlet.reports.history.arrays import equal, ints
from gauntlet.reports.history.history import History

KIND = CheckKind(
    "history-order",
    "a page of history was not sorted by position, or began before the requested one",
    aspect="order",
    required=True,
    needs=(SERVER_SEQ, HISTORY),
    # Pages are rare in short runs, and each with two entries can be disordered.
    examined_min=1,
)


def check(history: History) -> Finding:
    records = history.records
    pages = np.flatnonzero(equal(records["kind"], Kind.PAGE))
    wrong = PageFlag.DISORDERED | PageFlag.EARLIER
    disordered = pages[records["spare"][pages] & wrong != 0]
    # A page of one entry is always sorted.
    several = records["peer"][pages] > 1
    several |= np.isin(pages, disordered)
    return Finding(
        examined=int(several.sum()),
        subject="pages of history with several entries",
        statement="{count} of {examined} {subject} {are} not sorted by position.",
        count=disordered.size,
        witnesses=tuple(_witness(history, int(page)) for page in disordered[:WITNESSES_MAX]),
        times_ns=ints(records["t_ns"][disordered]),
        not_applicable="" if several.any() else "No page of history with several entries was read.",
    )


def _witness(history: History, page: int) -> Witness:
    record, user = history.records[page], int(history.user[page])
    reader = history.names.user(user) if user else "The audit"
    entries = counted(int(record["peer"]), "entry", "entries")
    what = "that are not in ascending order"
    if not record["spare"] & PageFlag.DISORDERED:
        what = "of which the first is not behind that position"
    return Witness(
        f"{reader} requested {history.names.conv(int(record['conv']))} after position "
        f"{record['seq']} and received {entries} {what}.",
        (),
        user,
        (page,),
    )
