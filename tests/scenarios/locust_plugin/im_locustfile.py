"""Users that try all that `IMUser` has, and write down what came of it."""

import json
import os
from pathlib import Path

from locust import constant, task

from gauntlet.locust import IMUser, LoadOver, NoSuchPeer, NotHeard

FILE = Path(os.environ["IM_NOTES"])


def note(**what):
    """One line of what was seen."""
    with FILE.open("a") as file:
        file.write(json.dumps(what) + "\n")


class Caller(IMUser):
    """Calls the other one by turns, in a room and alone, and is answered."""

    wait_time = constant(0.05)
    fixed_count = 1

    @task
    def call(self):
        """Send, hear the answer; do what cannot be done."""
        (room,), (peer,) = self.im.rooms, self.im.peers
        for to in (room, peer):
            sent = self.im.send(to=to, body=f"marco|{to}")
            heard = self.im.wait_for(lambda heard, sent=sent: heard.conv == sent.conv, timeout=2)
            note(sent=sent._asdict(), heard=heard._asdict())
        try:
            self.im.send(to="nobody", body="")
        except NoSuchPeer as error:
            note(error=str(error))
        try:
            self.im.wait_for(lambda _: False, timeout=0.01)
        except NotHeard as error:
            note(error=str(error))


class Answerer(IMUser):
    """Answers where it was called, until the load is over."""

    fixed_count = 1

    @task
    def answer(self):
        """Wait for a call for longer than the load lasts."""
        try:
            heard = self.im.wait_for(lambda heard: heard.body.startswith("marco"), timeout=60)
            self.im.send(heard.conv if heard.conv.startswith("r.") else heard.sender, "polo")
        except LoadOver:
            note(over=self.im.name)
            raise
