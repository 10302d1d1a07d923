/** Texts to begin with: short, and each with something to find. */

export const EXAMPLES: readonly { name: string; text: string }[] = [
  {
    name: "months and days",
    text: "The talks began on Monday, March 3, and were to end in April, but by June nobody had signed.",
  },
  {
    name: "code with a comment",
    text: "def area(radius):\n    # A circle, in square metres.\n    return math.pi * radius ** 2\n",
  },
  {
    name: "saying no",
    text: "She did not say that it wasn't true; she said nobody had asked, and that it couldn't matter.",
  },
  {
    name: "names and titles",
    text: "President Barack Obama met Chancellor Angela Merkel in Berlin before he flew back to Washington.",
  },
];

/** Two texts that differ in one word. */
export const PAIR = {
  a: "When she saw the bank, she knew that the river was near.",
  b: "When she saw the bank, she knew that the money was near.",
} as const;

/** Characters of a text that are sent; the model reads one context of tokens in any case. */
export const MOST = 20_000;

/** Return why a text cannot be read, if it cannot. */
export function refusal(text: string): string | undefined {
  if (text.length <= MOST) return undefined;
  const [has, most] = [text.length, MOST].map((n) => n.toLocaleString("en-US"));
  return `The text has ${has} characters; at most ${most} are read at once. Shorten it.`;
}
