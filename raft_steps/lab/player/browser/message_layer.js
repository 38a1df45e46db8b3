// The drawing of messages on their way, as SVG. It is told what is under way; where that is, geometry.js says.

import { MESSAGE_SHAPES, meetsWall, messageFamily, onTheWay } from "./geometry.js";
import { svg } from "./dom.js";
import { isRefusal, isReply, messageWords } from "./narration.js";

const CROWD = 300; // so many messages are drawn without their tails, which nobody could tell apart
const QUEUE_STEP = 17; // pixels between two messages that wait at one door

export class Mail {
  // places: where each server stands; onLost: called with the server to which a message went that had the focus.
  constructor(places, onLost) {
    Object.assign(this, { places, onLost, walls: [], stops: new Map(), shown: new Map(), pinned: "" });
    this.element = svg("g", { class: "rp-messages" });
  }

  // Takes over where the walls of a partition are: messages end there.
  takeWalls(walls) {
    this.walls = walls;
    this.stops.clear();
  }

  draw(flights) {
    const now = new Map();
    const waiting = new Map();
    for (const each of flights) {
      const { name } = each.flight;
      const known = this.shown.get(name);
      const same = known?.flight.fields === each.flight.fields; // On another branch the name may be another message's.
      if (known && !same) this.remove(known);
      const drawn = same ? known : this.add(each.flight);
      now.set(name, drawn);
      this.shown.delete(name);
      drawn.flight = each.flight;
      this.place(drawn, each, waiting);
    }
    for (const drawn of this.shown.values()) this.remove(drawn);
    this.shown = now;
    this.element.classList.toggle("rp-crowd", now.size > CROWD);
  }

  place(drawn, each, waiting) {
    const { flight } = each;
    const place = waiting.get(flight.to) ?? 0;
    if (each.waiting) waiting.set(flight.to, place + 1);
    const beside = each.waiting ? (place % 2 ? -1 : 1) * QUEUE_STEP * Math.ceil(place / 2) : 0;
    const [from, to] = [this.places.get(flight.from), this.places.get(flight.to)];
    const at = onTheWay(from, to, this.shareOf(each), beside);
    const transform = `translate(${at.x.toFixed(1)} ${at.y.toFixed(1)})`;
    if (transform !== drawn.transform) drawn.element.setAttribute("transform", transform);
    drawn.transform = transform;
    const look = lookOf(each, flight.name === this.pinned);
    if (look === drawn.look) return;
    drawn.look = look;
    drawn.element.setAttribute("class", drawn.kind + look);
    if (!each.crossed || drawn.crossed) return;
    drawn.crossed = true;
    drawn.element.append(svg("path", { class: "rp-cross", d: "M -6 -6 L 6 6 M 6 -6 L -6 6" }));
  }

  // How far a message has come. One that is lost as it leaves takes all its time to the wall where that happens; one
  // that was on its way when the wall was built comes as far as that.
  shareOf({ flight, share }) {
    if (!flight.late) return share * this.stopOf(flight);
    return flight.lost === "cut" && this.walls.length ? Math.min(share, this.stopOf(flight)) : share;
  }

  // The share of its way after which a message is lost: at the wall, or half-way; 1 for one that arrives.
  stopOf(flight) {
    if (!flight.lost || flight.lost === "down") return 1;
    const link = `${flight.from}>${flight.to} ${flight.lost}`;
    if (!this.stops.has(link)) {
      const found = flight.lost === "cut" ? this.walls : [];
      this.stops.set(link, meetsWall(this.places.get(flight.from), this.places.get(flight.to), found));
    }
    return this.stops.get(link);
  }

  add(flight) {
    const { name, from, to, type, fields } = flight;
    const family = messageFamily(type, fields);
    const { degrees } = onTheWay(this.places.get(from), this.places.get(to), 0);
    const reply = isReply(type);
    const kind = `rp-message rp-kind-${family}${reply ? " rp-reply" : ""}`;
    const words = `${messageWords(type, fields)} from ${from} to ${to}`;
    const element = svg(
      "g",
      { class: kind, role: "button", tabindex: -1, "data-message": name, "aria-label": words },
      svg("circle", { class: "rp-target", r: 11 }),
      svg("path", { class: "rp-tail", d: "M -19 0 H -8", transform: `rotate(${degrees.toFixed(1)})` }),
      svg("path", { class: "rp-body", d: MESSAGE_SHAPES[family] }),
    );
    if (reply && isRefusal(type, fields)) element.append(svg("path", { class: "rp-bar", d: "M -11 0 H 11" }));
    this.element.append(element);
    return { element, kind, flight, look: "", crossed: false };
  }

  remove({ element, flight }) {
    const focused = element.ownerDocument.activeElement === element;
    element.remove();
    if (focused) this.onLost(flight.to);
  }

  // The messages in the order in which one goes through them by keyboard: by their links.
  elements() {
    const all = [...this.shown.values()].sort((a, b) => (a.flight.name < b.flight.name ? -1 : 1));
    return all.map(({ element }) => element);
  }

  find(name) {
    return this.shown.get(name);
  }
}

function lookOf({ crossed, pale }, pinned) {
  return (crossed ? " rp-crossed" : "") + (pale ? " rp-pale" : "") + (pinned ? " rp-pinned" : "");
}
