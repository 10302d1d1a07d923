import { expect, test } from "vitest";
import { exampleQuery, showOf } from "./show.ts";
import { worded } from "./rule.ts";

test("an address says which examples; what it says wrong is not heard", () => {
  expect(showOf({})).toBe("top");
  expect(showOf({ show: "interval", low: "1" })).toBe("top");
  expect(showOf({ show: "token", token: "x" })).toBe("top");
  expect(showOf({ show: "nothing" })).toBe("top");
  expect(exampleQuery({ show: "interval", low: "1.5", high: "2" })).toMatchObject({ how: "interval", low: 1.5, high: 2 });
  expect(exampleQuery({ slice: "source:a:b", show: "all", fold: "no" })).toMatchObject({
    how: "document", slice_key: "source", slice_value: "a:b", fold: false,
  });
});

test("rules read as sentences", () => {
  const rule = { kind: "pair", label: "", precision: 1, recall: 1, f1: 1, low: 1, high: 1 } as const;
  const said = (parts: (string | null)[][]) =>
    worded({ ...rule, parts }).parts.map((part) => ("code" in part ? `[${part.code}]` : part.words)).join(" ");
  expect(said([[null, " not"], [null, "not"], [null, "n't"]])).toBe("fires on [not] [n't]");
  expect(said([[null, "  "]])).toBe("fires on [  ]");
  expect(said([[" is", " not"], [" not", " be"], [" do", " not"], [" not", " a"]])).toBe(
    "fires on [not] after [is] [do] ; on [be] [a] after [not]",
  );
  expect(worded({ ...rule, kind: "after", parts: [[" of", null]] }).parts[0]).toEqual({ words: "fires after" });
  expect(worded({ ...rule, parts: Array(20).fill([null, "x"]) }).more).toBe(8);
});
