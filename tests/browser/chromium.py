"""A headless Chromium, controlled through its DevTools protocol, as far as the tests need it."""

import base64
import contextlib
import itertools
import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

START_TIMEOUT_S = 40.0
ANSWER_TIMEOUT_S = 20.0


class Page:
    """One page in its own browser; a context manager, at whose end the browser has exited."""

    def __init__(self, binary: str, profile: Path, size: tuple[int, int] = (1360, 1000)) -> None:
        width, height = size
        self._profile = profile
        self._ids = itertools.count(1)
        self.requested: list[str] = []
        self.errors: list[str] = []
        self._browser = subprocess.Popen(
            [
                binary,
                *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"),
                *(
                    "--disable-dev-shm-usage",
                    "--hide-scrollbars",
                    "--disable-background-networking",
                ),
                f"--window-size={width},{height}",
                *("--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.callback(self._kill)
            address = self._page_url()
            self._socket = stack.enter_context(
                connect(address, max_size=None, compression=None, ping_interval=None)
            )
            self._stack = stack.pop_all()
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")
        return self

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            self._call("Browser.close")
        self._stack.close()

    def open(self, url: str) -> None:
        """Open a URL."""
        self._call("Page.navigate", url=url)

    def js(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        response = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in response, response
        return response["result"].get("value")

    def wait(self, expression: str, within_s: float = 20.0) -> Any:
        """Return the value of an expression as soon as it is true."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if value := self.js(expression):
                return value
            time.sleep(0.1)
        raise AssertionError(f"not true within {within_s} s: {expression}")

    def screenshot(self, file: Path) -> None:
        """Write a PNG of the whole page."""
        shot = self._call("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))

    def resize(self, width: int, height: int = 900) -> None:
        """Show the page as a screen of that size does, however small."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=True,
        )

    def show_as_printed(self) -> None:
        """Use the style for print."""
        self._call("Emulation.setEmulatedMedia", media="print")

    def without_scripts(self) -> None:
        """Run no script of the pages that are opened from now on."""
        self._call("Emulation.setScriptExecutionDisabled", value=True)

    def point(self, x: float, y: float) -> None:
        """Move the mouse."""
        self._call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def pdf(self, file: Path) -> None:
        """Print the page."""
        printed = self._call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        file.write_bytes(base64.b64decode(printed["data"]))

    def _page_url(self) -> str:
        ports = self._profile / "DevToolsActivePort"
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (ports.exists() and ports.read_text().strip()):
            assert self._browser.poll() is None, "chromium ended"
            assert time.monotonic() < deadline, "chromium did not start"
            time.sleep(0.05)
        port = ports.read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as listed:
            pages = [target for target in json.load(listed) if target["type"] == "page"]
        return str(pages[0]["webSocketDebuggerUrl"])

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        request_id = next(self._ids)
        self._socket.send(json.dumps({"id": request_id, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=ANSWER_TIMEOUT_S))
            if message.get("id") == request_id:
                assert "error" not in message, message
                return message["result"]
            self._record(message)

    def _record(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        if event.get("method") == "Network.requestWillBeSent":
            self.requested.append(params["request"]["url"])
        elif event.get("method") == "Runtime.exceptionThrown":
            self.errors.append(str(params["exceptionDetails"]))
        elif event.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(params["entry"]["text"] + " " + params["entry"].get("url", ""))

    def _kill(self) -> None:
        """Wait for the exit, or kill the browser with the helper processes in its session."""
        try:
            self._browser.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._browser.pid, signal.SIGKILL)
            self._browser.wait()
