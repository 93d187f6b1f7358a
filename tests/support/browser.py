"""Chromium without a window, driven over its debugging pipe: https://chromedevtools.github.io/devtools-protocol."""

import base64
import contextlib
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DEADLINE_SECONDS = 30.0
STOP_SECONDS = 10.0
OPTIONS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-pipe",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]  # fmt: skip
KEY_CODES = {"Tab": 9, "Enter": 13, " ": 32, "ArrowDown": 40}


class Page:
    """A browser's page, and what the browser reported of it since a file was opened."""

    def __init__(self, commands: int, messages: int) -> None:
        self._commands = commands
        self._messages = messages
        self._unread = b""
        self._ids = itertools.count(1)
        self._session: dict[str, str] = {}
        self._events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the result of a command; the events that arrive before it are remembered."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters, **self._session}
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (answer := self._receive(deadline)).get("id") != number:
            self._events.append(answer)
        assert "error" not in answer, (method, answer["error"])
        return dict(answer["result"])

    def open(self, file: Path, *, width: int = 1000, scheme: str = "light") -> None:
        """Load a file on a screen of this width and colour scheme."""
        self.use_width(width)
        self.use_media(scheme=scheme)
        self._events.clear()
        self.call("Page.navigate", url=file.as_uri())
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not self._reported("Page.loadEventFired"):
            self._events.append(self._receive(deadline))

    def use_width(self, width: int) -> None:
        """Give the screen a width, in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )

    def use_media(self, *, scheme: str = "light", medium: str = "") -> None:
        """Have the page see a colour scheme, light or dark, and a medium such as print."""
        preferred = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=medium, features=preferred)

    def press(self, key: str) -> None:
        """Press a key and release it."""
        text = {"Enter": "\r", " ": " "}.get(key, "")
        common = {"key": key, "code": {" ": "Space"}.get(key, key), "windowsVirtualKeyCode": KEY_CODES[key]}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

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
        """Return the addresses asked for since a file was opened, without fragments."""
        self.evaluate("1")  # events that are on their way come before its answer
        return [event["request"]["url"].partition("#")[0] for event in self._reported("Network.requestWillBeSent")]

    def complaints(self) -> list[str]:
        """Return what the page threw and wrote to its console, and what its policy blocked."""
        self.evaluate("1")
        kinds = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [json.dumps(event) for kind in kinds for event in self._reported(kind)]

    def pdf(self, file: Path) -> None:
        """Print the page to a file."""
        file.write_bytes(base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True)["data"]))

    def _reported(self, method: str) -> list[dict[str, Any]]:
        return [event["params"] for event in self._events if event.get("method") == method]

    def _receive(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._unread:
            left = deadline - time.monotonic()
            assert left > 0, f"the browser did not answer within {DEADLINE_SECONDS:.0f} s"
            if select.select([self._messages], [], [], left)[0]:
                read = os.read(self._messages, 1 << 20)
                assert read, "the browser has ended"
                self._unread += read
        message, _, self._unread = self._unread.partition(b"\0")
        return dict(json.loads(message))


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
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(commands)
        os.close(messages)
