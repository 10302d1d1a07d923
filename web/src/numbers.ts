/** Numbers as they are read: with their unit, no more digits than they carry, a dash for none. */

const NONE = "–";
type Maybe = number | null | undefined;

const integer = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const plain = new Map<number, Intl.NumberFormat>();

function isNone(value: Maybe): value is null | undefined {
  return value === null || value === undefined || Number.isNaN(value);
}

/** Return a whole number with its thousands set apart. */
export function count(value: Maybe): string {
  return isNone(value) ? NONE : integer.format(value);
}

/** Return a number with some significant digits, `2.31` or `−0.004`; far-off ones as `3.1e−7`. */
export function number(value: Maybe, digits = 3): string {
  if (isNone(value)) return NONE;
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) {
    return value.toExponential(digits - 1).replace("e+", "e").replaceAll("-", "−");
  }
  if (size >= 10 ** digits) return integer.format(value).replace("-", "−");
  let format = plain.get(digits);
  if (!format) {
    format = new Intl.NumberFormat("en-US", { maximumSignificantDigits: digits });
    plain.set(digits, format);
  }
  return format.format(value).replace("-", "−");
}

/** Return a number with all of its significant digits, `0.270`, so that a column lines up. */
function digits3(value: number): string {
  const size = Math.abs(value);
  if (size < 100 && size >= 99.5) return `${number(Math.floor(size * 10) / 10)} %`; // less than all
  const isPlain = size >= 1e-3 && size < 999.5;
  return isPlain ? value.toPrecision(3).replace("-", "−") : number(value);
}

/** Return a share as a percentage, `0.56 %`, `9.0 %`; its digits are kept, so that a column lines up. */
export function percent(value: Maybe, digits = 2): string {
  if (isNone(value)) return NONE;
  const shown = value * 100;
  const size = Math.abs(shown);
  if (size < 100 && size >= 99.5) return `${number(Math.floor(size * 10) / 10)} %`; // less than all
  const isPlain = size >= 1e-3 && Math.round(size) < 10 ** digits && size < 100;
  return `${isPlain ? shown.toPrecision(digits).replace("-", "−") : number(shown, digits)} %`;
}

/** Return an act, `10.6`: three digits, so that a column of them lines up. */
export function act(value: Maybe): string {
  if (isNone(value)) return NONE;
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e5 || size < 0.01) return number(value, 2);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2).replace("-", "−");
}

/** Return a number with its sign, `+4.7` or `−3.9`. */
export function signed(value: Maybe, decimals = 1): string {
  if (isNone(value)) return NONE;
  const text = Math.abs(value).toFixed(decimals);
  return value < 0 ? `−${text}` : `+${text}`;
}

/** Return what lies between −1 and 1 with two decimals, `0.20`. */
export function fixed(value: Maybe): string {
  return isNone(value) ? NONE : value.toFixed(2).replace("-", "−");
}

/** Return a number as one of its unit reads. */
export function inUnit(value: Maybe, unit: string): string {
  if (isNone(value)) return NONE;
  if (unit === "share") return percent(value);
  if (unit === "tokens" || unit === "documents") return count(value);
  if (unit === "act") return act(value);
  if (unit === "cosine") return fixed(value);
  return digits3(value);
}

/** Return `1 latent`, `2 latents`. */
export function some(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}
