/** What the tokens of a text can be coloured by, and how strong each colour is. */

import { extent, max } from "d3-array";
import { act, number, percent, signed } from "../numbers.ts";
import type { PromptToken } from "../types.ts";

export type By = "error" | "explained" | "loss" | "change" | "act";

export type Measure = {
  by: By;
  /** What a reader calls it. */
  name: string;
  /** One sentence, with the term of the field. */
  about: string;
  /** `ink` is grey: only firing, and what raises or lowers, has a colour. */
  tone: "ink" | "mark";
  value: (token: PromptToken) => number | null;
  write: (value: number) => string;
  /** What stands at the two ends of the scale. */
  ends: (values: readonly number[]) => readonly [number, number];
};

export const MEASURES: readonly Measure[] = [
  {
    by: "error",
    name: "what is missed",
    about: "Error of the reconstruction: its length over that of the activation, both from the mean.",
    tone: "ink",
    value: (token) => (token.is_measured ? token.error : null),
    write: (value) => number(value, 2),
    ends: between,
  },
  {
    by: "explained",
    name: "what is explained",
    about: "Variance explained: 1 less the squared error over the squared distance from the mean.",
    tone: "ink",
    value: (token) => (token.is_measured ? token.explained : null),
    write: (value) => percent(value),
    ends: between,
  },
  {
    by: "loss",
    name: "surprise",
    about: "Loss of the model: −log p of the token given those before it, in nats.",
    tone: "ink",
    value: (token) => token.loss,
    write: (value) => `${number(value, 3)} nats`,
    ends: upwards,
  },
  {
    by: "change",
    name: "cost of rebuilding",
    about: "Loss with the reconstruction in place of the activations, less the loss without, in nats.",
    tone: "mark",
    value: change,
    write: (value) => `${signed(value, 2)} nats`,
    ends: (values) => {
      const most = max(values, Math.abs) ?? 0;
      return [-most, most];
    },
  },
];

/** Return the colouring by the act of one latent. */
export function byLatent(latent: number): Measure {
  return {
    by: "act",
    name: `latent ${latent}`,
    about: `Act of latent ${latent}: how strongly it fires on each token.`,
    tone: "mark",
    value: (token) => (token.is_measured ? actOf(token, latent) : null),
    write: act,
    ends: upwards,
  };
}

/** Return how much the loss of a token rises when its activation is rebuilt. */
export function change(token: PromptToken): number | null {
  if (token.loss === null || token.loss_spliced === null) return null;
  return token.loss_spliced - token.loss;
}

/** Return a latent's act on a token; 0 where it does not fire. */
export function actOf(token: PromptToken, latent: number): number {
  return token.fired.find((one) => one.latent === latent)?.act ?? 0;
}

export type Scale = { low: number; high: number; strength: (value: number | null) => number };

/** Return how strong the colour of each value is: −1 to 1 where values have signs, else 0 to 1. */
export function scaled(measure: Measure, tokens: readonly PromptToken[]): Scale {
  const values = tokens.map(measure.value).filter((value) => value !== null);
  const [low, high] = measure.ends(values);
  const zero = low < 0 ? 0 : low;
  const wide = high - zero;
  return { low, high, strength: (value) => (value === null || wide <= 0 ? 0 : (value - zero) / wide) };
}

function between(values: readonly number[]): readonly [number, number] {
  const [low = 0, high = 0] = extent(values);
  return [low, high];
}

function upwards(values: readonly number[]): readonly [number, number] {
  return [Math.min(0, extent(values)[0] ?? 0), max(values) ?? 0];
}
