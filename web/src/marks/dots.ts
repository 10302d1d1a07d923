/**
 * Many dots on a canvas, fast: coverage is added up in bytes and coloured at the end, so that
 * 64,000 dots take a few milliseconds and crowds grow darker.
 */

export type Colour = readonly [number, number, number];

/** Add discs at the places given to a layer of coverage; places off it, or NaN, are left out. */
export function stamp(
  layer: Uint8ClampedArray,
  width: number,
  asked: {
    x: Float32Array;
    y: Float32Array;
    isIn: (i: number) => boolean;
    radius: number;
    opacity: number;
  },
): void {
  const height = layer.length / width;
  const disc = coverage(asked.radius, asked.opacity);
  for (let i = 0; i < asked.x.length; i++) {
    const left = asked.x[i]!;
    const top = asked.y[i]!;
    if (!(left >= 0 && left < width && top >= 0 && top < height) || !asked.isIn(i)) continue;
    for (const [dx, dy, alpha] of disc) {
      const column = Math.round(left) + dx;
      const row = Math.round(top) + dy;
      if (column < 0 || column >= width || row < 0 || row >= height) continue;
      const at = row * width + column;
      layer[at] = layer[at]! + (255 - layer[at]!) * alpha;
    }
  }
}

/** Lay layers of coverage over each other, the last on top, each in its colour. */
export function compose(
  pixels: Uint8ClampedArray,
  layers: readonly { layer: Uint8ClampedArray; colour: Colour }[],
): void {
  for (let at = 0, to = 0; to < pixels.length; at++, to += 4) {
    let red = 0, green = 0, blue = 0, alpha = 0;
    for (const { layer, colour } of layers) {
      const own = layer[at]! / 255;
      if (own === 0) continue;
      const rest = alpha * (1 - own);
      alpha = own + rest;
      red = (colour[0] * own + red * rest) / alpha;
      green = (colour[1] * own + green * rest) / alpha;
      blue = (colour[2] * own + blue * rest) / alpha;
    }
    pixels[to] = red;
    pixels[to + 1] = green;
    pixels[to + 2] = blue;
    pixels[to + 3] = alpha * 255;
  }
}

/** Return which place is nearest to a point, or -1 if none is within reach. */
export function nearest(
  x: Float32Array,
  y: Float32Array,
  asked: { left: number; top: number; reach: number; isIn: (i: number) => boolean },
): number {
  let found = -1;
  let least = asked.reach * asked.reach;
  for (let i = 0; i < x.length; i++) {
    const away = (x[i]! - asked.left) ** 2 + (y[i]! - asked.top) ** 2;
    if (away < least && asked.isIn(i)) {
      least = away;
      found = i;
    }
  }
  return found;
}

/** Return a CSS colour that the browser has resolved, `rgb(1, 2, 3)`, as numbers. */
export function channels(css: string): Colour {
  const [red = 0, green = 0, blue = 0] = (css.match(/[\d.]+/g) ?? []).map(Number);
  return [red, green, blue];
}

function coverage(radius: number, opacity: number): [number, number, number][] {
  const disc: [number, number, number][] = [];
  const reach = Math.ceil(radius);
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const inside = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(dx, dy)));
      if (inside > 0) disc.push([dx, dy, inside * opacity]);
    }
  }
  return disc;
}
