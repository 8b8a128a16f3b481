"""Debian's Firefox as tests drive it: over WebDriver BiDi, which it speaks by itself.

Playwright drives only a Firefox of its own. Debian has no geckodriver, and the packages of that
name fetch it when they are installed. So this is the part of BiDi that a test needs.
"""

import itertools
import json
import re
import subprocess
import time
from contextlib import contextmanager

from websockets.sync.client import connect

COMMAND = "/usr/bin/firefox-esr"
SECONDS = 300.0
"""Longest wait for the browser's start, an answer, or a page's state."""


class Firefox:
    """A headless Firefox with one tab; `errors` are those of its console, in order.

    Errors are JavaScript's exceptions, what pages log as errors, and violations of the content
    security policy.
    """

    def __init__(self, socket):
        self._socket = socket
        self._ids = itertools.count()
        self.errors = []
        self.send("session.new", capabilities={})
        self.send("session.subscribe", events=["log.entryAdded"])
        (first,) = self.send("browsingContext.getTree")["contexts"]
        self._tab = first["context"]

    def send(self, method, **params):
        """Send a command, and return its result."""
        mine = next(self._ids)
        self._socket.send(json.dumps({"id": mine, "method": method, "params": params}))
        while True:
            said = json.loads(self._socket.recv(timeout=SECONDS))
            if said["type"] == "event":
                entry = said["params"]
                if said["method"] == "log.entryAdded" and entry["level"] == "error":
                    self.errors.append(entry["text"])
            elif said["id"] == mine:
                assert said["type"] == "success", said
                return said["result"]

    def open(self, url, width=1280, height=900):
        """Open a page, and wait until its scripts have begun."""
        viewport = {"width": width, "height": height}
        self.send("browsingContext.setViewport", context=self._tab, viewport=viewport)
        self.send("browsingContext.navigate", context=self._tab, url=url, wait="complete")

    def allow(self, origin, permission):
        """Give a page's origin a permission, like `notifications`."""
        self.send(
            "permissions.setPermission",
            descriptor={"name": permission},
            state="granted",
            origin=origin,
        )

    def run_first(self, function):
        """Call a JavaScript function in each page that is opened from now on, before its own."""
        self.send("script.addPreloadScript", functionDeclaration=function)

    def evaluate(self, expression):
        """Return a JavaScript expression's value as JSON has it; a promise is awaited."""
        found = f"Promise.resolve({expression}).then(found => JSON.stringify(found ?? null))"
        return json.loads(self.run(found)["value"])

    def run(self, script):
        """Run a script in the page, which its content security policy doesn't keep out."""
        done = self.send(
            "script.evaluate",
            expression=script,
            target={"context": self._tab},
            awaitPromise=True,
        )
        assert done["type"] == "success", done["exceptionDetails"]["text"]
        return done["result"]

    def wait_for(self, expression):
        """Wait until an expression has a value that isn't false, and return it."""
        deadline = time.monotonic() + SECONDS
        while not (found := self.evaluate(expression)):
            assert time.monotonic() < deadline, f"in vain: {expression}"
            time.sleep(0.1)
        return found

    def click(self, selector):
        """Click an element as a person does: at its middle, with the mouse."""
        element = f"document.querySelector({json.dumps(selector)})"
        self.wait_for(f"{element} !== null")
        self.evaluate(f"{element}.scrollIntoView({{ block: 'center' }})")
        box = self.evaluate(
            f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])"
            f"({element}.getBoundingClientRect())"
        )
        x, y = (round(each) for each in box)
        actions = [
            {"type": "pointerMove", "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        pointer = {"type": "pointer", "id": "mouse", "actions": actions}
        self.send("input.performActions", context=self._tab, actions=[pointer])


@contextmanager
def a_firefox(folder):
    """A context in which Firefox runs, with a new profile in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    # Notices on the desktop by Firefox itself: a headless machine has nothing else that shows them.
    (folder / "user.js").write_text('user_pref("alerts.useSystemBackend", false);\n')
    log = folder / "firefox.log"
    command = [COMMAND, "--headless", "--no-remote", "--profile", folder]
    with log.open("w") as said:
        browser = subprocess.Popen(
            [*command, "--remote-debugging-port", "0"],
            stdout=said,
            stderr=said,
            env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
        )
    try:
        with connect(f"{_address(browser, log)}/session", max_size=None, proxy=None) as socket:
            yield Firefox(socket)
    finally:
        browser.terminate()
        browser.wait(timeout=SECONDS)


def _address(browser, log):
    deadline = time.monotonic() + SECONDS
    while browser.poll() is None and time.monotonic() < deadline:
        found = re.search(r"BiDi listening on (ws://\S+)", log.read_text(errors="replace"))
        if found is not None:
            return found[1]
        time.sleep(0.1)
    raise AssertionError(f"Firefox didn't start: {log.read_text(errors='replace')}")
