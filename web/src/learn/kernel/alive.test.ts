import { expect, test } from "vitest";
import { type Grown, type Plan, grow, truths } from "./alive.ts";

const plan: Plan = { dim: 2, F: 5, m: 8, kind: "topk", k: 1, weight: 0, noise: 0.03, seed: 0 };

function ended(of: Plan): Grown {
  const run = grow(of);
  let next = run.next();
  while (!next.done) next = run.next();
  return next.value;
}

test("eight atoms find the five corners of a pentagon", () => {
  expect(ended(plan).found.at(-1)).toBe(5);
});

test("one seed gives one run, another seed another", () => {
  const [first, again, other] = [ended(plan), ended(plan), ended({ ...plan, seed: 1 })];
  expect(again.atoms.at(-1)).toEqual(first.atoms.at(-1));
  expect(other.atoms[0]).not.toEqual(first.atoms[0]);
});

test("directions are of length one", () => {
  for (const [dim, F] of [[2, 5], [3, 8], [3, 6]] as const) {
    const made = truths(dim, F);
    for (let f = 0; f < F; f++) expect(Math.hypot(...made.subarray(f * dim, (f + 1) * dim))).toBeCloseTo(1);
  }
});
