/** Which latent stands for which feature, by direction alone, as `unmix.evaluation.matching` says it. */

import type { Numbers } from "./sae.ts";

/** Return the cosines of latents with features, `[m, f]`. */
export function cosines(W: Numbers, directions: Numbers, d: number): Float64Array {
  const own = norms(W, d);
  const others = norms(directions, d);
  const found = new Float64Array(own.length * others.length);
  for (let j = 0; j < own.length; j++) {
    for (let f = 0; f < others.length; f++) {
      let sum = 0;
      for (let i = 0; i < d; i++) sum += W[j * d + i]! * directions[f * d + i]!;
      found[j * others.length + f] = sum / (own[j]! * others[f]!);
    }
  }
  return found;
}

/** Return for each latent the feature most like it, whatever the sign. */
export function likeness(cosines: Float64Array, f: number): Int32Array {
  const most = new Int32Array(cosines.length / f);
  for (let j = 0; j < most.length; j++) {
    let best = -1;
    for (let c = 0; c < f; c++) {
      const size = Math.abs(cosines[j * f + c]!);
      if (size > best) [best, most[j]] = [size, c];
    }
  }
  return most;
}

/** Return for each latent the feature across from it in the best one-to-one assignment, or -1. */
export function partners(cosines: Float64Array, f: number): Int32Array {
  const m = cosines.length / f;
  const cost = (j: number, c: number): number => 1 - Math.abs(cosines[j * f + c]!);
  if (m <= f) return assign(m, f, cost);
  const found = new Int32Array(m).fill(-1);
  assign(f, m, (c, j) => cost(j, c)).forEach((j, c) => (found[j] = c));
  return found;
}

/** Return the column of each row that makes the cost smallest (Kuhn 1955); rows are at most columns. */
function assign(rows: number, columns: number, cost: (row: number, column: number) => number): Int32Array {
  const u = new Float64Array(rows + 1);
  const v = new Float64Array(columns + 1);
  const owner = new Int32Array(columns + 1);
  for (let row = 1; row <= rows; row++) {
    const way = new Int32Array(columns + 1);
    const least = new Float64Array(columns + 1).fill(Infinity);
    const isUsed = new Uint8Array(columns + 1);
    let at = 0;
    owner[0] = row;
    do {
      isUsed[at] = 1;
      const i = owner[at]!;
      let [delta, next] = [Infinity, 0];
      for (let j = 1; j <= columns; j++) {
        if (isUsed[j]) continue;
        const reduced = cost(i - 1, j - 1) - u[i]! - v[j]!;
        if (reduced < least[j]!) [least[j], way[j]] = [reduced, at];
        if (least[j]! < delta) [delta, next] = [least[j]!, j];
      }
      for (let j = 0; j <= columns; j++) {
        if (isUsed[j]) [u[owner[j]!]!, v[j]!] = [u[owner[j]!]! + delta, v[j]! - delta];
        else least[j]! -= delta;
      }
      at = next;
    } while (owner[at] !== 0);
    for (; at !== 0; at = way[at]!) owner[at] = owner[way[at]!]!;
  }
  const found = new Int32Array(rows).fill(-1);
  for (let j = 1; j <= columns; j++) if (owner[j]) found[owner[j]! - 1] = j - 1;
  return found;
}

function norms(W: Numbers, d: number): Float64Array {
  const found = new Float64Array(W.length / d);
  for (let j = 0; j < found.length; j++) {
    let sum = 0;
    for (let i = 0; i < d; i++) sum += W[j * d + i]! ** 2;
    found[j] = Math.max(Math.sqrt(sum), 1e-8);
  }
  return found;
}
