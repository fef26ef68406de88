"""What a page does behind a reader's back: requests that leave the site, errors in the console, files not found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, Route


@dataclass
class Watch:
    """Blocks and keeps what one browser context should not do. ``home`` is where requests may go."""

    home: str
    foreign: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def attach(self, context: BrowserContext) -> None:
        context.route(lambda url: not self.allows(url), self._block)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.messages.append(f"error not caught: {error.error}"))
        context.on("response", self._response)

    def allows(self, url: str) -> bool:
        return url.startswith((f"{self.home}/", "data:", f"blob:{self.home}/", "about:"))

    def _block(self, route: Route) -> None:
        self.foreign.append(route.request.url)
        route.abort()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.messages.append(f"{message.type}: {message.text}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.missing.append(f"{response.status} {response.url}")

    def forget(self, home: str) -> None:
        """Start afresh, for a site at ``home``."""
        self.home = home
        for kept in (self.foreign, self.messages, self.missing):
            kept.clear()

    def served(self, urls: Iterable[str]) -> list[str]:
        """Those of ``urls`` that the site has; the others are faults and reported as such."""
        absent = {line.split(" ", 1)[1] for line in self.missing}
        return [url for url in urls if url.startswith(f"{self.home}/") and url not in absent]

    def faults(self) -> list[str]:
        """Everything seen so far, in words."""
        return [
            *(f"asked for {url}, which is not part of the site" for url in self.foreign),
            *(f"console, {message}" for message in self.messages),
            *(f"not found, {line}" for line in self.missing),
        ]


def settle(page: Page) -> None:
    """Wait until what the page has begun is done: its requests, and two frames for what they set off."""
    page.wait_for_load_state("load")
    page.evaluate("""async () => {
      await document.fonts.ready;
      for (let i = 0; i < 2; i += 1) await new Promise(requestAnimationFrame);
    }""")


@contextmanager
def watched(browser: Browser, home: str, **options: Any) -> Iterator[tuple[Page, Watch]]:
    """A page in a context of its own, watched from its first request on. ``options`` as for Browser.new_context."""
    context = browser.new_context(**options)
    watch = Watch(home)
    watch.attach(context)
    try:
        yield context.new_page(), watch
    finally:
        context.close()
