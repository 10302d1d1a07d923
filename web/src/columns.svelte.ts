/** Statistics of all latents, fetched once each and shared by every view. */

import * as api from "./api.ts";
import type { Answer } from "./api.ts";

const fetched = new Map<string, Promise<Answer<Float32Array>>>();

/** Return a statistic of all latents; asked for again only if it failed. */
export async function values(name: string): Promise<Answer<Float32Array>> {
  let answer = fetched.get(name);
  if (!answer) {
    answer = api.column(name)(new AbortController().signal);
    fetched.set(name, answer);
  }
  const found = await answer;
  if (!found.ok) fetched.delete(name);
  return found;
}

/** Statistics of all latents by name, as state: what is not there yet is undefined. */
export class Columns {
  #there: Record<string, Float32Array> = $state.raw({});
  error: string | undefined = $state();

  /** Fetch what is not there yet. */
  async need(names: readonly string[]): Promise<void> {
    const missing = [...new Set(names)].filter((name) => !(name in this.#there));
    const answers = await Promise.all(missing.map((name) => values(name)));
    const added: Record<string, Float32Array> = {};
    answers.forEach((answer, i) => {
      if (answer.ok) added[missing[i]!] = answer.value;
      else this.error = answer.error;
    });
    if (Object.keys(added).length) this.#there = { ...this.#there, ...added };
  }

  get(name: string): Float32Array | undefined {
    return this.#there[name];
  }
}
