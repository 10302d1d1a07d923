import { expect, test } from "vitest";
import fixture from "../../../../src/unmix/learn/recorded/parity.json";
import { type Fixture, compare } from "./parity.ts";

test("the kernel computes what Python computes", () => {
  const found = compare(fixture as unknown as Fixture);
  expect(found).toMatchObject({ isEqual: true, tolerance: 1e-4 });
  expect(found.n).toBeGreaterThan(1000);
});

test("one wrong number is noticed", () => {
  const wrong = structuredClone(fixture) as unknown as { codes: { acts: number[] }[] };
  wrong.codes[0]!.acts[3]! += 1e-3;
  expect(compare(wrong as unknown as Fixture).isEqual).toBe(false);
});
