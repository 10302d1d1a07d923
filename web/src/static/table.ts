/** Tables of latents, as `unmix.explorer.answers.table` makes them. */

import type { Table } from "../types.ts";
import { isNumber, numbers, run, selected, texts } from "./facts.ts";

const MOST = 1000;

export type TableAsked = {
  readonly where: string;
  readonly sort: string;
  readonly descending: boolean;
  readonly offset: number;
  readonly limit: number;
  readonly columns: readonly string[];
};

/** Return a stretch of the latents that satisfy a query, in an order. */
export async function table(asked: TableAsked): Promise<Table> {
  const words = await texts();
  const listed = asked.columns.length ? asked.columns : words.listed;
  for (const name of listed) await known(name, "only numbers can be listed as columns");
  const latents = await selected(asked.where);
  await order(latents, asked.sort, asked.descending);
  const columns = await Promise.all(listed.map(numbers));
  const shown = latents.subarray(asked.offset, asked.offset + Math.min(asked.limit, MOST));
  const rows = Array.from(shown, (latent) => ({
    latent,
    label: words.columns.label?.[latent] ?? "",
    token: words.token[latent] ?? "",
    values: columns.map((column) => orNull(column[latent])),
    tags: [...(words.tags[latent] ?? [])],
  }));
  return { total: latents.length, columns: [...listed], rows };
}

/** Sort latents by a column, in place; values that are not there come last, equals as they were. */
async function order(latents: Int32Array, sort: string, descending: boolean): Promise<void> {
  const words = (await texts()).columns[sort];
  const sign = descending ? -1 : 1;
  if (words) {
    const at = (j: number): string => words[j] ?? "";
    latents.sort((a, b) => (at(a) < at(b) ? -sign : at(a) > at(b) ? sign : a - b));
    return;
  }
  await known(sort);
  const column = await numbers(sort);
  latents.sort((a, b) => compare(column[a] ?? NaN, column[b] ?? NaN, sign) || a - b);
}

function compare(a: number, b: number, sign: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -sign : a > b ? sign : 0;
}

/** Refuse a name that is no column of numbers. */
async function known(name: string, otherwise = ""): Promise<void> {
  const about = await run();
  if (isNumber(about, name)) return;
  const isText = about.columns.some((one) => one.name === name);
  throw new Error(isText ? `\`${name}\` is a text; ${otherwise}` : `there is no column \`${name}\``);
}

function orNull(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}
