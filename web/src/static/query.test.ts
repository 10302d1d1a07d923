/** Queries mean the same in a static page as they do to the server. */

import { describe, expect, it } from "vitest";
import given from "../../../tests/export/queries.json";
import { type Facts, select } from "./query.ts";
import { names } from "./words.ts";

const columns: Readonly<Record<string, readonly (string | number | null)[]>> = given.columns;
const tags: Readonly<Record<string, readonly number[]>> = given.tags;

const facts: Facts = {
  n: given.columns.latent.length,
  column(name) {
    const values = columns[name];
    if (!values) return undefined;
    if (values.some((value) => typeof value === "string")) return values as string[];
    return Float64Array.from(values as (number | null)[], (value) => value ?? NaN);
  },
  tagged: (tag) => tags[tag] ?? [],
};

function answer(where: string): number[] | string {
  try {
    return [...select(facts, where)];
  } catch (reason) {
    return (reason as Error).message;
  }
}

describe("a query has the answer that is written down", () => {
  it.each(Object.entries(given.queries))("%s", (where, expected) => {
    expect(answer(where)).toEqual(expected);
  });
});

it("names the columns that a query needs", () => {
  expect(names("0.2 < rule_f1 and not tag('density') or label ~ 'x'")).toEqual(["rule_f1", "label"]);
  expect(names("density < 1 & n_fired")).toEqual(["density"]);
});

it("says which column is not there", () => {
  expect(answer("dense > 1")).toContain("there is no column `dense`");
});
