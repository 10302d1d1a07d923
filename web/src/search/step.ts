/** Up and down through what was found, and back to the field. */

/** Move the focus from the field, or from a row, to the next or the last one. */
export function step(event: KeyboardEvent): void {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const target = event.target as HTMLElement;
  if (!by || event.ctrlKey || event.metaKey || event.altKey || target.matches("textarea, select")) return;
  const all = event.currentTarget as HTMLElement;
  const rows = [...all.querySelectorAll<HTMLElement>("[data-hit]")];
  const field = all.querySelector<HTMLElement>("input[type=search], input[type=number]");
  const next = rows.indexOf(target) + by;
  const to = next < 0 ? (target === field ? undefined : field) : rows[next];
  if (!to) return;
  event.preventDefault();
  to.focus();
}
