"""What a page does that a reader should not have to bear."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, Response, Route

# What lies in the page itself, and is asked of nobody.
EMBEDDED = ("data:", "blob:", "about:")
AXE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
    # It would ask for the style sheets once more, which a page from disk may not.
    "preload": False,
}

# Elements that reach over an edge of the page and lie in no box of their own that scrolls.
_OVERHANGING = """() => {
  const width = document.documentElement.clientWidth;
  const boxed = (element) => {
    for (let box = element.parentElement; box && box !== document.body; box = box.parentElement) {
      if (getComputedStyle(box).overflowX !== "visible") return true;
    }
    return false;
  };
  const over = (element) => {
    const edge = element.getBoundingClientRect();
    return edge.width > 1 && edge.right > width + 1 && element.checkVisibility() && !boxed(element);
  };
  const name = (element) => `${element.tagName.toLowerCase()}.${element.getAttribute("class")}`;
  const found = [...document.body.querySelectorAll("*")].filter(over).map(name);
  if (document.documentElement.scrollWidth > width) found.push("the page scrolls sideways");
  return [...new Set(found)];
}"""


def watch(page: Page, home: str) -> list[str]:
    """A list that fills as the page errs: on its console, in loading, in asking elsewhere.

    Args:
        page: a page that has loaded nothing yet.
        home: how addresses begin that the page may ask for; others are refused.
    """
    complaints: list[str] = []

    def admit(route: Route) -> None:
        address = route.request.url
        if address.startswith((home, *EMBEDDED)):
            route.continue_()
        else:
            complaints.append(f"asked for {address}")
            route.abort()

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            complaints.append(f"console {message.type}: {message.text}")

    def receive(response: Response) -> None:
        if response.status >= 400:
            complaints.append(f"{response.status} from {response.url}")

    page.route("**/*", admit)
    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(f"uncaught: {error}"))
    page.on("requestfailed", lambda request: complaints.append(f"not loaded: {request.url}"))
    page.on("response", receive)
    page.on("websocket", lambda socket: complaints.append(f"asked for {socket.url}"))
    return complaints


def overhanging(page: Page) -> list[str]:
    """Elements that do not fit into the page's width."""
    found: list[str] = page.evaluate(_OVERHANGING)
    return found


def barriers(page: Page) -> list[str]:
    """What axe-core finds that shuts readers out: rule, first elements and what is wrong there."""
    found = Axe().run(page, options=AXE).response["violations"]
    return [_barrier_text(violation) for violation in found]


def _barrier_text(violation: dict[str, Any]) -> str:
    nodes = violation["nodes"]
    where = "; ".join(f"{node['html'][:160]}: {node['failureSummary']}" for node in nodes[:3])
    return f"{violation['id']} ({len(nodes)} times): {where}"
