"""A player on a page, for tests: it is found once, waited for by its own data, and described if a wait fails.

A machine may be slow, and a notebook may have several players, which JupyterLab attaches during scrolling. So the
tested player gets a mark, no test waits for a fixed time, and a wait that fails describes every player of the page.
"""

import itertools
from typing import TYPE_CHECKING, Any

from tests.player.in_browser.in_jupyterlab import within

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

FRAMES = 8  # nothing has moved for this many frames in a row
SECONDS = 15

# Expressions in the page get the tested player as `player`, and the arguments as `given`.
_ASKED = "([mark, given]) => { const player = document.querySelector(`.rp[data-tried='${mark}']`); return %s; }"
# Waits until the result of a function of the player has not changed for some frames.
_UNCHANGED = """
async () => {
  const player = document.querySelector(".rp[data-tried='%(mark)s']");
  let [seen, since] = [null, 0];
  while (since < %(frames)d) {
    await new Promise((done) => requestAnimationFrame(done));
    const found = JSON.stringify((%(look)s)(player));
    since = found === seen ? since + 1 : 0;
    seen = found;
  }
}
"""
# Waits until a message is at different places in two consecutive frames.
_MOVING = """
async () => {
  const player = document.querySelector(".rp[data-tried='%(mark)s']");
  const places = () => new Map([...player.querySelectorAll("[data-message]")]
    .map((e) => [e.dataset.message, e.getAttribute("transform")]));
  let before = places();
  for (;;) {
    await new Promise((done) => requestAnimationFrame(done));
    const after = places();
    if ([...before].some(([name, place]) => after.has(name) && after.get(name) !== place)) return;
    before = after;
  }
}
"""
_PLACE = "(p) => { const { x, y, width, height } = p.getBoundingClientRect(); return [x, y, width, height]; }"
_DATA = "(p) => [p.dataset.time, p.dataset.event, p.dataset.playing]"
_STATE = """
() => [...document.querySelectorAll(".rp")].map((p) => {
  const { x, y, width, height } = p.getBoundingClientRect();
  return { ...p.dataset, box: [x, y, width, height].map(Math.round).join(" ") };
})
"""
_marks = itertools.count(1)


class PlayerOnPage:
    """One player of a page.

    Attributes:
        page: The page.
        root: The drawing's own element, with its data.
    """

    def __init__(self, page: "Page") -> None:
        """Use the first player that is drawn, even if others appear later, and wait until it stays in its place."""
        self.page = page
        self.pin()

    def pin(self) -> None:
        """Use the first player that is drawn and was not used before; when its cell runs again, it is another element."""
        self._mark = str(next(_marks))
        self.root = self.page.locator(f".rp[data-tried='{self._mark}']")
        found = self.page.locator(".rp[data-ready='1']:not([data-tried])").first.element_handle()
        found.evaluate("(player, mark) => { player.dataset.tried = mark; }", self._mark)
        found.scroll_into_view_if_needed()
        self.steady()

    def pin_anew(self) -> None:
        """Use the only player of a page after its cell was run: the previous one must be gone."""
        self.page.wait_for_selector(".rp[data-ready='1']:not([data-tried])")
        self.page.wait_for_function("document.querySelectorAll('.rp').length === 1")
        self.pin()

    @property
    def time(self) -> float:
        """The time that is shown, in seconds."""
        return float(self.root.get_attribute("data-time") or "nan")

    @property
    def event(self) -> int:
        """The number of the last event that has happened."""
        return int(self.root.get_attribute("data-event") or "-2")

    def button(self, act: str) -> "Locator":
        """Find a button."""
        return self.root.locator(f"[data-act={act}]")

    def press(self, act: str) -> None:
        """Press a button by mouse, once no cell above it moves it any more."""
        self.steady()
        self.button(act).click()

    def press_by_key(self, act: str) -> None:
        """Press a button by keyboard, which works wherever the layout moves it."""
        self.button(act).focus()
        self.page.keyboard.press("Enter")

    def step(self, act: str, event: int) -> None:
        """Press a step button, and wait until the event is reached and the animation is over."""
        self.press(act)
        self.settle(event=event)
        self.calm()

    def step_from(self, act: str, event: int) -> None:
        """Press a step button that leads away from an event, and wait until the animation is over."""
        self.press(act)
        self.until("Number(player.dataset.event) > given", event)
        self.calm()

    def scrub(self, seconds: float) -> None:
        """Go to a time by entering it where the time is shown."""
        field = self.root.locator(".rp-now")
        field.fill(str(seconds))
        field.press("Enter")

    def show(self, tab: str) -> None:
        """Open a tab."""
        self.root.locator(f"[data-tab={tab}]").click()

    def reveal(self, thing: "Locator") -> None:
        """Open the tab that something is in, if it is in one."""
        tab = thing.evaluate("(thing) => thing.closest('[data-panel]')?.dataset.panel ?? ''")
        if tab:
            self.show(tab)

    def until(self, condition: str, given: Any = None) -> None:
        """Wait until a condition holds.

        Args:
            condition: A JavaScript expression, in which `player` is the element of the drawing.
            given: The value of `given` in the expression.

        Raises:
            AssertionError: The condition did not become true; the message describes every player of the page.
        """
        from playwright.sync_api import TimeoutError as OutOfTime

        try:
            self.page.wait_for_function(_ASKED % condition, arg=[self._mark, given], timeout=1000 * SECONDS)
        except OutOfTime:
            raise AssertionError(f"not in {SECONDS} s: {condition}, given {given!r}; {self.state()}") from None

    def settle(self, **expected: object) -> None:
        """Wait until the data of the drawing are as expected."""
        for name, value in expected.items():
            self.until("player.dataset[given[0]] === given[1]", [name, str(value)])

    def steady(self) -> None:
        """Wait until the player has stayed in its place for some frames, so that nothing above it is still being drawn."""
        self._await(
            _UNCHANGED % {"mark": self._mark, "frames": FRAMES, "look": _PLACE}, "it does not stay at its place"
        )

    def calm(self) -> None:
        """Wait until the animation of a step is over: the time has not changed for some frames."""
        self._await(_UNCHANGED % {"mark": self._mark, "frames": FRAMES, "look": _DATA}, "its time does not stand still")

    def await_motion(self) -> None:
        """Wait until a message has moved between two frames."""
        self._await(_MOVING % {"mark": self._mark}, "no message moves")

    def state(self) -> str:
        """Describe every player of the page; the tested one has `tried`."""
        players = self.page.evaluate(_STATE)
        return f"{len(players)} players, tried is {self._mark}: {players}"

    def _await(self, script: str, trouble: str) -> None:
        from playwright.sync_api import Error

        try:
            within(self.page, script, SECONDS)
        except Error as error:
            raise AssertionError(f"{trouble}; {self.state()}; {error.message.splitlines()[0]}") from None
