import { expect, test } from "vitest";
import type { PromptToken } from "../types.ts";
import { byLatent, MEASURES, scaled } from "./colours.ts";

function token(changes: Partial<PromptToken> = {}): PromptToken {
  const fired = [{ latent: 5, label: "", act: 2, share: 1, logit: null }];
  return {
    text: "x", token: 1, is_measured: true, norm: 1, error: 0.5, explained: 0.75, loss: 2, loss_spliced: 2.5, fired,
    ...changes,
  };
}

const measure = (by: string) => MEASURES.find((one) => one.by === by)!;

test("a colour runs from the least to the largest there is", () => {
  const tokens = [token({ error: 0.2 }), token({ error: 0.6 }), token({ error: 0.4 })];
  const scale = scaled(measure("error"), tokens);
  expect([scale.low, scale.high]).toEqual([0.2, 0.6]);
  expect(tokens.map((one) => scale.strength(one.error))).toEqual([0, 1, expect.closeTo(0.5)]);
});

test("what raises and what lowers the loss are as strong on both sides of zero", () => {
  const tokens = [token({ loss_spliced: 1 }), token({ loss_spliced: 4 }), token({ loss: null, loss_spliced: null })];
  const change = measure("change");
  const scale = scaled(change, tokens);
  expect([scale.low, scale.high]).toEqual([-2, 2]);
  expect(tokens.map((one) => scale.strength(change.value(one)))).toEqual([-0.5, 1, 0]);
});

test("a latent's colour starts at silence, and unmeasured tokens have none", () => {
  const latent = byLatent(5);
  const tokens = [token(), token({ fired: [] }), token({ is_measured: false })];
  expect(tokens.map(latent.value)).toEqual([2, 0, null]);
  const scale = scaled(latent, tokens);
  expect(tokens.map((one) => scale.strength(latent.value(one)))).toEqual([1, 0, 0]);
});

test("all alike is no colour at all", () => {
  const scale = scaled(measure("error"), [token(), token()]);
  expect(scale.strength(0.5)).toBe(0);
});
