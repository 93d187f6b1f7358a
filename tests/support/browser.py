"""Chromium without a window, driven over its DevTools protocol: https://chromedevtools.github.io/devtools-protocol."""

import base64
import contextlib
import fcntl
import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DEADLINE_SECONDS = 20.0

OPTIONS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-pipe",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]  # fmt: skip


class Page:
    """A browser's page, and every address that it asked for."""

    def __init__(self, commands: int, messages: int) -> None:
        self._commands = commands
        self._messages = messages
        self._unread = b""
        self._ids = itertools.count(1)
        self._session: dict[str, str] = {}
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the result of a command; the events that arrive before it are remembered."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters, **self._session}
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        for answer in self._receive():
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                return dict(answer["result"])
            self.events.append(answer)
        raise AssertionError(f"the browser ended before it answered {method}")

    def open(self, file: Path, *, width: int = 1000, scheme: str = "light") -> None:
        """Load a file on a screen of this width and colour scheme."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 500
        )
        self.set_scheme(scheme)
        self.events.clear()
        self.call("Page.navigate", url=file.as_uri())
        self.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'")

    def set_scheme(self, scheme: str) -> None:
        """Have a person prefer this colour scheme from now on."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, or of what it promises."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Wait until a JavaScript expression is true."""
        end = time.monotonic() + DEADLINE_SECONDS
        while not self.evaluate(expression):
            assert time.monotonic() < end, f"not true within {DEADLINE_SECONDS:.0f} s: {expression}"
            time.sleep(0.05)

    def requests(self) -> list[str]:
        """Return the addresses asked for since the page was opened; `data:` is no request."""
        urls = [
            event["params"]["request"]["url"] for event in self.events if event["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in urls if not url.startswith("data:")]

    def complaints(self) -> list[str]:
        """Return the errors and warnings of the page's console, and what its policy blocked."""
        thrown = [event["params"] for event in self.events if event["method"] == "Runtime.exceptionThrown"]
        logged = [event["params"]["entry"] for event in self.events if event["method"] == "Log.entryAdded"]
        return [str(each["exceptionDetails"]) for each in thrown] + [entry["text"] for entry in logged]

    def screenshot(self, file: Path) -> None:
        """Write a picture of the whole page."""
        picture = self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        file.write_bytes(base64.b64decode(picture))

    def pdf(self, file: Path) -> None:
        """Print the page to a file."""
        file.write_bytes(base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True)["data"]))

    def _receive(self) -> Iterator[dict[str, Any]]:
        while True:
            message, separator, rest = self._unread.partition(b"\0")
            if separator:
                self._unread = rest
                yield json.loads(message)
            elif chunk := os.read(self._messages, 1 << 20):
                self._unread += chunk
            else:
                return


@contextlib.contextmanager
def opened(profile: Path) -> Iterator[Page]:
    """Run Chromium with this folder as its profile, and end it afterwards."""
    assert CHROMIUM is not None
    browser_reads, commands = os.pipe()
    messages, browser_writes = os.pipe()
    # Chromium reads from 3 and writes to 4, so the pipes' own numbers must be others.
    pipes = [fcntl.fcntl(pipe, fcntl.F_DUPFD, 10) for pipe in (browser_reads, browser_writes)]
    script = f'exec "$0" "$@" 3<&{pipes[0]} 4>&{pipes[1]}'
    process = subprocess.Popen(
        ["bash", "-c", script, CHROMIUM, *OPTIONS, f"--user-data-dir={profile}"],
        pass_fds=pipes, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    for pipe in (browser_reads, browser_writes, *pipes):
        os.close(pipe)
    try:
        yield Page(commands, messages)
    finally:
        process.kill()
        process.wait()
        os.close(commands)
        os.close(messages)
