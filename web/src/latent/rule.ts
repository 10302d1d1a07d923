/** A rule in words that stand between its tokens. */

import { group } from "d3-array";
import type { Rule } from "../types.ts";

/** A token, as it is shown and exactly as it is; or words. */
export type Part = { readonly code: string; readonly exact: string } | { readonly words: string };

const SHOWN = 12; // alternatives that are written out

/** Return a rule as words and tokens in the order they are read. */
export function worded(rule: Rule): { parts: Part[]; more: number } {
  const shown = rule.parts.slice(0, SHOWN).map(([before = null, token = null]) => ({ before, token }));
  const more = rule.parts.length - shown.length;
  const alone = shown.filter(({ before, token }) => before === null || token === null);
  if (alone.length) {
    const words = rule.kind === "after" ? "fires after" : "fires on";
    return { parts: [{ words }, ...tokens(alone.map(({ before, token }) => token ?? before ?? ""))], more };
  }
  return { parts: pairs(shown as Pair[]), more };
}

type Pair = { readonly before: string; readonly token: string };

/** Say pairs with the token they share once: on `not` after `is` `are`; on `be` `a` after `not`. */
function pairs(all: readonly Pair[]): Part[] {
  const byToken = [...group(all, ({ token }) => token)].map(([token, own]) => ({
    on: [token],
    after: own.map(({ before }) => before),
  }));
  const several = byToken.filter(({ after }) => after.length > 1);
  const single = byToken.filter(({ after }) => after.length === 1);
  const byBefore = [...group(single, ({ after }) => after[0]!)].map(([before, own]) => ({
    on: own.flatMap(({ on }) => on),
    after: [before],
  }));
  return [...several, ...byBefore].flatMap(({ on, after }, i) => [
    { words: i === 0 ? "fires on" : "; on" },
    ...tokens(on),
    { words: "after" },
    ...tokens(after),
  ]);
}

/** Return tokens without the blank before them, each once. */
function tokens(exact: readonly string[]): Part[] {
  const byText = group(exact, (text) => text.trim() || text);
  return [...byText].map(([code, all]) => ({ code, exact: all.map((one) => `“${one}”`).join(" ") }));
}
