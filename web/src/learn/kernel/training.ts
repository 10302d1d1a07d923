/**
 * One step of learning, as `unmix.training` takes it: squared error (and L1 for relu), clipped
 * gradient, Adam, directions held at unit length.  No revival of dead latents: one can watch them.
 */

import type { Sae, Numbers } from "./sae.ts";
import { keepLargest, preActivations } from "./sae.ts";

const BETA2 = 0.999;
const EPS = 6.25e-10;
const LEARNT = ["W_enc", "b_enc", "W_dec", "b_pre"] as const;

type Gradients = Record<(typeof LEARNT)[number], Float64Array>;

/** What the optimiser remembers between steps. */
export type Memory = { steps: number; mean: Gradients; square: Gradients };

export type Rate = {
  lr: number;
  /** Weight of the L1 penalty; 0 for topk. */
  weight?: number;
  beta1?: number;
  /** Largest norm of the gradient. */
  clip?: number;
  /** Whether directions and bias stay as they are, and the encoder alone learns. */
  isDecoderHeld?: boolean;
};

/** Return the memory of an optimiser that has taken no step. */
export function fresh(sae: Sae): Memory {
  return { steps: 0, mean: zeros(sae), square: zeros(sae) };
}

/** Learn from the tokens of `x`, in place; return the squared error a token before the step. */
export function step(sae: Sae, memory: Memory, x: Numbers, rate: Rate): number {
  const { lr, weight = 0, beta1 = 0.9, clip = 1, isDecoderHeld = false } = rate;
  const gradients = zeros(sae);
  const error = backward(sae, x, weight, gradients);
  across(gradients.W_dec, sae.weights.W_dec, sae.d);
  if (isDecoderHeld) {
    gradients.W_dec.fill(0);
    gradients.b_pre.fill(0);
  }
  let total = 0;
  for (const name of LEARNT) for (const g of gradients[name]) total += g * g;
  const scale = Math.min(1, clip / Math.max(Math.sqrt(total), 1e-12));
  memory.steps += 1;
  for (const name of LEARNT) {
    const part = { W: sae.weights[name], g: gradients[name], mean: memory.mean[name], square: memory.square[name] };
    adam(part, { lr, beta1, scale, step: memory.steps });
  }
  unitRows(sae.weights.W_dec, sae.d);
  return error;
}

/** Bring every row to unit length. */
export function unitRows(W: Float64Array, d: number): void {
  for (let start = 0; start < W.length; start += d) {
    const row = W.subarray(start, start + d);
    const norm = Math.max(Math.hypot(...row), 1e-12);
    for (let i = 0; i < d; i++) row[i]! /= norm;
  }
}

/** Return the factor of the learning rate at a step (from 1): up, level, and down to zero. */
export function trapezoid(step: number, steps: number, warmUp = 0.05, decay = 0.2): number {
  const rise = Math.max(1, warmUp * steps);
  const fall = Math.max(1, decay * steps);
  return Math.max(0, Math.min(1, step / rise, (steps - step + 1) / fall));
}

/** Add up the gradients of the mean loss of the tokens; return the squared error a token. */
function backward(sae: Sae, x: Numbers, weight: number, into: Gradients): number {
  const { d, m } = sae;
  const { W_dec, b_pre } = sae.weights;
  const n = x.length / d;
  const acts = preActivations(sae, x);
  if (sae.kind === "topk") keepLargest(acts, m, sae.k);
  const out = new Float64Array(d);
  let error = 0;
  for (let t = 0; t < n; t++) {
    for (let i = 0; i < d; i++) out[i] = b_pre[i]! - x[t * d + i]!;
    for (let j = 0; j < m; j++) {
      const act = acts[t * m + j]!;
      if (act > 0) for (let i = 0; i < d; i++) out[i]! += act * W_dec[j * d + i]!;
    }
    for (let i = 0; i < d; i++) {
      error += out[i]! * out[i]!;
      out[i]! *= 2 / n;
      into.b_pre[i]! += out[i]!;
    }
    for (let j = 0; j < m; j++) {
      const act = acts[t * m + j]!;
      if (act > 0) backLatent(sae, { j, act, out, x, at: t * d, penalty: weight / n, into });
    }
  }
  return error / n;
}

type Entry = { j: number; act: number; out: Float64Array; x: Numbers; at: number; penalty: number; into: Gradients };

/** Add what one firing latent gives to the gradients. */
function backLatent(sae: Sae, { j, act, out, x, at, penalty, into }: Entry): void {
  const { d } = sae;
  const { W_enc, W_dec, b_pre } = sae.weights;
  let back = penalty;
  for (let i = 0; i < d; i++) {
    back += out[i]! * W_dec[j * d + i]!;
    into.W_dec[j * d + i]! += act * out[i]!;
  }
  into.b_enc[j]! += back;
  for (let i = 0; i < d; i++) {
    into.W_enc[j * d + i]! += back * (x[at + i]! - b_pre[i]!);
    into.b_pre[i]! -= back * W_enc[j * d + i]!;
  }
}

/** Leave out, in place, what of a gradient is along unit rows. */
function across(gradient: Float64Array, W: Float64Array, d: number): void {
  for (let start = 0; start < W.length; start += d) {
    let along = 0;
    for (let i = start; i < start + d; i++) along += gradient[i]! * W[i]!;
    for (let i = start; i < start + d; i++) gradient[i]! -= along * W[i]!;
  }
}

type Part = { W: Float64Array; g: Float64Array; mean: Float64Array; square: Float64Array };

function adam({ W, g, mean, square }: Part, by: { lr: number; beta1: number; scale: number; step: number }): void {
  const first = by.lr / (1 - by.beta1 ** by.step);
  const second = 1 - BETA2 ** by.step;
  for (let i = 0; i < W.length; i++) {
    const gradient = g[i]! * by.scale;
    mean[i]! += (1 - by.beta1) * (gradient - mean[i]!);
    square[i]! += (1 - BETA2) * (gradient * gradient - square[i]!);
    W[i]! -= (first * mean[i]!) / (Math.sqrt(square[i]! / second) + EPS);
  }
}

function zeros({ d, m }: Sae): Gradients {
  const matrix = () => new Float64Array(m * d);
  return { W_enc: matrix(), b_enc: new Float64Array(m), W_dec: matrix(), b_pre: new Float64Array(d) };
}
