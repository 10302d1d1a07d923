/** What demo d and the sandbox ask to be learnt, from the page's state. */

import type { Plan } from "../kernel/alive.ts";
import type { DemoState } from "./settings.ts";

export type Box = "d" | "s";

/** Return the plan that a part of the state stands for. */
export function planOf(state: DemoState, box: Box): Plan {
  const [dim, F, m, k, seed, start] = (
    box === "d"
      ? [state.ddim, state.dF, state.dm, state.dk, state.dseed, state.dstart]
      : [state.sdim, state.sF, state.sm, state.sk, state.sseed, state.sstart]
  ) as [number, number, number, number, number, string];
  const isSpace = dim === 3;
  return {
    dim: isSpace ? 3 : 2,
    F: clamped(F, 3, isSpace ? 12 : 9),
    m: clamped(m, 2, 16),
    k: clamped(k, 1, 4),
    seed: clamped(seed, 0, 9999),
    kind: box === "s" && state.skind === "relu" ? "relu" : "topk",
    weight: box === "s" ? Math.max(0, state.sweight) : 0,
    noise: box === "s" ? Math.max(0, state.snoise) : 0.03,
    start: isSpace ? undefined : placed(start, clamped(m, 2, 16)),
  };
}

/** Write where atoms of the plane begin, as degrees. */
export function angles(atoms: ArrayLike<number>): number[] {
  return Array.from({ length: atoms.length / 2 }, (_, j) =>
    Math.round((Math.atan2(atoms[2 * j + 1]!, atoms[2 * j]!) * 180) / Math.PI),
  );
}

function placed(start: string, m: number): number[] | undefined {
  const degrees = start ? start.split(",").map(Number) : [];
  if (degrees.length !== m || degrees.some(Number.isNaN)) return undefined;
  return degrees.flatMap((one) => [Math.cos((one * Math.PI) / 180), Math.sin((one * Math.PI) / 180)]);
}

function clamped(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, Math.round(value)));
}
