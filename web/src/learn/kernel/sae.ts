/**
 * A sparse dictionary in the browser: what `unmix.dictionaries` does, for small ones.
 *
 *     pre = W_enc (x - b_pre) + b_enc          z = sparsity(pre)          x' = z W_dec + b_pre
 *
 * Matrices are flat, a row a latent; tokens are rows, too.  `parity.ts` proves it equal to Python.
 */

export type Kind = "topk" | "relu" | "gated" | "jumprelu";
export type Numbers = ArrayLike<number>;

/** The numbers of a dictionary. */
export type Weights = {
  W_enc: Float64Array;
  b_enc: Float64Array;
  W_dec: Float64Array;
  b_pre: Float64Array;
  /** jumprelu: what a pre-activation must exceed. */
  threshold?: Float64Array | undefined;
  /** gated: logarithm of the magnitude's factor, and its bias. */
  r_mag?: Float64Array | undefined;
  b_mag?: Float64Array | undefined;
};

/** A dictionary: `m` latents over `d` dimensions; `k` is asked only of topk. */
export type Sae = { kind: Kind; d: number; m: number; k: number; weights: Weights };

const LAID = ["W_enc", "b_enc", "W_dec", "b_pre"] as const;
const MORE = { topk: [], relu: [], jumprelu: ["threshold"], gated: ["r_mag", "b_mag"] } as const;

/** Return how many numbers a dictionary of a kind lies in. */
export function length(kind: Kind, d: number, m: number): number {
  return 2 * m * d + m + d + MORE[kind].length * m;
}

/** Read a dictionary from numbers that lie one parameter after the other. */
export function read(numbers: Numbers, of: { kind: Kind; d: number; m: number; k?: number }): Sae {
  const { kind, d, m, k = m } = of;
  if (numbers.length !== length(kind, d, m)) throw new Error(`${numbers.length} numbers are not a ${kind} of ${m} by ${d}`);
  const sizes = { W_enc: m * d, b_enc: m, W_dec: m * d, b_pre: d, threshold: m, r_mag: m, b_mag: m };
  let at = 0;
  const weights = {} as Record<keyof typeof sizes, Float64Array>;
  for (const name of [...LAID, ...MORE[kind]]) {
    const part = new Float64Array(sizes[name]);
    for (let i = 0; i < part.length; i++) part[i] = numbers[at++]!;
    weights[name] = part;
  }
  return { kind, d, m, k, weights };
}

/** Return pre-activations of `x`, `[n, m]`. */
export function preActivations(sae: Sae, x: Numbers): Float64Array {
  const { d, m } = sae;
  const { W_enc, b_enc, b_pre } = sae.weights;
  const n = x.length / d;
  const pre = new Float64Array(n * m);
  const centred = new Float64Array(d);
  for (let t = 0; t < n; t++) {
    for (let i = 0; i < d; i++) centred[i] = x[t * d + i]! - b_pre[i]!;
    for (let j = 0; j < m; j++) {
      let sum = b_enc[j]!;
      for (let i = 0; i < d; i++) sum += W_enc[j * d + i]! * centred[i]!;
      pre[t * m + j] = sum;
    }
  }
  return pre;
}

/** Return the acts of `x`, `[n, m]`, zero where a latent does not fire. */
export function encode(sae: Sae, x: Numbers): Float64Array {
  const acts = preActivations(sae, x);
  if (sae.kind === "topk") return keepLargest(acts, sae.m, sae.k);
  if (sae.kind === "relu") return acts.map((a) => Math.max(a, 0));
  if (sae.kind === "jumprelu") return jump(acts, sae.weights.threshold!);
  return gate(acts, sae.weights.r_mag!, sae.weights.b_mag!);
}

/** Zero, in place, all but the `k` largest of each row of `m`, and what is negative among them. */
export function keepLargest(acts: Float64Array, m: number, k: number): Float64Array {
  for (let start = 0; start < acts.length; start += m) {
    const row = acts.subarray(start, start + m);
    const low = k < m ? Float64Array.from(row).sort()[m - k]! : -Infinity;
    let room = k;
    for (let j = 0; j < m; j++) if (row[j]! > low) room -= 1;
    for (let j = 0; j < m; j++) {
      const isKept = row[j]! > low || (row[j] === low && room-- > 0);
      if (!isKept || row[j]! < 0) row[j] = 0;
    }
  }
  return acts;
}

/** Rebuild activations, `[n, d]`, from acts. */
export function decode(sae: Sae, acts: Float64Array): Float64Array {
  const { d, m } = sae;
  const { W_dec, b_pre } = sae.weights;
  const n = acts.length / m;
  const rebuilt = new Float64Array(n * d);
  for (let t = 0; t < n; t++) {
    for (let i = 0; i < d; i++) rebuilt[t * d + i] = b_pre[i]!;
    for (let j = 0; j < m; j++) {
      const act = acts[t * m + j]!;
      if (act === 0) continue;
      for (let i = 0; i < d; i++) rebuilt[t * d + i]! += act * W_dec[j * d + i]!;
    }
  }
  return rebuilt;
}

function jump(pre: Float64Array, threshold: Float64Array): Float64Array {
  return pre.map((value, i) => (value > threshold[i % threshold.length]! ? value : 0));
}

function gate(pre: Float64Array, r_mag: Float64Array, b_mag: Float64Array): Float64Array {
  return pre.map((value, i) => {
    const j = i % r_mag.length;
    return value > 0 ? Math.max(0, Math.exp(r_mag[j]!) * value + b_mag[j]!) : 0;
  });
}
