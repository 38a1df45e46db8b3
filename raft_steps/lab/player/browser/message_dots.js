// Draws a storm of messages: a dot each, all those of a kind as one path. So many elements, each with its own place, would
// take a browser longer than a frame.

/** @import { MessageInTransit, Point } from "./types.js" */

import { svg } from "./dom.js";
import { messageFamily } from "./geometry.js";
import { isReply } from "./narration.js";

export class MessageDots {
  constructor() {
    this.element = svg("g", { class: "rp-dots", "aria-hidden": "true" });
    /** @type {Map<string, SVGPathElement>} */
    this.paths = new Map(); // by their classes
  }

  /**
   * @param {readonly MessageInTransit[]} messages
   * @param {(message: MessageInTransit) => Point} pointOf
   */
  draw(messages, pointOf) {
    /** @type {Map<string, string[]>} */
    const dots = new Map();
    for (const message of messages) {
      const { x, y } = pointOf(message);
      const classes = classesOf(message);
      const dot = `M${x.toFixed(1)} ${y.toFixed(1)}h0`; // A line without length, with round ends, is a dot.
      const others = dots.get(classes);
      if (others) others.push(dot);
      else dots.set(classes, [dot]);
    }
    for (const [classes, path] of this.paths) if (!dots.has(classes)) path.removeAttribute("d");
    for (const [classes, parts] of dots) this.pathOf(classes).setAttribute("d", parts.join(""));
  }

  /** @param {string} classes */
  pathOf(classes) {
    const known = this.paths.get(classes);
    if (known) return known;
    const path = svg("path", { class: classes });
    this.paths.set(classes, path);
    this.element.append(path);
    return path;
  }
}

/** @param {MessageInTransit} message */
function classesOf({ span: { type, fields }, crossed, pale }) {
  const reply = isReply(type) ? " rp-reply" : "";
  return `rp-kind-${messageFamily(type, fields)}${reply}${crossed ? " rp-crossed" : ""}${pale ? " rp-pale" : ""}`;
}
