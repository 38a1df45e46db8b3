// A command of a log entry in as few signs as possible, for a small cell: x ← 1 instead of set x 1.

const WORDS = /'[^']*'|"[^"]*"|[^\s'"]+|\s+/g;

/**
 * Splits a line into words as a shell does, without its quotes.
 *
 * @param {string} line
 * @returns {string[]}
 */
export function splitWords(line) {
  /** @type {string[]} */
  const words = [];
  let isOpen = false;
  for (const part of line.match(WORDS) ?? []) {
    if (/^\s/.test(part)) {
      isOpen = false;
      continue;
    }
    const text = /^['"]/.test(part) ? part.slice(1, -1) : part;
    if (isOpen) words.push(words.pop() + text);
    else words.push(text);
    isOpen = true;
  }
  return words;
}

/**
 * Returns a command in few signs; one of another form stays as it is.
 *
 * @param {string} command
 * @returns {string}
 */
export function shortCommand(command) {
  const [verb, ...words] = splitWords(command);
  if (command === "-" || command === "") return "no-op";
  if (verb === "set" && words.length >= 2)
    return `${words[0]} ← ${words[1]}${words
      .slice(2)
      .map((word) => ` ${word}`)
      .join("")}`;
  if (verb === "append" && words.length >= 2) return `${words[0]} += ${words[1]}`;
  if (verb === "cas" && words.length >= 3) return `${words[0]}: ${words[1]} → ${words[2]}`;
  if (verb === "delete" && words.length) return `${words[0]} ✕`;
  if (verb === "members") return words[1] === "from" ? "joint" : verb; // The names are in the cell's title.
  return command;
}
