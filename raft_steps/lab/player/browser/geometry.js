// Where things are on the ring: servers, their labels, the paths of messages, and the wall of a partition.

/** @import { Box, MessageFields, Place, Point, Wall } from "./types.js" */

const MIN_RADIUS = 118; // from the centre of the picture to the centre of a server
const MIN_GAP = 96; // from the centre of a server to that of the next
const EDGE = 45; // how far a server, with its timers, extends from its centre
const LABEL = { side: 54, width: 92 }; // how far a label is from the centre of its server, and the room that it has
const BELOW = 42; // the room under the lowest server, for what can be done with it
const LANE = 8; // how far to the right of the line a message moves, so that two that meet pass each other
const CROWDED = 6; // from this many servers on, the label of one at the top or bottom moves out of its neighbour's way
const CLIENT = { x: 46, y: 24 }; // how far the client is from the corner of the picture

/**
 * Returns the radius of a ring of this many servers.
 *
 * @param {number} count
 */
export function ringRadius(count) {
  return count === 1 ? 0 : Math.max(MIN_RADIUS, MIN_GAP / 2 / Math.sin(Math.PI / count));
}

/**
 * Lays out servers on a ring: where each is, by name, where the client is, and the view box of the picture.
 *
 * @param {readonly string[]} names
 * @returns {{ places: Map<string, Place>, client: Point, box: Box }}
 */
export function layOutRing(names) {
  const count = names.length;
  const radius = ringRadius(count);
  /** @type {Map<string, Place>} */
  const places = new Map();
  names.forEach((name, index) => {
    // Two servers stand next to each other; more of them start at the top.
    const angle = count === 2 ? Math.PI * (1 - index) : (2 * Math.PI * index) / count - Math.PI / 2;
    places.set(name, placeAt(angle, radius, count));
  });
  const box = boxAround([...places.values()]);
  return { places, client: { x: box.x + CLIENT.x, y: box.y + CLIENT.y }, box };
}

/**
 * @param {number} angle
 * @param {number} radius
 * @param {number} count
 * @returns {Place}
 */
function placeAt(angle, radius, count) {
  const [across, down] = [Math.cos(angle), Math.sin(angle)];
  const [x, y] = [radius * across, radius * down];
  const left = across < -0.1;
  const steep = Math.abs(down) > 0.9 && count >= CROWDED;
  const side = steep ? 40 : LABEL.side;
  const shift = steep ? 34 * Math.sign(down) : 10 * down * Number(count > 3);
  return { x, y, left, label: { x: x + (left ? -side : side), y: y - 3 + shift } };
}

/**
 * @param {readonly Place[]} places
 * @returns {Box}
 */
function boxAround(places) {
  const top = Math.min(...places.map(({ y }) => y)) - EDGE - 14;
  const bottom = Math.max(...places.map(({ y }) => y)) + EDGE + BELOW;
  const side = Math.max(240, ...places.map(({ label }) => Math.abs(label.x) + LABEL.width));
  return { x: -side, y: top, width: 2 * side, height: bottom - top };
}

/**
 * Returns where a message is that has gone a share of its way, and the direction in which it goes, in degrees.
 *
 * @param {Point} from
 * @param {Point} to
 * @param {number} progress
 * @param {number} offset how far to the right of its lane it is drawn
 * @returns {Point & { degrees: number }}
 */
export function pointOnLink(from, to, progress, offset = 0) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [dx / length, dy / length];
  const along = EDGE + 6 + progress * (length - 2 * EDGE - 12);
  const across = LANE + offset;
  return {
    x: from.x + ux * along - uy * across,
    y: from.y + uy * along + ux * across,
    degrees: (Math.atan2(dy, dx) * 180) / Math.PI,
  };
}

/**
 * Returns the walls of a partition; null if a side is not a contiguous part of the ring, because no wall can show that.
 *
 * @param {readonly string[]} names
 * @param {readonly string[][]} sides
 * @returns {Wall[] | null}
 */
export function findWalls(names, sides) {
  const sideOf = new Map(sides.flatMap((side, index) => side.map((name) => /** @type {const} */ ([name, index]))));
  const firsts = names.filter((name, index) => sideOf.get(name) !== sideOf.get(names.at(index - 1) ?? ""));
  if (sides.length < 2) return [];
  if (firsts.length !== sides.length) return null;
  // The largest side needs no wall of its own: the others' walls cut it off.
  const largest = sides.reduce((best, side) => (side.length > best.length ? side : best));
  return sides.filter((side) => side !== largest).map((side) => wallAround(names, side));
}

