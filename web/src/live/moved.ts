let last = "";

/** Return whether the pointer is at another place than before: the page may move beneath it. */
export function moved(event: PointerEvent): boolean {
  const here = `${event.clientX},${event.clientY}`;
  const isElsewhere = here !== last;
  last = here;
  return isElsewhere;
}
