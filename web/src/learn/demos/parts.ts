/** One activation, taken apart: which latents rebuild it, and which features it is made of. */

import type { Opened } from "./recorded.ts";

/** A latent that fires on an activation. */
export type Part = {
  latent: number;
  act: number;
  /** The feature across from it by direction, the cosine, and how strongly that feature is on. */
  feature: number;
  cosine: number;
  size: number;
  /** What it adds to the reconstruction. */
  adds: number[];
};

/** Return the latents that fire on a token, the strongest first. */
export function partsOf({ sae, world, seen }: Opened, token: number): Part[] {
  const { d, m } = sae;
  const found: Part[] = [];
  for (let latent = 0; latent < m; latent++) {
    const act = seen.acts[token * m + latent]!;
    if (act === 0) continue;
    const feature = seen.partner[latent]!;
    const adds = Array.from({ length: d }, (_, i) => act * sae.weights.W_dec[latent * d + i]!);
    const cosine = feature < 0 ? 0 : seen.cosines[latent * world.F + feature]!;
    found.push({ latent, act, feature, cosine, size: feature < 0 ? 0 : world.sizes[token * world.F + feature]!, adds });
  }
  return found.sort((a, b) => b.act - a.act);
}

/** Return the features that are on at a token, the strongest first. */
export function truthOf({ world }: Opened, token: number): { feature: number; size: number }[] {
  return Array.from({ length: world.F }, (_, feature) => ({ feature, size: world.sizes[token * world.F + feature]! }))
    .filter(({ size }) => size > 0)
    .sort((a, b) => b.size - a.size);
}

/** Return a token's row of numbers that lie one token after the other. */
export function rowOf(values: ArrayLike<number>, token: number, width: number): number[] {
  return Array.from({ length: width }, (_, i) => values[token * width + i]!);
}
