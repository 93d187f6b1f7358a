"""Chromium without a window, driven over its debugging pipe (https://chromedevtools.github.io/devtools-protocol/)."""

import base64
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = Path("/usr/bin/chromium")
TIMEOUT = 30.0
"""Seconds for one command of the protocol."""

_OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-pipe",
)  # fmt: skip
_KEYS = {"Tab": 9, "Enter": 13, " ": 32, "ArrowDown": 40, "Escape": 27}
"""Virtual key codes."""


class Page:
    """One tab. `events` has all that the browser reported of it."""

    def __init__(self, process: "subprocess.Popen[bytes]", read_end: int, write_end: int) -> None:
        self._process, self._read_end, self._write_end = process, read_end, write_end
        self._buffer = b""
        self._last_id = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the result of a command. Raises RuntimeError when the browser refuses it, TimeoutError without one."""
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write_end, data) :]
        deadline = time.monotonic() + TIMEOUT
        while True:
            reply = self._receive(deadline)
            if reply.get("id") != self._last_id:
                self.events.append(reply)
            elif "error" in reply:
                raise RuntimeError(f"{method}: {reply['error']}")
            else:
                result: dict[str, Any] = reply["result"]
                return result

    def open(self, path: Path) -> None:
        """Open a file and wait until it has loaded."""
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        deadline = time.monotonic() + TIMEOUT
        while not self.events_of("Page.loadEventFired"):
            self.events.append(self._receive(deadline))

    def events_of(self, method: str) -> list[dict[str, Any]]:
        """Return the parameters of the events of one kind since the page was opened."""
        return [event["params"] for event in self.events if event.get("method") == method]

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, as JSON. Raises RuntimeError when it throws."""
        reply = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in reply:
            raise RuntimeError(str(reply["exceptionDetails"]))
        return reply["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key and release it."""
        text = {"Enter": "\r", " ": " "}.get(key, key if len(key) == 1 else "")
        code = _KEYS.get(key) or ord(key.upper())
        common = {"key": key, "code": {" ": "Space"}.get(key, key), "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def use_width(self, width: int, height: int = 900) -> None:
        """Give the page a width in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def use_media(self, *, scheme: str = "light", medium: str = "") -> None:
        """Have the page see a colour scheme, light or dark, and a medium such as print."""
        self.call(
            "Emulation.setEmulatedMedia", media=medium, features=[{"name": "prefers-color-scheme", "value": scheme}]
        )

    def screenshot(self, path: Path, *, whole: bool = True) -> None:
        """Write a PNG of the page, or of what is in view."""
        data = self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))

    def print(self, path: Path) -> None:
        """Write a PDF of the page as it is printed."""
        path.write_bytes(base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True)["data"]))

    def _receive(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._read_end], [], [], left)[0]:
                raise TimeoutError(f"chromium did not answer in {TIMEOUT:.0f} s")
            data = os.read(self._read_end, 1 << 16)
            if not data:
                raise RuntimeError(f"chromium ended with {self._process.poll()}")
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        reply: dict[str, Any] = json.loads(message)
        return reply


@contextmanager
def chromium(profile: Path) -> Iterator[Page]:
    """Start the browser with a new profile in this folder; it is stopped at the end."""
    their_read, our_write = os.pipe()
    our_read, their_write = os.pipe()
    # The pipe is file descriptors 3 and 4, which Python cannot choose.
    script = f'exec "$@" 3<&{their_read} 4>&{their_write}'
    command = ["bash", "-c", script, "bash", str(CHROMIUM), *_OPTIONS, f"--user-data-dir={profile}"]
    process = subprocess.Popen(
        command, pass_fds=(their_read, their_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(their_read)
    os.close(their_write)
    try:
        page = Page(process, our_read, our_write)
        yield page
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(our_read)
        os.close(our_write)
