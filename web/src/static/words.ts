/** A query line cut into words, as `unmix.index.query` cuts it. */

export type Kind = "number" | "name" | "text" | "sign" | "end";
export type Word = { readonly kind: Kind; readonly word: string; readonly start: number };

const PATTERN =
  /\s*(?:(?<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<name>[A-Za-z_]\w*)|(?<text>'[^']*'|"[^"]*")|(?<sign><=|>=|==|!=|!~|[<>=~+\-*/(),[\]])|(?<end>$))/dy;
const KINDS = ["number", "name", "text", "sign", "end"] as const;

/** Names that are no columns. */
export const KEYWORDS: ReadonlySet<string> = new Set(["and", "or", "not", "in", "tag"]);

/** Thrown for a query that cannot be read; its message is a sentence for the reader. */
export class Unreadable extends Error {}

/** Return a refusal that names the place. */
export function refusal(start: number, why: string): Unreadable {
  return new Unreadable(`the query cannot be read at character ${start + 1}: ${why}`);
}

/** Yield the words of a query, the end among them. */
export function* words(where: string): Generator<Word, void> {
  let at = 0;
  while (true) {
    PATTERN.lastIndex = at;
    const found = PATTERN.exec(where);
    if (!found) throw unknown(where, at);
    const kind = KINDS.find((one) => found.groups?.[one] !== undefined) ?? "end";
    const [start, end] = found.indices?.groups?.[kind] ?? [at, at];
    yield { kind, word: where.slice(start, end), start };
    if (kind === "end") return;
    at = end;
  }
}

/** Return the names in a query that may be columns; those of one that cannot be read, up to there. */
export function names(where: string): string[] {
  const found = new Set<string>();
  try {
    for (const { kind, word } of words(where)) {
      if (kind === "name" && !KEYWORDS.has(word)) found.add(word);
    }
  } catch (reason) {
    if (!(reason instanceof Unreadable)) throw reason;
  }
  return [...found];
}

function unknown(where: string, at: number): Unreadable {
  const rest = where.slice(at).trimStart();
  const sign = rest[0] ?? " ";
  const start = where.length - rest.length;
  if (sign === "'" || sign === '"') {
    return refusal(start, "a text has no end; close it with the same quote");
  }
  return refusal(start, `'${sign}' means nothing here`);
}
