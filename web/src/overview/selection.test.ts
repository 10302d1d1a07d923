import { expect, test } from "vitest";
import { failures, rangesOf, rangesText, whereOf } from "./selection.ts";

test("intervals come back from an address as they were put there", () => {
  const ranges = { density: [0.0001, 0.01], skew: [-2, 8.5] } as const;
  expect(rangesOf({ in: rangesText(ranges)! })).toEqual(ranges);
  expect(rangesText({})).toBeUndefined();
});

test("an address can put nothing but numbers and names into a query", () => {
  expect(rangesOf({ in: "density:1~2) or (1:0~1,x:1~,y:a~b,:1~2,label ~ 'a':1~2" })).toEqual({});
});

test("a query line and intervals are one query", () => {
  expect(whereOf("", {})).toBe("");
  expect(whereOf(" a < 1 or b > 2 ", {})).toBe("a < 1 or b > 2");
  expect(whereOf("a < 1 or b > 2", { density: [0.1, 0.2] })).toBe("(a < 1 or b > 2) and 0.1 <= density <= 0.2");
});

test("failures are counted, and the one that failed is remembered", () => {
  const a = Float32Array.of(1, 5, 9, NaN);
  const b = Float32Array.of(1, 1, 7, 1);
  const ranges = [
    { values: a, interval: [0, 6] as const },
    { values: b, interval: [0, 6] as const },
  ];
  const { failed, last } = failures(4, { ranges, among: undefined });
  expect([...failed]).toEqual([0, 0, 2, 1]);
  expect(last[3]).toBe(0);
  expect([...failures(4, { ranges, among: Int32Array.of(1) }).failed]).toEqual([1, 0, 3, 2]);
});
