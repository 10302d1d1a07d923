/** The latent before and the one after: in the table the reader came from, or by number. */

import * as api from "../api.ts";
import type { Answer } from "../api.ts";
import { link, type Query } from "../router.ts";
import type { Run } from "../types.ts";

/** Where a latent stands in a table: the table's query, and the row. */
export type Order = { where: string; sort: string; descending: boolean; at: number };

/** Return the order that an address names, if it does. */
export function orderOf(query: Query): Order | undefined {
  const at = Number(query.at);
  if (query.at === undefined || !Number.isInteger(at) || at < 0) return undefined;
  const { where = "", sort = "density", ascending } = query;
  return { where, sort, descending: ascending === undefined, at };
}

/** Return what an order adds to the address of a latent. */
export function orderQuery(order: Order | undefined): Record<string, string | number | undefined> {
  if (!order) return {};
  const { where, sort, descending, at } = order;
  return { where, sort, ascending: descending ? undefined : 1, at };
}

/** Return the address of the latent some steps further on, or why there is none. */
export async function further(
  step: number,
  from: { latent: number; order: Order | undefined; run: Run },
): Promise<Answer<string>> {
  const { latent, order, run } = from;
  const none = { ok: false, error: "there is no further latent", status: 404 } as const;
  if (!order) {
    const next = latent + step;
    return next >= 0 && next < run.n_latents ? { ok: true, value: link("latent", next) } : none;
  }
  const at = order.at + step;
  if (at < 0) return none;
  const { where, sort, descending } = order;
  const answer = await api.table({ where, sort, descending, offset: at, limit: 1, columns: sort })(
    new AbortController().signal,
  );
  if (!answer.ok) return answer;
  const row = answer.value.rows[0];
  return row ? { ok: true, value: link("latent", row.latent, orderQuery({ ...order, at })) } : none;
}
