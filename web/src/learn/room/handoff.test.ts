import { expect, test } from "vitest";
import { type Context, type Draft, handoff } from "./handoff.ts";

const draft: Draft = { id: "1", key: "demo:frontier", question: " Why 4? ", evidence: ["claim:tradeoff"], resolved: [], next: "", hash: "#k=8", edited: "" };
const context: Context = {
  thing: {
    key: "demo:frontier",
    kind: "demo",
    title: "Budget and error",
    parent: "Demos",
    anchor: "demo-a",
    defined: "web/src/learn/demos/A.svelte",
    about: "Error falls.",
    sources: ["gao"],
    evidence: ["claim:tradeoff", "equation:topk"],
    resolves: ["You can say why."],
  },
  sources: [
    { id: "gao", authors: "Gao", title: "T", year: 2024, url: "https://x", grounds: "A frontier.", does_not: "Truth." },
    { id: "other", authors: "O", title: "O", year: 2020, url: "https://o", grounds: "Else.", does_not: "All." },
  ],
  claims: [],
  shown: [{ view: "a", name: "nmse", value: 0.1247, run: "abc" }],
  commit: "123",
};

test("the text holds the question, the numbers on screen and only the sources of the thing", () => {
  const text = handoff(draft, context);
  expect(text).toContain("Question: Why 4?");
  expect(text).toContain("a: nmse 0.125 (run abc)");
  expect(text).toContain("gao: A frontier.");
  expect(text).not.toContain("other");
  expect(text).toContain("State of the page: #k=8");
});

test("what was looked at and what was not are told apart", () => {
  const [, after] = handoff(draft, context).split("Evidence I have not looked at:");
  expect(after).toContain("equation:topk");
  expect(after).not.toContain("claim:tradeoff");
});

test("the same question gives the same text, without an unfilled place", () => {
  expect(handoff(draft, context)).toBe(handoff({ ...draft }, { ...context }));
  expect(handoff(draft, context)).not.toMatch(/\{[^}]*\}|undefined/);
});
