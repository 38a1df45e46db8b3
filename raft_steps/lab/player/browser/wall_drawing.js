// Lets the reader cut the network by drawing a line across the picture: the servers on its two sides are partitioned.

/**
 * @import { Ring } from "./ring.js"
 * @import { Point } from "./types.js"
 */

import { closestTo, svg } from "./dom.js";

const SHORTEST = 60; // the length of a line that counts

/**
 * @param {Ring} ring
 * @param {(chosen: string[]) => void} onDrawn called with the servers of the smaller side
 */
export function drawWallsByHand(ring, onDrawn) {
  const { element } = ring;
  const line = svg("line", { class: "rp-draft" });
  /** @type {Point | null} */
  let start = null;
  element.append(line);
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || closestTo(event, "[data-server], [data-message], [data-client]")) return;
    start = pointIn(element, event);
    element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointermove", (event) => {
    if (!start) return;
    const end = pointIn(element, event);
    const [x1, y1, x2, y2] = [start.x, start.y, end.x, end.y].map((each) => each.toFixed(1));
    for (const [name, value] of Object.entries({ x1, y1, x2, y2 })) line.setAttribute(name, value);
    line.classList.add("rp-drawing");
  });
  for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) {
    element.addEventListener(name, (event) => {
      const from = start;
      start = null;
      line.classList.remove("rp-drawing");
      if (!from || name === "pointercancel") return;
      const chosen = smallerSide(ring, from, pointIn(element, event));
      if (chosen.length) onDrawn(chosen);
    });
  }
}

/**
 * @param {SVGSVGElement} element
 * @param {PointerEvent} event
 * @returns {Point}
 */
function pointIn(element, event) {
  const matrix = element.getScreenCTM();
  if (!matrix) return { x: 0, y: 0 };
  return new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
}

/**
 * Returns the servers on the smaller side of a line; none if the line is short, or all servers are on one side.
 *
 * @param {Ring} ring
 * @param {Point} from
 * @param {Point} to
 */
function smallerSide({ places }, from, to) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  if (Math.hypot(dx, dy) < SHORTEST) return [];
  const isLeft = (/** @type {Point} */ { x, y }) => dx * (y - from.y) - dy * (x - from.x) > 0;
  const left = [...places].filter(([, place]) => isLeft(place)).map(([name]) => name);
  const right = [...places.keys()].filter((name) => !left.includes(name));
  return left.length < right.length ? left : right;
}
