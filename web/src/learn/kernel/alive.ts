/**
 * A dictionary that learns while one watches: one of a few directions in the plane or in space is on
 * at a time, and every few steps of learning are kept, so that they can be gone through again.
 */

import { type Draw, draws } from "./chance.ts";
import { cosines } from "./matching.ts";
import { type Kind, type Sae, encode } from "./sae.ts";
import { fresh, step, trapezoid, unitRows } from "./training.ts";

export const STEPS = 600;
/** Cosine above which a direction counts as found. */
export const NEAR = 0.98;
const BATCH = 256;
const EVERY = 6; // steps between two snapshots
const RATE = 0.02;

/** What is to be learnt, and by what. */
export type Plan = {
  dim: 2 | 3;
  F: number;
  m: number;
  kind: Kind & ("topk" | "relu");
  k: number;
  /** Weight of the L1 penalty, for relu. */
  weight: number;
  noise: number;
  seed: number;
  /** Where atoms begin, `[m, dim]`; drawn from the seed if not given. */
  start?: number[] | undefined;
};

/** A run, as it was: `n` snapshots of directions and of what they came to. */
export type Grown = {
  plan: Plan;
  directions: Float64Array;
  /** Tokens to look at, `[200, dim]`. */
  cloud: Float64Array;
  steps: number[];
  /** Atoms at each snapshot, `[m, dim]`. */
  atoms: Float64Array[];
  /** Share of tokens each atom fires on, of each snapshot. */
  density: Float64Array[];
  error: number[];
  found: number[];
  /** Mean over directions of the largest cosine with an atom. */
  alike: number[];
};

/** Return the corners of a regular polygon, or of a cube, or points spread over the sphere. */
export function truths(dim: 2 | 3, F: number): Float64Array {
  const made = new Float64Array(F * dim);
  for (let f = 0; f < F; f++) {
    if (dim === 2) {
      const angle = (f * 2 * Math.PI) / F + Math.PI / 2;
      made.set([Math.cos(angle), Math.sin(angle)], 2 * f);
    } else if (F === 8) {
      made.set([4, 2, 1].map((bit) => (f & bit ? 1 : -1) / Math.sqrt(3)), 3 * f);
    } else {
      const z = 1 - (2 * f + 1) / F;
      const angle = f * Math.PI * (3 - Math.sqrt(5));
      const radius = Math.sqrt(1 - z * z);
      made.set([radius * Math.cos(angle), radius * Math.sin(angle), z], 3 * f);
    }
  }
  return made;
}

/** Return where atoms begin: random unit directions. */
export function beginning({ dim, m, seed, start }: Plan): Float64Array {
  if (start) return Float64Array.from(start);
  const draw = draws(seed * 2 + 1);
  const W = new Float64Array(m * dim).map(() => draw.normal());
  unitRows(W, dim);
  return W;
}

/** Learn to the end, giving what there is so far behind each snapshot. */
export function* grow(plan: Plan): Generator<Grown, Grown> {
  const { dim } = plan;
  const directions = truths(dim, plan.F);
  const draw = draws(plan.seed * 2 + 2);
  const sae = begun(plan);
  const memory = fresh(sae);
  const cloud = tokens(plan, directions, draws(plan.seed * 2 + 3), 200);
  const grown: Grown = { plan, directions, cloud, steps: [], atoms: [], density: [], error: [], found: [], alike: [] };
  keep(grown, sae, 0);
  for (let number = 1; number <= STEPS; number++) {
    const x = tokens(plan, directions, draw, BATCH);
    const ramp = Math.min(1, number / (0.05 * STEPS));
    const rate = { lr: RATE * trapezoid(number, STEPS), weight: plan.kind === "relu" ? plan.weight * ramp : 0 };
    step(sae, memory, x, rate);
    if (number % EVERY) continue;
    keep(grown, sae, number);
    yield grown;
  }
  return grown;
}

function begun(plan: Plan): Sae {
  const { dim, m, kind, k } = plan;
  const W_dec = beginning(plan);
  const weights = { W_enc: W_dec.slice(), b_enc: new Float64Array(m), W_dec, b_pre: new Float64Array(dim) };
  return { kind, d: dim, m, k, weights };
}

/** Draw tokens: one direction each, of size one half to one and a half, and noise. */
function tokens({ dim, F, noise }: Plan, directions: Float64Array, draw: Draw, n: number): Float64Array {
  const x = new Float64Array(n * dim);
  for (let t = 0; t < n; t++) {
    const f = Math.floor(draw.uniform() * F);
    const size = 0.5 + draw.uniform();
    for (let i = 0; i < dim; i++) x[t * dim + i] = size * directions[f * dim + i]! + noise * draw.normal();
  }
  return x;
}

/** Keep where the atoms are now. */
function keep(grown: Grown, sae: Sae, number: number): void {
  const { d, m } = sae;
  const { directions, cloud } = grown;
  const F = directions.length / d;
  const W = sae.weights.W_dec.slice();
  const acts = encode(sae, cloud);
  const density = new Float64Array(m);
  acts.forEach((act, i) => (density[i % m]! += act > 0 ? m / acts.length : 0));
  const best = new Float64Array(F).fill(-1);
  cosines(W, directions, d).forEach((cos, i) => (best[i % F] = Math.max(best[i % F]!, cos)));
  grown.steps.push(number);
  grown.atoms.push(W);
  grown.density.push(density);
  grown.error.push(lost(sae, acts, cloud));
  grown.found.push(best.filter((cos) => cos > NEAR).length);
  grown.alike.push(best.reduce((sum, cos) => sum + cos, 0) / F);
}

/** Return the share of the cloud's squared length that is not rebuilt. */
function lost({ d, m, weights }: Sae, acts: Float64Array, cloud: Float64Array): number {
  let [error, total] = [0, 0];
  for (let t = 0; t < cloud.length / d; t++) {
    for (let i = 0; i < d; i++) {
      const was = cloud[t * d + i]!;
      let is = weights.b_pre[i]!;
      for (let j = 0; j < m; j++) is += acts[t * m + j]! * weights.W_dec[j * d + i]!;
      error += (is - was) ** 2;
      total += was * was;
    }
  }
  return error / total;
}
