"""Users that call everything an `IMUser` offers, and write down the results."""

import json
import os
from pathlib import Path

from locust import constant, task

from gauntlet.locust import IMUser, LoadFinished, ReceiveTimeout, UnknownRecipient

FILE = Path(os.environ["IM_NOTES"])


def note(**fields):
    """Write one line with what happened."""
    with FILE.open("a") as file:
        file.write(json.dumps(fields) + "\n")


class Caller(IMUser):
    """Sends to the room and to the other user by turns, and waits for the answers."""

    wait_time = constant(0.05)
    fixed_count = 1

    @task
    def call(self):
        """Send, wait for the answer, and provoke both errors."""
        (room,), (peer,) = self.im.rooms, self.im.peers
        for to in (room, peer):
            sent = self.im.send(to=to, body=f"marco|{to}")
            received = self.im.wait_for(
                lambda message, sent=sent: message.conv == sent.conv, timeout=2
            )
            note(sent=sent._asdict(), received=received._asdict())
        try:
            self.im.send(to="nobody", body="")
        except UnknownRecipient as error:
            note(error=str(error))
        try:
            self.im.wait_for(lambda _: False, timeout=0.01)
        except ReceiveTimeout as error:
            note(error=str(error))


class Answerer(IMUser):
    """Answers in the conversation of each call until the load has ended."""

    fixed_count = 1

    @task
    def answer(self):
        """Wait for a call for longer than the load lasts."""
        try:
            call = self.im.wait_for(lambda message: message.body.startswith("marco"), timeout=60)
            self.im.send(call.conv if call.conv.startswith("r.") else call.sender, "polo")
        except LoadFinished:
            note(finished=self.im.name)
            raise
