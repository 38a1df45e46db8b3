// Where things are on the ring: servers, their labels, the ways of messages, and the wall of a partition.

const RADIUS_MIN = 122; // from the middle of the picture to the middle of a server
const GAP_MIN = 124; // from the middle of a server to that of the next
const EDGE = 46; // how far from its middle a server, with its timers, reaches
const LABEL = 36; // the height of a server's two lines of text
const LANE = 8; // how far to its right a message keeps, so that two that meet pass each other

// How large a ring of so many servers is.
function radiusOf(count) {
  return count === 1 ? 0 : Math.max(RADIUS_MIN, GAP_MIN / 2 / Math.sin(Math.PI / count));
}

// Lays servers out on a ring. Gives each {x, y, above, label: {x, y}} by name, and the picture's view box.
export function layOut(names) {
  const count = names.length;
  const radius = radiusOf(count);
  const places = new Map();
  names.forEach((name, index) => {
    const angle = count === 2 ? Math.PI * (1 - index) : (2 * Math.PI * index) / count - Math.PI / 2;
    const [x, y] = [radius * Math.cos(angle), radius * Math.sin(angle)];
    const above = Math.sin(angle) < -0.1;
    const label = { x: x + (count > 3 ? 24 * Math.cos(angle) : 0), y: above ? y - EDGE - LABEL + 9 : y + EDGE + 16 };
    places.set(name, { x, y, above, label });
  });
  return { places, box: boxAround([...places.values()]) };
}

function boxAround(places) {
  const top = Math.min(...places.map((p) => p.y - EDGE - (p.above ? LABEL : 0))) - 6;
  const bottom = Math.max(...places.map((p) => p.y + EDGE + (p.above ? 0 : LABEL))) + 6;
  const side = Math.max(110, ...places.map((p) => Math.abs(p.x))) + 84;
  return { x: -side, y: top, width: 2 * side, height: bottom - top };
}

// The place of a message that has gone a share of its way, and the direction that it goes, in degrees.
export function onTheWay(from, to, share, beside = 0) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [dx / length, dy / length];
  const along = EDGE + 6 + share * (length - 2 * EDGE - 12);
  const across = LANE + beside;
  return {
    x: from.x + ux * along - uy * across,
    y: from.y + uy * along + ux * across,
    degrees: (Math.atan2(dy, dx) * 180) / Math.PI,
  };
}

// The walls of a partition, each the three points of a curve, or null where a side is no unbroken part of the ring:
// then no wall can show it.
export function walls(names, sides) {
  const sideOf = new Map(sides.flatMap((side, index) => side.map((name) => [name, index])));
  const firsts = names.filter((name, index) => sideOf.get(name) !== sideOf.get(names.at(index - 1)));
  if (sides.length < 2) return [];
  if (firsts.length !== sides.length) return null;
  const largest = sides.reduce((best, side) => (side.length > best.length ? side : best));
  return sides.filter((side) => side !== largest).map((side) => wallAround(names, side));
}

function wallAround(names, side) {
  const count = names.length;
  const first = names.findIndex((name, index) => side.includes(name) && !side.includes(names.at(index - 1)));
  const radius = radiusOf(count);
  if (count === 2) return [-EDGE - 6, 0, EDGE + 6].map((y) => ({ x: 0, y }));
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

// A wall as an SVG path.
export function wallPath([start, bend, end]) {
  const [a, b, c] = [start, bend, end].map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`);
  return `M ${a} Q ${b} ${c}`;
}

// The share of the way from one server to another at which a message meets a wall; half of it where there is none.
export function meetsWall(from, to, found) {
  for (let share = 0.05; share < 0.95; share += 0.02) {
    const [before, after] = [onTheWay(from, to, share - 0.02), onTheWay(from, to, share)];
    if (found.some((wall) => isBeyond(before, wall) !== isBeyond(after, wall))) return share - 0.03;
  }
  return 0.5;
}

// On which side of a wall a point lies. The curve is y = x² in coordinates of its own, or a straight line.
function isBeyond(point, [start, bend, end]) {
  const cross = (a, b) => a.x * b.y - a.y * b.x;
  const minus = (a, b) => ({ x: a.x - b.x, y: a.y - b.y });
  const [u, v, p] = [minus(bend, start), minus(end, start), minus(point, start)];
  const area = cross(u, v);
  if (Math.abs(area) < 1) return cross(v, p) > 0;
  const [s, t] = [cross(p, v) / area, cross(u, p) / area]; // p = s·u + t·v; on the curve s = 2k(1-k) and t = k²
  return (s / 2 + t) ** 2 > t;
}

// The outlines of servers and messages, around their middle, as in palette.py: a role and a kind of message have a
// shape of their own, so that nobody needs to tell colours apart.
export const SERVER_SHAPES = {
  follower: "M -25 0 A 25 25 0 1 0 25 0 A 25 25 0 1 0 -25 0 Z",
  candidate: "M 0 -30 L 30 0 L 0 30 L -30 0 Z",
  leader: "M -22 -22 L 22 -22 L 22 22 L -22 22 Z",
  server: "M -25 0 A 25 25 0 1 0 25 0 A 25 25 0 1 0 -25 0 Z",
};
export const MESSAGE_SHAPES = {
  heartbeat: "M -4.5 -4.5 L 4.5 -4.5 L 4.5 4.5 L -4.5 4.5 Z",
  append: "M -7 -7 L 7 -7 L 7 7 L -7 7 Z",
  vote: "M 0 -8.5 L 8.5 0 L 0 8.5 L -8.5 0 Z",
  snapshot: "M 0 -7.5 L 7.5 5.5 L -7.5 5.5 Z",
  commit: "M -6 0 A 6 6 0 1 0 6 0 A 6 6 0 1 0 -6 0 Z",
  other: "M -4 -7 L 4 -7 L 8 0 L 4 7 L -4 7 L -8 0 Z",
};

// Which of the shapes a message has.
export function messageFamily(type, fields) {
  if (type.includes("Vote")) return "vote";
  if (type.includes("Snapshot")) return "snapshot";
  if (type.includes("Append")) return fields.entries?.length ? "append" : "heartbeat";
  return type.includes("Commit") ? "commit" : "other";
}
