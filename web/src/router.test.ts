import { expect, test } from "vitest";
import { link, parse } from "./router.ts";

test("an address comes back as it was made", () => {
  const query = { where: "density < 1e-4 and label ~ 'a&b=c'", token: "7" };
  expect(parse(link("latent", 412, query))).toEqual({ view: "latent", id: "412", query });
});

test("no address is the overview, and nothing in an address throws", () => {
  expect(parse("")).toEqual({ view: "overview", id: "", query: {} });
  expect(parse("#/latent/%E0%A4%A").id).toBe("%E0%A4%A");
  expect(parse("#/latent/4?a=b?c").query).toEqual({ a: "b?c" });
});

test("what is empty is left out", () => {
  expect(link("overview", "", { where: "", x: undefined, at: 0 })).toBe("#/overview?at=0");
});
