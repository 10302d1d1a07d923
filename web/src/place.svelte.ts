/** Where the reader is: the route, as state, and the two ways to change it. */

import { link, parse, type Route } from "./router.ts";

class Place {
  route: Route = $state.raw(parse(location.hash));

  constructor() {
    addEventListener("hashchange", () => {
      this.route = parse(location.hash);
    });
  }

  /** Go to an address, as a link would. */
  go(hash: string): void {
    location.hash = hash;
  }

  /** Change parts of the query in place, without a step in the history. */
  tune(changes: Record<string, string | number | undefined>): void {
    const { view, id, query } = this.route;
    const hash = link(view, id, { ...query, ...changes });
    history.replaceState(history.state, "", hash);
    this.route = parse(hash);
  }
}

export const place = new Place();
