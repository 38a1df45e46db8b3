// Making elements: SVG and HTML, with attributes and children.

const NAMESPACE = "http://www.w3.org/2000/svg";

// Makes an SVG element.
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Makes an HTML element; an attribute that is false is left out, one that is true has no value.
export function html(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

// Makes a button with a label that does something when it is pressed.
export function pressButton(label, press, attributes = {}) {
  const element = html("button", { type: "button", ...attributes }, label);
  element.addEventListener("click", press);
  return element;
}

// Greys a button, with the reason in its title, or makes it one that can be pressed.
export function allow(button, why, title = "") {
  const words = why || title;
  if (button.disabled !== (why !== "")) button.disabled = why !== "";
  if (button.title !== words) button.title = words;
}
