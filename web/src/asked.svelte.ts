/** A question and its answer, as state: what a view shows while it waits, and when it fails. */

import type { Question } from "./api.ts";

export class Asked<T> {
  /** The last good answer; kept while the next is awaited, so that nothing jumps. */
  value: T | undefined = $state.raw(undefined);
  /** Why there is none. */
  error: string | undefined = $state(undefined);
  isWaiting: boolean = $state(false);
  #stop: AbortController | undefined;
  #last: Question<T> | undefined;

  /** Ask, giving up what was asked before; resolves when the answer is there. */
  async ask(question: Question<T>): Promise<void> {
    this.#stop?.abort();
    const stop = new AbortController();
    this.#stop = stop;
    this.#last = question;
    this.isWaiting = true;
    const answer = await question(stop.signal);
    if (this.#stop !== stop) return;
    this.isWaiting = false;
    this.error = answer.ok ? undefined : answer.error;
    this.value = answer.ok ? answer.value : undefined;
  }

  /** Ask the same again. */
  again(): void {
    if (this.#last) void this.ask(this.#last);
  }

  /** Forget question and answer. */
  clear(): void {
    this.#stop?.abort();
    this.#stop = undefined;
    this.value = undefined;
    this.error = undefined;
    this.isWaiting = false;
  }
}

/**
 * Ask whenever what the question is made of changes; call it while a component is set up.
 * `question` returns null where there is nothing to ask.
 */
export function asked<T>(question: () => Question<T> | null): Asked<T> {
  const state = new Asked<T>();
  $effect(() => {
    const now = question();
    if (now === null) state.clear();
    else void state.ask(now);
  });
  return state;
}
