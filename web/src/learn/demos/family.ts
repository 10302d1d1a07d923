/** One parent and its children: the latents that stand for them, and how they lean on each other. */

import { cosines as cosinesOf } from "../kernel/matching.ts";
import type { Heldout, Seen } from "../kernel/metrics.ts";

/** A family of features with the latent across from each. */
export type Family = {
  /** The parent, then its children. */
  features: number[];
  /** The latent that stands for each, or -1. */
  latents: number[];
  /** Cosines of these latents (rows) with these features. */
  cosines: number[][];
  /** Cosines of the features with each other. */
  own: number[][];
};

/** Return the parents of a world that have children. */
export function parentsOf({ parents, F }: Heldout): number[] {
  return [...new Set(Array.from({ length: F }, (_, f) => parents[f]!))].filter((parent) => parent >= 0).sort((a, b) => a - b);
}

/** Return what a dictionary makes of a parent and its children. */
export function familyOf(seen: Seen, world: Heldout, parent: number): Family {
  const { parents, F, d, directions } = world;
  const children = Array.from({ length: F }, (_, f) => f).filter((f) => parents[f] === parent);
  const features = [parent, ...children];
  const latents = features.map((f) => seen.partner.indexOf(f));
  const cosines = latents.map((latent) => features.map((f) => (latent < 0 ? 0 : seen.cosines[latent * F + f]!)));
  const known = Float32Array.from(features.flatMap((f) => [...directions.subarray(f * d, (f + 1) * d)]));
  const flat = cosinesOf(known, known, d);
  const own = features.map((_, i) => features.map((_, j) => flat[i * features.length + j]!));
  return { features, latents, cosines, own };
}
