"""A player on a page, for tests: found once, waited for by its own data, and described when a wait comes to nothing.

A machine may be slow, and a notebook may have several players, which JupyterLab attaches as one scrolls. So the player
that is tried gets a mark of its own, no test waits for so many milliseconds and then hopes, and a wait that fails says
what every player of the page looked like by then.
"""

import itertools
from typing import TYPE_CHECKING, Any

from tests.player.in_browser.in_jupyterlab import within

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

FRAMES = 8  # for so many frames in a row nothing has moved: it stands still
SECONDS = 60  # how long anything may take before it is called missing

# What is asked of the page gets the player that is tried as `player`, and what was handed over as `given`.
_ASKED = "([mark, given]) => { const player = document.querySelector(`.rp[data-tried='${mark}']`); return %s; }"
# Waits until what a function of the player gives has been the same for some frames.
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
# Waits until some message is at two places in two frames, one after the other.
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
        """Take the first player that is drawn, wherever others turn up later, and wait until it stays where it is."""
        self.page = page
        self.pin()

    def pin(self) -> None:
        """Take the first player that is drawn and was not taken before; when its cell is run again it is another element."""
        self._mark = str(next(_marks))
        self.root = self.page.locator(f".rp[data-tried='{self._mark}']")
        found = self.page.locator(".rp[data-ready='1']:not([data-tried])").first.element_handle()
        found.evaluate("(player, mark) => { player.dataset.tried = mark; }", self._mark)
        found.scroll_into_view_if_needed()
        self.steady()

    def pin_anew(self) -> None:
        """Take the player of a page that has one, once its cell was run: the one from before has to be gone."""
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
        """Press one of the buttons by mouse, once no cell above it pushes it about any more."""
        self.steady()
        self.button(act).click()

    def press_by_key(self, act: str) -> None:
        """Press one of the buttons by keyboard, which no layout can move away."""
        self.button(act).focus()
        self.page.keyboard.press("Enter")

    def step(self, act: str, event: int) -> None:
        """Press a step, and wait until the event is reached and the glide is over."""
        self.press(act)
        self.settle(event=event)
        self.calm()

    def step_from(self, act: str, event: int) -> None:
        """Press a step that leads on from an event, and wait until the glide is over."""
        self.press(act)
        self.until("Number(player.dataset.event) > given", event)
        self.calm()

    def scrub(self, seconds: float) -> None:
        """Drag the scrubber to a time."""
        self.root.locator("input[type=range]").evaluate(
            "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }", seconds * 1e6
        )

    def until(self, condition: str, given: Any = None) -> None:
        """Wait until a condition holds.

        Args:
            condition: An expression of JavaScript, in which `player` is the drawing's element.
            given: What the expression calls `given`.

        Raises:
            AssertionError: It does not come true; the message says how every player of the page stands.
        """
        from playwright.sync_api import TimeoutError as OutOfTime

        try:
            self.page.wait_for_function(_ASKED % condition, arg=[self._mark, given], timeout=1000 * SECONDS)
        except OutOfTime:
            raise AssertionError(f"not in {SECONDS} s: {condition}, given {given!r}; {self.state()}") from None

    def settle(self, **expected: object) -> None:
        """Wait until the drawing's data are as expected."""
        for name, value in expected.items():
            self.until("player.dataset[given[0]] === given[1]", [name, str(value)])

    def steady(self) -> None:
        """Wait until the player has stayed at its place for some frames: nothing above it is still being drawn."""
        self._await(
            _UNCHANGED % {"mark": self._mark, "frames": FRAMES, "look": _PLACE}, "it does not stay at its place"
        )

    def calm(self) -> None:
        """Wait until a step's glide is over: time has stood still for some frames."""
        self._await(_UNCHANGED % {"mark": self._mark, "frames": FRAMES, "look": _DATA}, "its time does not stand still")

    def await_motion(self) -> None:
        """Wait until a message has moved on from one frame to the next."""
        self._await(_MOVING % {"mark": self._mark}, "no message moves")

    def state(self) -> str:
        """Say how many players the page has and how each stands; the one that is tried has `tried`."""
        players = self.page.evaluate(_STATE)
        return f"{len(players)} players, tried is {self._mark}: {players}"

    def _await(self, script: str, trouble: str) -> None:
        from playwright.sync_api import Error

        try:
            within(self.page, script, SECONDS)
        except Error as error:
            raise AssertionError(f"{trouble}; {self.state()}; {error.message.splitlines()[0]}") from None
