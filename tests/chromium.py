"""Chromium without a window, driven through its DevTools pipe: pages are opened and clicked as a user does."""

import fcntl
import json
import os
import shutil
import subprocess

NAMES = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """The program, or None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page. DevTools messages are JSON that ends with a NUL, on the descriptors 3 (in) and 4 (out)."""

    def __init__(self, folder, width: int = 1000, height: int = 800):
        reading, self._out = os.pipe()
        self._in, writing = os.pipe()
        command = [chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                   "--remote-debugging-pipe", f"--user-data-dir={folder}", f"--window-size={width},{height}",
                   "about:blank"]  # fmt: skip
        high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (reading, writing)]
        self._process = subprocess.Popen(command, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                         preexec_fn=lambda: [os.dup2(end, i) for i, end in enumerate(high, 3)])
        for end in high:
            os.close(end)
        os.close(reading)
        os.close(writing)
        self._number, self._buffer, self.requests, self.errors = 0, b"", [], []
        target = self._ask("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._session = self._ask("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.ask(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def ask(self, method: str, values: dict | None = None) -> dict:
        """Send a command to the page, and wait for its answer."""
        return self._ask(method, values, self._session)

    def _ask(self, method: str, values: dict | None = None, session: str | None = None) -> dict:
        self._number += 1
        message = {"id": self._number, "method": method, "params": values or {}}
        message |= {} if session is None else {"sessionId": session}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self._note(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def _next(self) -> dict:
        while b"\0" not in self._buffer:
            data = os.read(self._in, 1 << 16)
            if not data:
                raise RuntimeError("Chromium has ended")
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, event: dict) -> None:
        if event.get("method") == "Network.requestWillBeSent":
            self.requests.append(event["params"]["request"]["url"][:60])
        if event.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
            self.errors.append(json.dumps(event["params"])[:300])

    def open(self, url: str) -> None:
        """Load a page, and wait until it is there."""
        self.ask("Page.navigate", {"url": url})
        while self._next_event() != "Page.loadEventFired":
            pass

    def _next_event(self) -> str:
        event = self._next()
        self._note(event)
        return event.get("method", "")

    def value(self, expression: str):
        """The value of an expression in the page."""
        found = self.ask("Runtime.evaluate", {"expression": expression, "returnByValue": True})
        return found["result"].get("value")

    def click(self, selector: str) -> None:
        """Press and release the mouse in the middle of an element."""
        self.value(f"document.querySelector({selector!r}).scrollIntoView({{block: 'center'}})")
        x, y = self.value(f"(() => {{ const b = document.querySelector({selector!r}).getBoundingClientRect();"
                          "return [b.x + b.width / 2, b.y + b.height / 2] })()")
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1})

    def press(self, key: str) -> None:
        """Press a key: "Tab" or "Enter"."""
        code, text = {"Tab": (9, ""), "Enter": (13, "\r")}[key]
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", {"type": kind, "key": key, "code": key, "text": text,
                                                "windowsVirtualKeyCode": code})
