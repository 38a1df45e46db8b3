// The editor of the exercises, which `make pyodide` bundles. Only the type checker reads this.

export declare function makeEditor(
  place: HTMLElement,
  text: string,
  label: string,
  onChange: (text: string) => void,
): { read: () => string; write: (text: string) => void };
