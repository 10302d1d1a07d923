/** What the model says of the examples shown, by position: asked for by the reader only. */

import { SvelteMap } from "svelte/reactivity";
import * as api from "../api.ts";
import type { Checked, Example, TokenEffect } from "../types.ts";

const MOST = 20; // positions that the server takes at once

export class Live {
  checked = new SvelteMap<number, Checked>();
  effects = new SvelteMap<number, TokenEffect>();
  doing: "" | "checking" | "taking it away" = $state("");
  error: string | undefined = $state();

  /** Compute the acts of some examples anew and compare. */
  async check(latent: number, examples: readonly Example[]): Promise<void> {
    await this.#ask("checking", examples, this.checked, (at) => api.check(latent, at));
  }

  /** Take the latent away at some examples and run the rest of the model. */
  async ablate(latent: number, examples: readonly Example[]): Promise<void> {
    await this.#ask("taking it away", examples, this.effects, (at) => api.ablate(latent, at));
  }

  async #ask<T extends { position: number }>(
    doing: "checking" | "taking it away",
    examples: readonly Example[],
    found: SvelteMap<number, T>,
    question: (positions: number[]) => api.Question<readonly T[]>,
  ): Promise<void> {
    if (this.doing) return;
    const missing = examples.map(({ position }) => position).filter((at) => !found.has(at));
    this.error = undefined;
    this.doing = doing;
    for (let i = 0; i < missing.length; i += MOST) {
      const answer = await question(missing.slice(i, i + MOST))(new AbortController().signal);
      if (answer.ok) for (const one of answer.value) found.set(one.position, one);
      else this.error = answer.error;
      if (!answer.ok) break;
    }
    this.doing = "";
  }
}