/**
 * @param {readonly string[]} names
 * @param {readonly string[]} side
 * @returns {Wall}
 */
function wallAround(names, side) {
  const count = names.length;
  const first = names.findIndex((name, index) => side.includes(name) && !side.includes(names.at(index - 1) ?? ""));
  const radius = ringRadius(count);
  if (count === 2) {
    return [
      { x: 0, y: -EDGE - 16 },
      { x: 0, y: 0 },
      { x: 0, y: EDGE + 16 },
    ];
  }
  const step = (2 * Math.PI) / count;
  const start = first * step - Math.PI / 2 - step / 2;
  const half = (side.length * step) / 2;
  const reach = radius + 32;
  const [x1, y1] = [reach * Math.cos(start), reach * Math.sin(start)];
  const [x2, y2] = [reach * Math.cos(start + 2 * half), reach * Math.sin(start + 2 * half)];
  const depth = Math.max(0, radius * Math.cos(half - step / 2) - EDGE) / 2;
  const [mx, my] = [depth * Math.cos(start + half), depth * Math.sin(start + half)];
  const [cx, cy] = [2 * mx - (x1 + x2) / 2, 2 * my - (y1 + y2) / 2];
  return [
    { x: x1, y: y1 },
    { x: cx, y: cy },
    { x: x2, y: y2 },
  ];
}

/**
 * Returns a wall as an SVG path.
 *
 * @param {Wall} wall
 * @returns {string}
 */
export function wallPath(wall) {
  const [start, bend, end] = wall.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`);
  return `M ${start} Q ${bend} ${end}`;
}

/**
 * Returns the share of the way from one server to another at which a message meets a wall; one half if it meets none.
 *
 * @param {Point} from
 * @param {Point} to
 * @param {readonly Wall[]} walls
 * @returns {number}
 */
export function progressAtWall(from, to, walls) {
  for (let progress = 0.05; progress < 0.95; progress += 0.02) {
    const [before, after] = [pointOnLink(from, to, progress - 0.02), pointOnLink(from, to, progress)];
    if (walls.some((wall) => isBeyond(before, wall) !== isBeyond(after, wall))) return progress - 0.03;
  }
  return 0.5;
}

/**
 * Returns whether a point is beyond a wall. The curve is y = x² in its own coordinates, or a straight line.
 *
 * @param {Point} point
 * @param {Wall} wall
 */
function isBeyond(point, [start, bend, end]) {
  const [u, v, p] = [minus(bend, start), minus(end, start), minus(point, start)];
  const area = cross(u, v);
  if (Math.abs(area) < 1) return cross(v, p) > 0;
  const [s, t] = [cross(p, v) / area, cross(u, p) / area]; // p = s·u + t·v; on the curve s = 2k(1-k) and t = k²
  return (s / 2 + t) ** 2 > t;
}

/**
 * @param {Point} a
 * @param {Point} b
 */
const cross = (a, b) => a.x * b.y - a.y * b.x;

/**
 * @param {Point} a
 * @param {Point} b
 * @returns {Point}
 */
const minus = (a, b) => ({ x: a.x - b.x, y: a.y - b.y });

// The outlines of messages around their centre, as in Python's pictures. Each kind has a shape of its own, so that nothing
// depends on telling colours apart.
export const MESSAGE_SHAPES = {
  heartbeat: "M -4.5 -4.5 L 4.5 -4.5 L 4.5 4.5 L -4.5 4.5 Z",
  append: "M -7 -7 L 7 -7 L 7 7 L -7 7 Z",
  vote: "M 0 -8.5 L 8.5 0 L 0 8.5 L -8.5 0 Z",
  snapshot: "M 0 -7.5 L 7.5 5.5 L -7.5 5.5 Z",
  commit: "M -6 0 A 6 6 0 1 0 6 0 A 6 6 0 1 0 -6 0 Z",
  other: "M -4 -7 L 4 -7 L 8 0 L 4 7 L -4 7 L -8 0 Z",
};

/** @typedef {keyof typeof MESSAGE_SHAPES} MessageFamily */

/**
 * Returns the key of the shape that a message has.
 *
 * @param {string} type
 * @param {MessageFields} fields
 * @returns {MessageFamily}
 */
export function messageFamily(type, fields) {
  if (type.includes("Vote")) return "vote";
  if (type.includes("Snapshot")) return "snapshot";
  if (type.includes("Append")) return fields.entries?.length ? "append" : "heartbeat";
  return type.includes("Commit") ? "commit" : "other";
}
