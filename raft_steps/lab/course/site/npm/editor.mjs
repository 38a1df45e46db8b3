// The editor of the exercises: CodeMirror with what Python needs, as one module (`make pyodide` bundles it).

import { indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorView, keymap } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";
import { minimalSetup } from "codemirror";
import { lineNumbers } from "@codemirror/view";

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
  const view = new EditorView({
    doc: text,
    parent: place,
    extensions: [
      minimalSetup,
      lineNumbers(),
      python(),
      indentUnit.of("    "),
      syntaxHighlighting(classHighlighter),
      keymap.of([indentWithTab]),
      EditorView.contentAttributes.of({ "aria-label": label, autocapitalize: "off", spellcheck: "false", tabindex: "0" }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) onChange(view.state.doc.toString());
      }),
    ],
  });
  return {
    read: () => view.state.doc.toString(),
    write: (changed) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: changed } }),
  };
}
