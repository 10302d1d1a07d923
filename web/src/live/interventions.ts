/** What is done to latents: in words, in the address, and how strong it can sensibly be. */

import type { Query } from "../router.ts";
import type { Intervention } from "../types.ts";

export type Mode = Intervention["mode"];

export const MODES: readonly { mode: Mode; name: string; about: string; unit: string }[] = [
  {
    mode: "add",
    name: "add",
    about: "Steering: this many times its unit direction is added at every token.",
    unit: "of its direction",
  },
  {
    mode: "clamp",
    name: "hold at",
    about: "Clamping: its act is set to this at every token.",
    unit: "act",
  },
  {
    mode: "project",
    name: "replace by",
    about: "Projection: what lies along its direction is removed at every token, and this much put there.",
    unit: "of its direction",
  },
  {
    mode: "ablate",
    name: "take away",
    about: "Ablation: its contribution is subtracted wherever it fires.",
    unit: "of its contribution",
  },
];

/** Most that the server takes at once. */
export const MOST = 8;

const POINTS: Record<Mode, readonly number[]> = {
  add: [-2, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4],
  project: [-2, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4],
  clamp: [0, 0.5, 1, 1.5, 2, 2.5, 3, 4],
  ablate: [0, 0.25, 0.5, 0.75, 1, 1.5, 2],
};

/** Return the interventions that an address names: `latent=412,17&mode=add,ablate&strength=8,0`. */
export function named(query: Query): Intervention[] {
  const [modes, strengths] = [query.mode, query.strength].map((text) => (text ?? "").split(","));
  return (query.latent ?? "")
    .split(",")
    .filter((text) => /^\d{1,9}$/.test(text))
    .slice(0, MOST)
    .map((text, i) => {
      const mode = MODES.find((one) => one.mode === modes?.[i])?.mode ?? "add";
      const given = strengths?.[i] ? Number(strengths[i]) : NaN;
      return { latent: Number(text), mode, strength: Number.isFinite(given) ? bounded(given) : NaN };
    });
}

/** Return the same as parts of an address; a strength that is not chosen yet is left out. */
export function written(interventions: readonly Intervention[]): Record<"latent" | "mode" | "strength", string> {
  const row = (of: (one: Intervention) => string | number): string => interventions.map(of).join(",");
  return {
    latent: row(({ latent }) => latent),
    mode: row(({ mode }) => mode),
    strength: row(({ strength }) => (Number.isNaN(strength) ? "" : strength)),
  };
}

/** Return the strengths a mode runs over, for a latent whose largest act is known. */
export function points(mode: Mode, largest: number): number[] {
  const unit = mode === "ablate" ? 1 : rounded(Math.abs(largest) || 1);
  return POINTS[mode].map((times) => rounded(times * unit));
}

/** Return a strength to begin with: what is easily seen, and no more. */
export function beginning(mode: Mode, largest: number): number {
  return mode === "ablate" ? 1 : rounded((mode === "clamp" ? 1 : 1.5) * (Math.abs(largest) || 1));
}

/** Return the intervention whose strength a curve is drawn over: the first that takes one. */
export function leading(interventions: readonly Intervention[]): Intervention | undefined {
  return interventions.find(({ mode }) => mode !== "ablate") ?? interventions[0];
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

function bounded(value: number): number {
  return Math.min(1e4, Math.max(-1e4, value));
}
