import { expect, test } from "vitest";
import { beginning, leading, named, points, written } from "./interventions.ts";

test("an address names interventions, and they are written back as they were", () => {
  const query = { latent: "412,17", mode: "clamp,ablate", strength: "8.5,0" };
  const found = named(query);
  expect(found).toEqual([
    { latent: 412, mode: "clamp", strength: 8.5 },
    { latent: 17, mode: "ablate", strength: 0 },
  ]);
  expect(written(found)).toEqual(query);
});

test("what an address leaves out, or has wrong, is left to be chosen", () => {
  expect(named({})).toEqual([]);
  expect(named({ latent: "x,-1,3", mode: "explode", strength: "1e9" })).toEqual([
    { latent: 3, mode: "add", strength: 1e4 },
  ]);
  expect(named({ latent: "3" })[0]!.strength).toBeNaN();
  expect(named({ latent: Array(20).fill("1").join(",") })).toHaveLength(8);
});

test("strengths run around the largest act, and begin where something is seen", () => {
  expect(points("add", 10)).toEqual([-20, -10, -5, 0, 5, 10, 15, 20, 30, 40]);
  expect(points("clamp", -2)[0]).toBe(0);
  expect(points("ablate", 10)).toContain(1);
  expect(beginning("add", 0)).toBe(1.5);
  expect(beginning("ablate", 7)).toBe(1);
});

test("a curve is drawn over the first that takes a strength", () => {
  const [ablated, added] = [
    { latent: 1, mode: "ablate", strength: 1 } as const,
    { latent: 2, mode: "add", strength: 3 } as const,
  ];
  expect(leading([ablated, added])).toBe(added);
  expect(leading([ablated])).toBe(ablated);
  expect(leading([])).toBeUndefined();
});
