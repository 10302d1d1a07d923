/**
 * Three things done to a dictionary, and how much each object of its working changes by them.
 *
 * A change is the length of the difference over the length before, over a group of held-out tokens;
 * five groups stand where other questions have seeds.
 */

import { type Sae, decode, encode, preActivations } from "../kernel/sae.ts";
import { fresh, step } from "../kernel/training.ts";
import type { Opened } from "./recorded.ts";

export const OBJECTS = ["x", "scores", "code", "directions", "residual"] as const;
export type Name = (typeof OBJECTS)[number];

/** What the objects are on some tokens. */
export type Objects = Record<Name, Float64Array>;

/** What was, what is now, and the change of every object in every group. */
export type Done = { before: Sae; after: Sae; changes: Record<Name, number[]> };

export const GROUPS = 5;
/** Difference, in shares of an object's own length, from which one counts as changed more. */
export const EFFECT = 0.05;
const STEPS = 200;
const BATCH = 128;
const RATE = 3e-3;

/** Return the objects of a dictionary on tokens. */
export function objectsOf(sae: Sae, x: ArrayLike<number>): Objects {
  const code = encode(sae, x);
  const residual = decode(sae, code).map((value, i) => x[i]! - value);
  return { x: Float64Array.from(x), scores: preActivations(sae, x), code, directions: sae.weights.W_dec, residual };
}

/** Double the price of an L1 dictionary: learn on with each price, directions held, and compare. */
export function doubled({ run, sae, world }: Opened): Done {
  const [before, after] = [run.setting, 2 * run.setting].map((weight) => {
    const learner = copied(sae);
    const memory = fresh(learner);
    const size = BATCH * sae.d;
    for (let i = 0; i < STEPS; i++) {
      const start = (i * size) % (world.x.length - size + 1);
      step(learner, memory, world.x.subarray(start, start + size), { lr: RATE, weight, isDecoderHeld: true });
    }
    return learner;
  }) as [Sae, Sae];
  return compared(before, after, world.x);
}

/** Halve the budget at read time. */
export function halved({ sae, world }: Opened): Done {
  return compared(sae, { ...sae, k: Math.max(1, Math.floor(sae.k / 2)) }, world.x);
}

/** Shorten every direction by half and change nothing else. */
export function shortened({ sae, world }: Opened): Done {
  const after = copied(sae);
  after.weights.W_dec = after.weights.W_dec.map((value) => value / 2);
  return compared(sae, after, world.x);
}

function copied(sae: Sae): Sae {
  const weights = Object.fromEntries(Object.entries(sae.weights).map(([name, part]) => [name, part?.slice()]));
  return { ...sae, weights: weights as Sae["weights"] };
}

function compared(before: Sae, after: Sae, x: Float32Array): Done {
  const changes = Object.fromEntries(OBJECTS.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  const size = Math.floor(x.length / before.d / GROUPS) * before.d;
  for (let group = 0; group < GROUPS; group++) {
    const part = x.subarray(group * size, (group + 1) * size);
    const [was, is] = [objectsOf(before, part), objectsOf(after, part)];
    for (const name of OBJECTS) changes[name].push(moved(was[name], is[name]));
  }
  return { before, after, changes };
}

function moved(was: Float64Array, is: Float64Array): number {
  let [difference, length] = [0, 0];
  was.forEach((value, i) => {
    difference += (is[i]! - value) ** 2;
    length += value * value;
  });
  return Math.sqrt(difference / length);
}
