"""Locust with users that go on for a second while they stop."""

import time

from benchmarks.peers import locust_websocket_client as plain

LATE_S = 1.0


class Lingering(plain.Client):
    """Its last samples are taken in `on_stop`."""

    def on_stop(self) -> None:
        """Go on for a while, then close."""
        until_s = time.monotonic() + LATE_S
        while time.monotonic() < until_s:
            self.echo()
            time.sleep(self.environment.parsed_options.pace)
        super().on_stop()
