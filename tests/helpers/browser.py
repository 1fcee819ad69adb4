"""Headless Chromium through the DevTools protocol."""

from __future__ import annotations

import base64
import io
import json
import os
from pathlib import Path
from typing import Any

from PIL import Image

SCREENS = {"desktop": (1280, 900), "phone": (390, 844)}


class Browser:
    """Chromium without a network, with a log of its requests."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, path: Path, *, screen: str = "desktop", scheme: str = "light") -> None:
        """Load a page on a screen, in a colour scheme."""
        width, height = SCREENS[screen]
        phone = screen == "phone"
        self.do(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.do("Emulation.setEmulatedMedia", media="", features=features)
        self.driver.get(path.as_uri())

    def do(self, command: str, **arguments: Any) -> Any:
        """A command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(command, arguments)

    def run(self, script: str) -> Any:
        """The value of a script in the page."""
        return self.driver.execute_script(script)

    def requests(self) -> list[str]:
        """Addresses asked for since the last call."""
        messages = [json.loads(e["message"])["message"] for e in self.driver.get_log("performance")]
        return [
            m["params"]["request"]["url"]
            for m in messages
            if m["method"] == "Network.requestWillBeSent"
        ]

    def screenshot(self, name: str) -> Image.Image:
        """What is on the screen."""
        content = base64.b64decode(self.do("Page.captureScreenshot", format="png")["data"])
        if folder := os.environ.get("ALEXNET_TEST_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            (Path(folder) / f"{name}.png").write_bytes(content)
        return Image.open(io.BytesIO(content))
