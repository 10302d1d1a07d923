/** Tells when a part of the page is about to be seen. */

/** Call once when an element comes within a margin of the window: a Svelte action. */
export function whenNear(place: HTMLElement, how: { margin?: string; then: () => void }): { destroy: () => void } {
  const watch = new IntersectionObserver(
    ([entry]) => {
      if (!entry!.isIntersecting) return;
      watch.disconnect();
      how.then();
    },
    { rootMargin: how.margin ?? "100%" },
  );
  watch.observe(place);
  return { destroy: () => watch.disconnect() };
}
