// Where things are on the ring: servers, their labels, the ways of messages, and the wall of a partition.

export const RADIUS = 122; // from the middle of the picture to the middle of a server
const EDGE = 42; // how far from its middle a server, with its timers, reaches
const LABEL = 36; // the height of a server's two lines of text
const LANE = 8; // how far to its right a message keeps, so that two that meet pass each other

// Lays servers out on a ring. Gives each {x, y, angle, size, label: {x, y}} by name, and the picture's view box.
export function layOut(names) {
  const count = names.length;
  const gap = count > 1 ? 2 * RADIUS * Math.sin(Math.PI / count) : 200;
  const size = Math.min(1, gap / 100);
  const places = new Map();
  names.forEach((name, index) => {
    const angle = count === 2 ? Math.PI * (1 - index) : (2 * Math.PI * index) / count - Math.PI / 2;
    const radius = count === 1 ? 0 : RADIUS;
    const [x, y] = [radius * Math.cos(angle), radius * Math.sin(angle)];
    const above = Math.sin(angle) < -0.1;
    const label = { x: x + (count > 3 ? 14 * Math.cos(angle) : 0), y: above ? y - EDGE * size - LABEL + 9 : y + EDGE * size + 16 };
    places.set(name, { x, y, angle, size, above, label });
  });
  return { places, box: boxAround([...places.values()]) };
}

function boxAround(places) {
  const top = Math.min(...places.map((p) => p.y - EDGE - (p.above ? LABEL : 0))) - 6;
  const bottom = Math.max(...places.map((p) => p.y + EDGE + (p.above ? 0 : LABEL))) + 6;
  const side = Math.max(...places.map((p) => Math.abs(p.x))) + 74;
  return { x: -side, y: top, width: 2 * side, height: bottom - top };
}

// The place of a message that has gone a share of its way, and the direction that it goes, in degrees.
export function onTheWay(from, to, share, beside = 0) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [dx / length, dy / length];
  const start = (EDGE + 6) * from.size;
  const along = start + share * (length - start - (EDGE + 6) * to.size);
  const across = LANE + beside;
  return {
    x: from.x + ux * along - uy * across,
    y: from.y + uy * along + ux * across,
    degrees: (Math.atan2(dy, dx) * 180) / Math.PI,
  };
}

// The walls of a partition as SVG paths, or null where a side is no unbroken part of the ring: then no wall can show it.
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
  if (count === 2) return `M 0 ${-RADIUS + 20} L 0 ${RADIUS - 20}`;
  const step = (2 * Math.PI) / count;
  const start = first * step - Math.PI / 2 - step / 2;
  const half = (side.length * step) / 2;
  const reach = RADIUS + 56;
  const [x1, y1] = [reach * Math.cos(start), reach * Math.sin(start)];
  const [x2, y2] = [reach * Math.cos(start + 2 * half), reach * Math.sin(start + 2 * half)];
  const depth = Math.max(0, RADIUS * Math.cos(half - step / 2) - 62);
  const [mx, my] = [depth * Math.cos(start + half), depth * Math.sin(start + half)];
  const [cx, cy] = [2 * mx - (x1 + x2) / 2, 2 * my - (y1 + y2) / 2];
  return `M ${round(x1)} ${round(y1)} Q ${round(cx)} ${round(cy)} ${round(x2)} ${round(y2)}`;
}

const round = (value) => Math.round(value * 10) / 10;

// The outlines of servers and messages, around their middle, as in palette.py: a role and a kind of message have a shape
// of their own, so that nobody needs to tell colours apart.
export const SERVER_SHAPES = {
  follower: "M -25 0 A 25 25 0 1 0 25 0 A 25 25 0 1 0 -25 0 Z",
  candidate: "M 0 -31 L 31 0 L 0 31 L -31 0 Z",
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
  if (type.includes("Append")) return fields.entries?.length === 0 ? "heartbeat" : "append";
  return type.includes("Commit") ? "commit" : "other";
}
