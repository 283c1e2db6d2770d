"""Locust with users that continue to send for a second in `on_stop`."""

import time

from benchmarks.peers import locust_websocket_client as plain

LATE_S = 1.0


class LateUser(plain.Client):
    """A user whose last samples are taken in `on_stop`."""

    def on_stop(self) -> None:
        """Continue to send for `LATE_S`, then close the connection."""
        until_s = time.monotonic() + LATE_S
        while time.monotonic() < until_s:
            self.echo()
            time.sleep(self.environment.parsed_options.pace)
        super().on_stop()
