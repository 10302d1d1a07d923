import { expect, test } from "vitest";
import { replaced, spans } from "./spans.ts";

const shown = (...texts: string[]) => texts.map((text) => ({ text }));

test("tokens are found again in the text, however they are shown", () => {
  const text = "a\tb\n\0\u202e<b> 😀é";
  const tokens = shown("<s>", "a", "⇥b", "↵␀", "\\u202e", "·", "<b>", " 😀", "·", "é", "·");
  expect(spans(text, tokens).map(([from, to]) => text.slice(from, to))).toEqual([
    "", "a", "\tb", "\n\0", "\u202e", "", "<b>", " 😀", "", "é", "",
  ]);
});

test("a blank that the tokenizer put before the first word is not missed", () => {
  expect(spans("The cat", shown("<s>", " The", " cat"))).toEqual([[0, 0], [0, 3], [3, 7]]);
});

test("a backslash of the text's own is no escape", () => {
  expect(spans("\\x1b", shown("\\", "x1b"))).toEqual([[0, 1], [1, 4]]);
});

test("one token is replaced and keeps the blank before it", () => {
  const tokens = shown("<s>", "On", " Monday", ",");
  expect(replaced("On Monday,", tokens, { at: 2, by: "Friday" })).toBe("On Friday,");
  expect(replaced("On Monday,", tokens, { at: 2, by: " May" })).toBe("On May,");
  expect(replaced("On Monday,", tokens, { at: 3, by: "!" })).toBe("On Monday!");
});

test("a token that was put in cannot be replaced", () => {
  expect(replaced("On", shown("<s>", "On"), { at: 0, by: "x" })).toBeNull();
});
