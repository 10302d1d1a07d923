/** Ways to a place of the page; its address is its state, so that anchors are not in it. */

/** Bring a heading or a part of the page into view, and the focus with it. */
export function goTo(id: string): void {
  const place = document.getElementById(id) ?? document.querySelector<HTMLElement>(`[data-place="${id}"]`);
  if (!place) return;
  if (!place.hasAttribute("tabindex") && !place.matches("a, button, input, select, textarea")) place.tabIndex = -1;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  place.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
  place.focus({ preventScroll: true });
}

/** Follow a link within the page. */
export function following(id: string): (event: MouseEvent) => void {
  return (event) => {
    event.preventDefault();
    goTo(id);
  };
}
