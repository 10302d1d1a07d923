/** How far the model is: asked every second while something waits for it. */

import * as api from "../api.ts";
import type { LiveState } from "../types.ts";

const EVERY = 1000;

class Model {
  state: LiveState | undefined = $state.raw(undefined);
  #stop: AbortController | undefined;
  #watching = 0;

  /** Keep asking until the function that is returned is called. */
  watch(): () => void {
    this.#watching += 1;
    if (this.#watching === 1) void this.#poll();
    return () => {
      this.#watching -= 1;
      if (this.#watching === 0) this.#stop?.abort();
    };
  }

  async #poll(): Promise<void> {
    const stop = new AbortController();
    this.#stop = stop;
    const question = api.liveState();
    while (!stop.signal.aborted) {
      const answer = await question(stop.signal);
      if (answer.ok) this.state = answer.value;
      await new Promise((resolve) => setTimeout(resolve, EVERY));
    }
  }
}

export const model = new Model();
