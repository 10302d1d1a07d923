/** Tokens that stand alone: their blanks are made visible. */

/** Return a token's text with its blanks as signs, `␣not`. */
export function spaced(text: string): string {
  return text.replaceAll(" ", "␣").replaceAll("\t", "⇥");
}
