/** Scores of a dictionary on tokens whose features are known, as `unmix.evaluation.planted` defines them. */

import { cosines, likeness, partners } from "./matching.ts";
import type { Numbers, Sae } from "./sae.ts";
import { decode, encode } from "./sae.ts";

/** Cosine from which acts are compared with the size of their feature, as in Python. */
export const FOUND = 0.9;
const HELD = 0.5; // cosine from which a latent counts as the parent's

/** Tokens with their true code beside them. */
export type Heldout = {
  n: number;
  d: number;
  F: number;
  x: Float32Array;
  directions: Float32Array;
  /** How strongly each feature is on, `[n, F]`. */
  sizes: Float64Array;
  /** The feature without which a feature is never on, or -1. */
  parents: Numbers;
};

/** What a dictionary makes of held-out tokens, and how good that is. */
export type Seen = {
  acts: Float64Array;
  rebuilt: Float64Array;
  /** Cosines of latents with features, `[m, F]`. */
  cosines: Float64Array;
  /** The feature across from each latent, or -1. */
  partner: Int32Array;
  scores: Scores;
};

export type Scores = { nmse: number; l0: number; mcc: number; f1: number; gamma: number; slope: number; offset: number };

/** Read, rebuild and score held-out tokens. */
export function look(sae: Sae, world: Heldout): Seen {
  const acts = encode(sae, world.x);
  const rebuilt = decode(sae, acts);
  const cos = cosines(sae.weights.W_dec, world.directions, world.d);
  const partner = partners(cos, world.F);
  let fired = 0;
  for (const act of acts) if (act !== 0) fired += 1;
  let alike = 0;
  partner.forEach((f, j) => (alike += f < 0 ? 0 : Math.abs(cos[j * world.F + f]!)));
  const scores = {
    ...energies(world, rebuilt),
    l0: fired / world.n,
    mcc: alike / Math.min(sae.m, world.F),
    f1: f1(acts, likeness(cos, world.F), world),
    ...sizes({ acts, partner, cosines: cos }, world),
  };
  return { acts, rebuilt, cosines: cos, partner, scores };
}

/** Return the error and the bias of reconstructions, around the mean of the tokens. */
function energies({ x, n, d }: Heldout, rebuilt: Float64Array): { nmse: number; gamma: number } {
  let [error, total, out, cross] = [0, 0, 0, 0];
  for (let i = 0; i < d; i++) {
    let mean = 0;
    for (let t = 0; t < n; t++) mean += x[t * d + i]! / n;
    for (let t = 0; t < n; t++) {
      const was = x[t * d + i]! - mean;
      const is = rebuilt[t * d + i]! - mean;
      error += (is - was) ** 2;
      total += was * was;
      out += is * is;
      cross += is * was;
    }
  }
  return { nmse: error / total, gamma: out / cross };
}

/** Return the mean over all latents of the F1 at which firing tells that its feature is on. */
function f1(acts: Float64Array, feature: Int32Array, { n, F, sizes }: Heldout): number {
  const m = feature.length;
  let sum = 0;
  for (let j = 0; j < m; j++) {
    let [both, either] = [0, 0];
    for (let t = 0; t < n; t++) {
      const fires = acts[t * m + j] !== 0;
      const isOn = sizes[t * F + feature[j]!] !== 0;
      if (fires && isOn) both += 1;
      either += Number(fires) + Number(isOn);
    }
    sum += (2 * both) / Math.max(1, either);
  }
  return sum / m;
}

/** A feature's size and the act of the latent that stands for it. */
export type Pair = { latent: number; feature: number; token: number; size: number; act: number };

/** Return every token's features that are on while a latent of cosine above 0.9 is on for them. */
export function pairs(seen: Pick<Seen, "acts" | "partner" | "cosines">, { n, F, sizes }: Heldout): Pair[] {
  const m = seen.partner.length;
  const found: Pair[] = [];
  seen.partner.forEach((feature, latent) => {
    if (feature < 0 || !(Math.abs(seen.cosines[latent * F + feature]!) > FOUND)) return;
    for (let token = 0; token < n; token++) {
      const act = seen.acts[token * m + latent]!;
      const size = sizes[token * F + feature]!;
      if (act !== 0 && size !== 0) found.push({ latent, feature, token, size, act });
    }
  });
  return found;
}

function sizes(seen: Pick<Seen, "acts" | "partner" | "cosines">, world: Heldout): { slope: number; offset: number } {
  let [product, square, offset, n] = [0, 0, 0, 0];
  for (const { size, act } of pairs(seen, world)) {
    product += act * size;
    square += size * size;
    offset += act - size;
    n += 1;
  }
  return { slope: product / square, offset: offset / n };
}

/** How often the parent's latent is silent: while a child is on, and while the parent is on alone. */
export type Silence = { on: number; off: number };

/** Return the means over children of how often the latent of the parent is silent. */
export function silence(seen: Seen, { n, F, sizes, parents }: Heldout): Silence {
  const m = seen.partner.length;
  const latent = new Int32Array(F).fill(-1);
  seen.partner.forEach((f, j) => {
    if (f >= 0 && Math.abs(seen.cosines[j * F + f]!) > HELD) latent[f] = j;
  });
  const [on, off]: [number[], number[]] = [[], []];
  for (let child = 0; child < F; child++) {
    const parent = parents[child]!;
    if (parent < 0 || latent[parent]! < 0) continue;
    const counts = { both: 0, bothSilent: 0, alone: 0, aloneSilent: 0 };
    for (let t = 0; t < n; t++) {
      if (sizes[t * F + parent] === 0) continue;
      const isSilent = Number(seen.acts[t * m + latent[parent]!] === 0);
      const isBoth = sizes[t * F + child] !== 0;
      counts[isBoth ? "both" : "alone"] += 1;
      counts[isBoth ? "bothSilent" : "aloneSilent"] += isSilent;
    }
    if (counts.both) on.push(counts.bothSilent / counts.both);
    if (counts.both && counts.alone) off.push(counts.aloneSilent / counts.alone);
  }
  return { on: mean(on), off: mean(off) };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
