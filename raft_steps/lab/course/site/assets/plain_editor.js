// The editor of the exercises where the site was made without npm: a plain text field.

/**
 * Makes an editor.
 *
 * @param {HTMLElement} place
 * @param {string} text
 * @param {string} label its name for screen readers
 * @param {(text: string) => void} onChange
 * @returns {{ read: () => string, write: (text: string) => void }}
 */
export function makeEditor(place, text, label, onChange) {
  const field = document.createElement("textarea");
  Object.assign(field, { value: text, spellcheck: false, rows: Math.min(30, text.split("\n").length + 4) });
  field.setAttribute("aria-label", label);
  field.addEventListener("input", () => onChange(field.value));
  place.append(field);
  return {
    read: () => field.value,
    write: (changed) => {
      field.value = changed;
      onChange(changed);
    },
  };
}
