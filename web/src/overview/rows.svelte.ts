/** Rows of the table of latents, fetched a page at a time as they come into view. */

import * as api from "../api.ts";
import type { Row } from "../types.ts";

const PAGE = 100;

export type Wanted = { where: string; sort: string; descending: boolean; columns: string };

export class Rows {
  total: number | undefined = $state();
  error: string | undefined = $state();
  #pages: Record<number, readonly Row[]> = $state.raw({});
  #wanted: Wanted | undefined;
  #asked = new Set<number>();

  /** Start anew with another query; the rows there stay until others come. */
  want(wanted: Wanted): void {
    this.#wanted = wanted;
    this.#asked.clear();
    void this.#fetch(0);
  }

  /** Fetch what is not there of the rows from `first` to `last`. */
  need(first: number, last: number): void {
    for (let page = Math.floor(first / PAGE); page <= Math.floor(last / PAGE); page++) {
      if (page * PAGE < (this.total ?? 1) || page === 0) void this.#fetch(page);
    }
  }

  /** Return a row, if it is there. */
  at(i: number): Row | undefined {
    return this.#pages[Math.floor(i / PAGE)]?.[i % PAGE];
  }

  async #fetch(page: number): Promise<void> {
    const wanted = this.#wanted;
    if (!wanted || this.#asked.has(page)) return;
    this.#asked.add(page);
    const isFirst = this.#asked.size === 1;
    const query = { ...wanted, offset: page * PAGE, limit: PAGE };
    const answer = await api.table(query)(new AbortController().signal);
    if (this.#wanted !== wanted) return;
    this.error = answer.ok ? undefined : answer.error;
    if (!answer.ok) return void this.#asked.delete(page);
    this.total = answer.value.total;
    this.#pages = isFirst ? { [page]: answer.value.rows } : { ...this.#pages, [page]: answer.value.rows };
  }
}
