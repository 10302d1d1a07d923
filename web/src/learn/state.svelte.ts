/** The one state of the page, which is its address: every key that is not as at first stands in the hash. */

import { DEMO_DEFAULTS } from "./demos/settings.ts";

const DEFAULTS = { frame: 1, sandbox: false, ...DEMO_DEFAULTS };

export type PageState = typeof DEFAULTS;

export const state: PageState = $state({ ...DEFAULTS });

/** Return the hash that stands for a state. */
export function written(of: PageState): string {
  const pairs = Object.entries(of).filter(([key, value]) => value !== DEFAULTS[key as keyof PageState]);
  return new URLSearchParams(pairs.map(([key, value]) => [key, String(value)])).toString();
}

/** Return the state that a hash stands for; what it does not name is as at first. */
export function parsed(hash: string): PageState {
  const made: Record<string, string | number | boolean> = { ...DEFAULTS };
  for (const [key, text] of new URLSearchParams(hash)) {
    const first = made[key];
    if (typeof first === "number" && Number.isFinite(Number(text))) made[key] = Number(text);
    else if (typeof first === "boolean") made[key] = text === "true" || text === "1";
    else if (typeof first === "string") made[key] = text;
  }
  return made as PageState;
}

/** Keep the address and the state the same, whichever changes.  `?sandbox=1` locks nothing, for teachers' links. */
export function keepAddress(): void {
  const isFree = new URLSearchParams(location.search).get("sandbox") === "1";
  const take = (): void => {
    Object.assign(state, parsed(location.hash.slice(1)));
    if (isFree) state.sandbox = true;
  };
  take();
  addEventListener("hashchange", take);
  $effect(() => {
    const hash = written(state);
    if (hash !== location.hash.slice(1)) history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  });
}
