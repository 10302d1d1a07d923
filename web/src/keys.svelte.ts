/** Keys: views say what theirs do, the help lists them, and typing in a field presses none. */

import { untrack } from "svelte";

export type Key = { keys: string; does: string; run: () => void };

class Keys {
  bound: Key[] = $state.raw([]);
  #first = "";
  #at = 0;

  constructor() {
    addEventListener("keydown", (event) => this.#press(event));
  }

  #press(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || isTaken(event)) return;
    const soon = event.timeStamp - this.#at < 1000 ? this.#first : "";
    const pressed = soon ? `${soon} ${event.key}` : event.key;
    const found = this.bound.findLast(({ keys }) => keys === pressed);
    this.#first = found ? "" : event.key;
    this.#at = event.timeStamp;
    if (!found) return;
    event.preventDefault();
    found.run();
  }
}

export const keys = new Keys();

/** Bind keys while a component is there; call it while the component is set up. */
export function bind(own: Key[]): void {
  $effect(() => {
    untrack(() => (keys.bound = [...keys.bound, ...own]));
    return () => (keys.bound = keys.bound.filter((key) => !own.includes(key)));
  });
}

/** Whether a key belongs to what has the focus. */
function isTaken({ target, key }: KeyboardEvent): boolean {
  if (!(target instanceof Element)) return false;
  if (target.closest("input, textarea, select, dialog, [contenteditable]")) return true;
  const isPress = key === "Enter" || key === " " || key.startsWith("Arrow");
  return isPress && target.closest("a, button, summary, [role=listbox]") !== null;
}
