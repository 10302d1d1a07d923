/** The part of the page's state that the demos own: every key, and what it is at first. */

/** Numbers of features a dictionary was trained to use. */
export const BUDGETS = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 40] as const;

export const DEMO_DEFAULTS = {
  /** a: budget that the dictionary was trained with. */
  k: 4,
  /** a: whether the budget is a soft price, and which stop of it, from dear to cheap. */
  soft: false,
  price: 4,
  /** a: features let at read time; 0 for as many as it was trained with. */
  read: 0,
  /** a: the held-out activation that is taken apart. */
  sample: 0,

  /** b: kind of dictionary, features a token that are wanted, and a kind kept beside it. */
  kind: "relu",
  l0: 4,
  beside: "",

  /** c1: budget. */
  ck: 4,

  /** c2: budget, and which snapshot. */
  tk: 2,
  at: 0,

  /** d: dimensions, true directions, atoms, budget, seed, snapshot, and where atoms begin. */
  ddim: 2,
  dF: 5,
  dm: 5,
  dk: 1,
  dseed: 0,
  dat: 0,
  dstart: "",

  /** Sandbox: the same, and all else. */
  sdim: 2,
  sF: 6,
  sm: 9,
  sk: 1,
  sseed: 0,
  sat: 0,
  sstart: "",
  skind: "topk",
  sweight: 0.2,
  snoise: 0.03,
};

export type DemoState = typeof DEMO_DEFAULTS;
