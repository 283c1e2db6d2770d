"""One users DB in several processes, as in the layout `split` on SQLite."""

import asyncio
import subprocess
import sys

from gauntlet.reference_server.store import open_users

WRITERS, ROWS = 3, 40
WRITE = """
import asyncio, sys
from gauntlet.reference_server.store import open_users

async def write(url, me, rows):
    store = open_users(url, 1000)
    for number in range(rows):
        await store.ensure_account(f"user{number}")
        await store.relate(f"{me}a{number}", f"{me}b{number}", "block")
    await store.close()

asyncio.run(write(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


async def poll(url, is_over):
    """Poll while others write and once more afterwards; return all conversations with a block."""
    store = open_users(url, 1000)
    found, version, last = set(), 0, False
    while not last:
        last = is_over()
        page = await store.blocks_since(version)
        found |= set(page.blockers)
        version = page.version
    await store.close()
    return found


def test_concurrent_writer_processes_lose_no_row_and_no_block_change(tmp_path):
    url = f"sqlite://{tmp_path}/users.db"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITE, url, f"w{number}", str(ROWS)])
        for number in range(WRITERS)
    ]
    found = asyncio.run(poll(url, lambda: all(each.poll() is not None for each in writers)))
    assert [each.wait() for each in writers] == [0] * WRITERS
    assert found == {
        f"d.w{writer}a{number}.w{writer}b{number}"
        for writer in range(WRITERS)
        for number in range(ROWS)
    }
