/** What latents are called that are pointed at: fetched once the pointer rests. */

import { SvelteMap } from "svelte/reactivity";
import * as api from "../api.ts";
import { spaced } from "../parts/spaced.ts";

const REST = 120; // milliseconds

export class Names {
  #known = new SvelteMap<number, string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Return what a latent is called; empty if that is not known yet. */
  of(latent: number): string {
    return this.#known.get(latent) ?? "";
  }

  /** Find out what a latent is called, if it is still wanted in a moment. */
  want(latent: number): void {
    clearTimeout(this.#timer);
    if (latent >= 0 && !this.#known.has(latent)) this.#timer = setTimeout(() => void this.#fetch(latent), REST);
  }

  async #fetch(latent: number): Promise<void> {
    const asked = { where: `latent = ${latent}`, sort: "latent", limit: 1, columns: "density" };
    const answer = await api.table(asked)(new AbortController().signal);
    const row = answer.ok ? answer.value.rows[0] : undefined;
    if (row) this.#known.set(latent, row.label || (row.token ? `mostly on ${spaced(row.token)}` : "never fired"));
  }
}
