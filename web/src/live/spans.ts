/** Where each token of a text begins and ends, found again from how the tokens are shown. */

type Span = readonly [start: number, end: number];

const SHOWN = new Map([
  ["↵", "\n"],
  ["␍", "\r"],
  ["⇥", "\t"],
  ["␋", "\v"],
  ["␌", "\f"],
  ["␀", "\0"],
]);
const ESCAPE = /^\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))/;

/**
 * Return the place of each token in the text.  A token that was put in, or that is part of a
 * character, has an empty one.  A blank that the tokenizer put before the first word is not missed.
 */
export function spans(text: string, tokens: readonly { text: string }[]): Span[] {
  let from = 0;
  return tokens.map((token) => {
    const to = after(text, from, token.text) ?? (from === 0 ? after(text, 0, token.text.replace(/^ /, "")) : undefined);
    const span: Span = [from, to ?? from];
    from = span[1];
    return span;
  });
}

/** Return the text with one token replaced; null where it is not a token of the text's own. */
export function replaced(
  text: string,
  tokens: readonly { text: string }[],
  { at, by }: { at: number; by: string },
): string | null {
  const span = spans(text, tokens)[at];
  if (!span || span[0] === span[1]) return null;
  const [start, end] = span;
  const lead = /^ /.test(text.slice(start, end)) && !/^\s/.test(by) ? " " : "";
  return text.slice(0, start) + lead + by + text.slice(end);
}

/** Return where a text goes on after what is shown, or undefined if it does not go so. */
function after(text: string, from: number, shown: string): number | undefined {
  let at = from;
  for (let i = 0; i < shown.length; ) {
    const sign = shown[i]!;
    const escape = ESCAPE.exec(shown.slice(i, i + 10));
    if (text[at] === sign || (text[at] !== undefined && SHOWN.get(sign) === text[at])) {
      at += 1;
      i += 1;
    } else if (escape) {
      const meant = String.fromCodePoint(parseInt(escape[1] ?? escape[2] ?? escape[3] ?? "", 16));
      if (!text.startsWith(meant, at)) return undefined;
      at += meant.length;
      i += escape[0].length;
    } else {
      return undefined;
    }
  }
  return at;
}
