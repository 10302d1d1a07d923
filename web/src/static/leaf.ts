/** One latent of a static export: what is known of it, and the examples that were kept. */

import type { Example, Examples, How, Latent, Misses } from "../types.ts";

/** The pieces of an example as columns; positions as steps, and the acts that are not zero. */
type Columns = {
  readonly text: readonly string[];
  readonly token: readonly number[];
  readonly step: readonly number[];
  readonly act: readonly (readonly [number, number | null])[];
};
type Packed = Omit<Example, "pieces"> & { readonly pieces: Columns };
type PackedMiss = Omit<Misses["misses"][number], "example"> & { readonly example: Packed };

/** What is written of a latent; a set names places in `examples`. */
export type Leaf = {
  readonly latent: Latent;
  readonly misses: Omit<Misses, "misses"> & { readonly misses: readonly PackedMiss[] };
  readonly examples: readonly Packed[];
  readonly sets: Readonly<Record<string, { readonly total: number; readonly at: readonly number[] }>>;
};

export type ExamplesAsked = {
  readonly how: How;
  readonly n: number;
  readonly low: number | null;
  readonly high: number | null;
  readonly token: number | null;
  readonly slice: { readonly key: string; readonly value: string } | null;
};

/** Return some of the examples that were kept: those of a set, or those that satisfy what is asked. */
export function examples(leaf: Leaf, asked: ExamplesAsked): Examples {
  const { how } = asked;
  const set = leaf.sets[nameOf(leaf, asked)];
  const packed = set ? set.at.flatMap((i) => leaf.examples[i] ?? []) : leaf.examples.filter(once);
  const kept = packed.map(unpacked);
  const found = kept.filter((example) => satisfies(example, asked));
  if (!set) found.sort((a, b) => Math.abs(b.act) - Math.abs(a.act));
  const isNarrowed = !set || asked.slice !== null;
  const total = isNarrowed ? found.length : set.total;
  return { latent: leaf.latent.latent, how, total, examples: found.slice(0, asked.n) };
}

/** Return the name of the set that is asked for; one drawn over the range may be large or small. */
function nameOf({ sets }: Leaf, { how, token, n }: ExamplesAsked): string {
  if (how === "token") return `token:${token}`;
  return how === "range" && n > (sets.range?.at.length ?? 0) ? "range+" : how;
}

/** Return the places where the rule predicts the latent and it is silent. */
export function misses(leaf: Leaf, n: number): Misses {
  const shown = leaf.misses.misses.slice(0, n);
  const made = shown.map((one) => ({ ...one, example: unpacked(one.example) }));
  return { ...leaf.misses, misses: made };
}

function unpacked(example: Packed): Example {
  const { text, token, step, act } = example.pieces;
  let position = 0;
  const acts = new Map(act);
  const pieces = text.map((shown, i) => {
    position += step[i] ?? 0;
    const strength = acts.get(i);
    return {
      text: shown,
      act: strength === undefined ? 0 : strength,
      position,
      token: token[i] ?? -1,
    };
  });
  return { ...example, pieces };
}

function once(example: Packed, i: number, all: readonly Packed[]): boolean {
  return all.findIndex(({ position }) => position === example.position) === i;
}

function satisfies(example: Example, { low, high, token, slice }: ExamplesAsked): boolean {
  if (low !== null && example.act < low) return false;
  if (high !== null && example.act > high) return false;
  if (token !== null && example.pieces[example.peak]?.token !== token) return false;
  if (!slice) return true;
  const { key, value } = slice;
  if (key === "source" || key === "split") return example[key] === value;
  return example.metadata[key] === value;
}
