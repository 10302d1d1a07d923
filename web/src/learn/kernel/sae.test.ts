import { expect, test } from "vitest";
import { cosines, partners } from "./matching.ts";
import { decode, encode, keepLargest, length, read } from "./sae.ts";

const eye = [1, 0, 0, 1];

test("topk keeps the k largest that are not negative", () => {
  expect([...keepLargest(Float64Array.of(3, -1, 2, 5, -4, -1, -2, -3), 4, 2)]).toEqual([3, 0, 0, 5, 0, 0, 0, 0]);
  expect([...keepLargest(Float64Array.of(1, 1, 1, 1), 4, 2)]).toEqual([1, 1, 0, 0]);
});

test("each kind reads its own parameters", () => {
  const relu = read([...eye, -1, -1, ...eye, 0, 0], { kind: "relu", d: 2, m: 2 });
  expect([...encode(relu, [3, 0.5])]).toEqual([2, 0]);
  const jump = read([...eye, 0, 0, ...eye, 0, 0, 1, 0.1], { kind: "jumprelu", d: 2, m: 2 });
  expect([...encode(jump, [0.9, 0.2])]).toEqual([0, 0.2]);
  const gated = read([...eye, -1, -1, ...eye, 0, 0, 0, 0, 1, 1], { kind: "gated", d: 2, m: 2 });
  expect([...encode(gated, [3, 0.5])]).toEqual([3, 0]);
  expect(length("gated", 2, 2)).toBe(16);
  expect(() => read([1], { kind: "topk", d: 2, m: 2 })).toThrow();
});

test("decoding adds the directions up, and the bias", () => {
  const sae = read([...eye, 0, 0, ...eye, 10, 20], { kind: "topk", d: 2, m: 2, k: 1 });
  expect([...decode(sae, Float64Array.of(2, 0))]).toEqual([12, 20]);
});

test("partners are the best assignment, whichever side is larger", () => {
  const W = [1, 0, 0.8, 0.6, 0, 1];
  const three = cosines(W, [1, 0, 0, 1], 2);
  expect([...partners(three, 2)]).toEqual([0, -1, 1]);
  const two = cosines([1, 0, 0, 1], W, 2);
  expect([...partners(two, 3)]).toEqual([0, 2]);
});
