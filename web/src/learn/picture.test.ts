import { expect, test } from "vitest";
import { read } from "./kernel/sae.ts";
import { picture } from "./picture.ts";

test("the parts and what is left over add up to the activation, strongest part first", () => {
  // three latents over two dimensions, one of which is silent
  const W_enc = [1, 0, 0, 1, -1, -1];
  const W_dec = [1, 0, 0, 1, -0.6, -0.8];
  const sae = read([...W_enc, 0, 0, 0, ...W_dec, 0.25, 0], { kind: "topk", d: 2, m: 3, k: 2 });
  const made = picture("a run", sae, [0.75, 2]);
  expect(made.parts.map(({ latent, act }) => [latent, act])).toEqual([
    [1, 2],
    [0, 0.5],
  ]);
  expect(made.rest).toEqual([0.25, 0]); // the bias is nobody's part
});
