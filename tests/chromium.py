"""A headless Chromium, spoken to through its DevTools: what a page does."""

import base64
import json
import shutil
import subprocess
import time
from pathlib import Path

from websockets.sync.client import connect

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_START_SECONDS = 60
_ANSWER_SECONDS = 60
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
)


class Browser:
    """One tab of a browser of its own.

    Attributes:
        problems: Errors and warnings of the page opened last.
        requests: Addresses that it has asked for, itself first.
    """

    def __init__(self, profile: Path) -> None:
        self.problems = []
        self.requests = []
        self._number = 0
        self._process = subprocess.Popen(
            [CHROMIUM, *_ARGUMENTS, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            port = self._wait_for_port(profile / "DevToolsActivePort")
            self._socket = connect(
                f"ws://127.0.0.1:{port[0]}{port[1]}",
                max_size=None,
                proxy=None,
                ping_interval=None,  # it answers none while a page is heavy
            )
            targets = self._send("Target.getTargets")["targetInfos"]
            tab = next(target for target in targets if target["type"] == "page")
            attached = self._send(
                "Target.attachToTarget", targetId=tab["targetId"], flatten=True
            )
            self._session = attached["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.send(f"{domain}.enable")
        except BaseException:
            self._process.kill()
            raise

    def _wait_for_port(self, file):
        for _ in range(_START_SECONDS * 10):
            if file.exists() and len(lines := file.read_text().splitlines()) > 1:
                return lines
            assert self._process.poll() is None, "the browser died"
            time.sleep(0.1)
        raise TimeoutError("the browser did not start")

    def close(self):
        """End the browser."""
        self._socket.close()
        self._process.terminate()
        self._process.wait(timeout=30)

    def send(self, method, **parameters):
        """Send a command to the tab; return its result."""
        return self._send(method, self._session, **parameters)

    def _send(self, method, session=None, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        self._socket.send(json.dumps(message))
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def _receive(self):
        answer = json.loads(self._socket.recv(timeout=_ANSWER_SECONDS))
        method, parameters = answer.get("method"), answer.get("params", {})
        if method == "Log.entryAdded":
            self.problems.append(parameters["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.problems.append(str(parameters["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            self.problems.append(str(parameters["args"]))
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        return answer

    def open(self, address, width, height=900, scheme="light"):
        """Open a page as on a screen of a width, light or dark."""
        self.problems, self.requests = [], []
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.send(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        self.send("Page.navigate", url=address)
        while self._receive().get("method") != "Page.loadEventFired":
            pass

    def evaluate(self, script):
        """Return the value of an expression."""
        result = self.send("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def text(self):
        """Return what a person reads on the page."""
        return self.evaluate("document.body.innerText")

    def await_text(self, *words):
        """Return the text of the page once all these words are in it."""
        for _ in range(_ANSWER_SECONDS * 4):
            if all(word in (text := self.text()) for word in words):
                return text
            time.sleep(0.25)
        raise TimeoutError(f"not all of {words} are in: {text}")

    def click(self, selector, label=""):
        """Click on what a selector finds, and shows a label, once it is there.

        Of several the last, which lies on top.
        """
        script = f"""((selector, label) => {{
            const found = [...document.querySelectorAll(selector)].filter(
                (one) => one.offsetParent !== null
                    && (!label || one.innerText.trim() === label)
            );
            found.at(-1)?.click();
            return found.length > 0;
        }})({json.dumps(selector)}, {json.dumps(label)})"""
        for _ in range(_ANSWER_SECONDS * 4):
            if self.evaluate(script):
                return
            time.sleep(0.25)
        raise TimeoutError(f"no {selector} {label!r} on: {self.text()}")

    def photograph(self, path, height=None):
        """Keep a picture of the page, or of its top."""
        area = {}
        if height:
            width = self.evaluate("innerWidth")
            area = {
                "clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
            }
        found = self.send("Page.captureScreenshot", captureBeyondViewport=True, **area)
        Path(path).write_bytes(base64.b64decode(found["data"]))
