/** What the picture at the head shows: one activation, and the directions whose sum comes near it. */

import { type Numbers, type Sae, encode } from "./kernel/sae.ts";

/** An activation, `act * direction` of every latent that fires, strongest first, and what is left over. */
export type Picture = {
  run: string;
  d: number;
  m: number;
  x: number[];
  parts: { latent: number; act: number; values: number[] }[];
  rest: number[];
};

declare global {
  /** Written in by the build, where there are recorded runs; `null` where there are none. */
  const __PICTURE__: Picture | null;
  /** How many words the page has to read. */
  const __WORDS__: number;
}

/** Take one activation apart. */
export function picture(run: string, sae: Sae, x: Numbers): Picture {
  const { d, m } = sae;
  const acts = [...encode(sae, x)];
  const fired = acts.map((act, latent) => ({ act, latent })).filter(({ act }) => act > 0);
  const parts = fired
    .sort((a, b) => b.act - a.act)
    .map(({ act, latent }) => ({
      latent,
      act: rounded(act),
      values: Array.from({ length: d }, (_, i) => rounded(act * sae.weights.W_dec[latent * d + i]!)),
    }));
  const rest = Array.from({ length: d }, (_, i) => rounded(parts.reduce((left, { values }) => left - values[i]!, x[i]!)));
  return { run, d, m, x: Array.from(x, rounded), parts, rest };
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
