/** Kinds of dictionaries, as they are called here, and their recorded runs nearest to a wish. */

import { bySeed } from "../evaluate.ts";
import type { Kind } from "../kernel/sae.ts";
import type { Run } from "./recorded.ts";

export const KINDS: readonly { value: Kind; name: string }[] = [
  { value: "relu", name: "L1" },
  { value: "topk", name: "TopK" },
  { value: "gated", name: "Gated" },
  { value: "jumprelu", name: "JumpReLU" },
];

/** Return each seed's run of a kind that uses about as many features as wanted, the questions' way. */
export function near(all: readonly Run[], kind: Kind, l0: number): Run[] {
  const found = bySeed({ world: "flat", kind, l0 }, all) as Map<number, Run>;
  return [...found.values()].sort((a, b) => a.seed - b.seed);
}
