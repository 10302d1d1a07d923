/** The symbols of the formulas: what each is, its shape, and the lines of the listing where it lives. */

export type Symbol = {
  key: string;
  /** As it is written. */
  name: string;
  says: string;
  shape: string;
  /** Words of the listing that stand for it, in the lines that are lit. */
  code: RegExp;
};

export const SYMBOLS: readonly Symbol[] = [
  { key: "x", name: "x", says: "an activation, read from the model", shape: "d", code: /^X = |pre = X|- X\b/ },
  { key: "W_enc", name: "W enc", says: "what each latent looks for", shape: "m × d", code: /W_enc/ },
  { key: "b_pre", name: "b pre", says: "what is taken off first, and added last", shape: "d", code: /(?!)/ },
  { key: "b_enc", name: "b enc", says: "how much a latent must exceed", shape: "m", code: /(?!)/ },
  { key: "z", name: "z", says: "acts: how strongly each latent fires", shape: "m", code: /\bZ\b/ },
  { key: "W_dec", name: "W dec", says: "the directions, one a latent", shape: "d × m", code: /W_dec/ },
  { key: "x_hat", name: "x̂", says: "what is rebuilt", shape: "d", code: /X_hat/ },
  { key: "lambda", name: "λ", says: "the price of a unit of act", shape: "a number", code: /\blam\b/ },
  { key: "k", name: "k", says: "the budget: latents an activation may use", shape: "a number", code: /(?!)/ },
  { key: "a", name: "a", says: "scores: how much each latent is present", shape: "m", code: /\bpre\b/ },
];
