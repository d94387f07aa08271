"""Headless Chromium, driven over a pipe with nothing but the standard library (the DevTools protocol)."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["MissingBrowserError", "Page", "opened_page"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class MissingBrowserError(Exception):
    """No Chromium here; the message says how to get one."""


class Page:
    """One page: what it loaded, what its script says, what it looks like."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive = send, receive
        self._buffer, self._next, self._session = b"", 0, ""
        self.requests: list[str] = []
        self.errors: list[str] = []

    def attach(self) -> None:
        """Take the first page of the browser."""
        targets = self._call("Target.getTargets")["targetInfos"]
        target = next(one["targetId"] for one in targets if one["type"] == "page")
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")

    def open(self, where: Path, fragment: str = "") -> None:
        """Load a file and wait until it is complete."""
        self._call("Page.navigate", url=where.absolute().as_uri() + (f"#{fragment}" if fragment else ""))
        deadline = time.monotonic() + 60
        while self.run("document.readyState") != "complete":
            assert time.monotonic() < deadline, "the page is not complete after a minute"
            time.sleep(0.02)

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """A key, to what has the focus."""
        text = {"Enter": "\r", "Space": " "}.get(key, key if len(key) == 1 else "")
        event = {"key": " " if key == "Space" else key, "code": key, "text": text}
        self._call("Input.dispatchKeyEvent", type="keyDown", **event)
        self._call("Input.dispatchKeyEvent", type="keyUp", **{**event, "text": ""})

    def screenshot(self, where: Path) -> None:
        """A PNG of what is in view."""
        where.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))

    def prefer(self, scheme: str) -> None:
        """Light or dark, as the reader's system says."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", features=features)

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._next += 1
        message: dict[str, Any] = {"id": self._next, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._next:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        if event.get("method") == "Network.requestWillBeSent":
            self.requests.append(event["params"]["request"]["url"])
        elif event.get("method") == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(event["params"]["exceptionDetails"])[:500])
        elif event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
            self.errors.append(event["params"]["entry"]["text"])

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            part = os.read(self._receive, 1 << 16)
            assert part, "the browser has ended"
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


@contextmanager
def opened_page(width: int = 1280, height: int = 800) -> Iterator[Page]:
    """An empty page in a browser of its own. Raises MissingBrowserError."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        raise MissingBrowserError("no Chromium here; Debian's package chromium brings it")
    to_browser, from_us = os.pipe()
    to_us, from_browser = os.pipe()

    def connect() -> None:  # Chromium reads from 3 and writes to 4
        ends = [os.dup(to_browser), os.dup(from_browser)]
        high = [os.dup2(end, 100 + at) for at, end in enumerate(ends)]
        for at, end in enumerate(high):
            os.dup2(end, 3 + at)

    with tempfile.TemporaryDirectory() as profile:
        options = [
            *("--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--disable-dev-shm-usage", "--hide-scrollbars", f"--window-size={width},{height}"),
            *(f"--user-data-dir={profile}", "about:blank"),
        ]
        browser = subprocess.Popen(
            [program, *options], preexec_fn=connect, close_fds=False, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        page = Page(from_us, to_us)
        try:
            page.attach()
            yield page
        finally:
            os.close(from_us)
            os.close(to_us)
            browser.terminate()
            try:
                browser.wait(timeout=10)
            except subprocess.TimeoutExpired:
                browser.kill()
                browser.wait()
