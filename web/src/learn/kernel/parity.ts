/**
 * Is this kernel what Python is?  Python wrote data, weights, acts and the parameters after 1, 10 and
 * 20 steps; the same is computed here, and the largest difference said.
 */

import type { components } from "../../schema.d.ts";
import { type Sae, type Weights, encode } from "./sae.ts";
import { fresh, step } from "./training.ts";

type Schemas = components["schemas"];

/** What Python wrote. */
export type Fixture = Schemas["Parity"];

export type Verdict = {
  isEqual: boolean;
  /** Largest difference of any number. */
  largest: number;
  tolerance: number;
  /** Numbers compared. */
  n: number;
};

/** Compute all that is in the fixture here, and compare. */
export function compare(fixture: Fixture): Verdict {
  const { d, m, tolerance } = fixture;
  const seen = { largest: 0, n: 0 };
  const against = (mine: ArrayLike<number>, theirs: ArrayLike<number>): void => {
    if (mine.length !== theirs.length) seen.largest = Infinity;
    for (let i = 0; i < theirs.length; i++) {
      const apart = Math.abs(mine[i]! - theirs[i]!);
      seen.largest = Math.max(seen.largest, Number.isNaN(apart) ? Infinity : apart);
      seen.n += 1;
    }
  };
  for (const one of fixture.codes) {
    const sae = { kind: one.kind, d, m, k: one.k, weights: weights(one.weights) };
    against(encode(sae, fixture.samples), one.acts);
  }
  for (const run of fixture.train) {
    const sae: Sae = { kind: run.kind, d, m, k: run.k, weights: weights(run.start) };
    const memory = fresh(sae);
    fixture.batches.forEach((x, i) => {
      step(sae, memory, x, { lr: run.lr[i]!, weight: run.weight[i] ?? 0, beta1: run.beta1, clip: run.clip });
      for (const [name, theirs] of Object.entries(run.after[String(i + 1)] ?? {})) {
        if (theirs) against(sae.weights[name as keyof Weights]!, theirs);
      }
    });
  }
  return { isEqual: seen.n > 0 && seen.largest <= tolerance, largest: seen.largest, tolerance, n: seen.n };
}

function weights(listed: Schemas["Parameters"]): Weights {
  const part = (name: keyof Weights) => (listed[name] ? Float64Array.from(listed[name]) : undefined);
  return {
    W_enc: part("W_enc")!,
    b_enc: part("b_enc")!,
    W_dec: part("W_dec")!,
    b_pre: part("b_pre")!,
    threshold: part("threshold"),
    r_mag: part("r_mag"),
    b_mag: part("b_mag"),
  };
}
