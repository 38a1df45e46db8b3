// Makes elements of SVG and HTML, with attributes and children.

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/**
 * Makes an SVG element.
 *
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG_NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * Makes an HTML element. An attribute that is false is left out, one that is true gets no value.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean>} attributes
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function html(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

/**
 * Makes a button with a label.
 *
 * @param {string} label
 * @param {(event: MouseEvent) => void} onPress
 * @param {Record<string, string | number | boolean>} attributes
 * @returns {HTMLButtonElement}
 */
export function pressButton(label, onPress, attributes = {}) {
  const element = html("button", { type: "button", ...attributes }, label);
  element.addEventListener("click", onPress);
  return element;
}

/**
 * Makes a button unavailable and shows the reason in its title, or makes it available if there is none. It can have the
 * focus in both cases: a disabled button would drop it, and keys would then go to JupyterLab (focus.js stops its presses).
 *
 * @param {HTMLButtonElement} button
 * @param {string} why
 * @param {string} title the title of the available button
 */
export function disableIf(button, why, title = "") {
  const isDisabled = why !== "";
  const words = why || title;
  // Most calls change nothing, and a write would still make the browser compute styles again.
  if (isUnavailable(button) !== isDisabled) button.setAttribute("aria-disabled", String(isDisabled));
  if (button.title !== words) button.title = words;
}

/** @param {HTMLButtonElement} button */
export const isUnavailable = (button) => button.getAttribute("aria-disabled") === "true";

/**
 * Returns the element that an event happened on or in, if it matches a selector.
 *
 * @param {Event} event
 * @param {string} selector
 * @returns {HTMLElement | SVGElement | null}
 */
export function closestTo({ target }, selector) {
  return target instanceof Element ? target.closest(selector) : null;
}
