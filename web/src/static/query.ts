/**
 * A query line answered in the page: the grammar and the meaning of `unmix.index.query`.
 *
 * A comparison with a value that is not there (NaN) is false, `!=` too.  Both sides are tested on one
 * list of queries, `tests/export/queries.json`.
 */

import { type Kind, refusal, Unreadable, type Word, words } from "./words.ts";

/** What a query can ask about: a number or a text of every latent, and tags. */
export type Facts = {
  readonly n: number;
  /** Return a column; undefined if there is none of that name. */
  readonly column: (name: string) => ArrayLike<number> | readonly string[] | undefined;
  readonly tagged: (tag: string) => readonly number[];
};

type Numbers = { readonly is: "number"; readonly at: (j: number) => number };
type Texts = { readonly is: "texts"; readonly values: readonly string[] };
type Literal = { readonly is: "literal"; readonly text: string };
type Truth = { readonly is: "truth"; readonly of: (j: number) => boolean };
type Value = Numbers | Texts | Literal | Truth;

const LONGEST = 2000;
const DEEPEST = 20;
const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "=": (a, b) => a === b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b && !Number.isNaN(a) && !Number.isNaN(b),
};
const NAMES: Readonly<Record<Value["is"], string>> = {
  number: "a number",
  texts: "a column of texts",
  literal: "a text",
  truth: "a condition",
};

/** Return the latents that satisfy a query; all of them for an empty one. */
export function select(facts: Facts, where: string): Int32Array {
  if (where.length > LONGEST) {
    throw new Unreadable(`the query has ${where.length} characters; at most ${LONGEST} are read`);
  }
  const holds = where.trim() ? new Query(facts, where).answer() : () => true;
  return Int32Array.from({ length: facts.n }, (_, j) => j).filter(holds);
}

/** Reads a query from left to right. */
class Query {
  readonly #facts: Facts;
  readonly #words: Generator<Word, void>;
  #now: Word = { kind: "end", word: "", start: 0 };
  #depth = 0;

  constructor(facts: Facts, where: string) {
    this.#facts = facts;
    this.#words = words(where);
    this.#next();
  }

  answer(): (j: number) => boolean {
    const truth = this.#either();
    if (this.#now.kind !== "end") this.#refuse(`\`${this.#now.word}\` cannot stand here`);
    return this.#truth(truth).of;
  }

  // ------------------------------------------------------------ words

  #next(): void {
    const { value } = this.#words.next();
    if (value) this.#now = value;
  }

  #accept(...wanted: string[]): string | null {
    const { kind, word } = this.#now;
    if (!wanted.includes(word) || !(["name", "sign"] as Kind[]).includes(kind)) return null;
    this.#next();
    return word;
  }

  #expect(word: string): void {
    if (this.#accept(word) !== null) return;
    const found = this.#now.word ? `\`${this.#now.word}\`` : "the end";
    this.#refuse(`\`${word}\` should stand here, not ${found}`);
  }

  #refuse(why: string): never {
    throw refusal(this.#now.start, why);
  }

  // ------------------------------------------------------------ grammar

  #either(): Value {
    this.#depth += 1;
    if (this.#depth > DEEPEST) this.#refuse(`it is nested more than ${DEEPEST} deep`);
    let left = this.#both();
    while (this.#accept("or")) {
      const right = this.#both();
      left = either(this.#truth(left), this.#truth(right));
    }
    this.#depth -= 1;
    return left;
  }

  #both(): Value {
    let left = this.#negation();
    while (this.#accept("and")) {
      const right = this.#negation();
      left = both(this.#truth(left), this.#truth(right));
    }
    return left;
  }

  #negation(): Value {
    let times = 0;
    while (this.#accept("not")) times += 1;
    const value = this.#comparison();
    if (times === 0) return value;
    const truth = this.#truth(value);
    return times % 2 ? not(truth) : truth;
  }

  #comparison(): Value {
    let left = this.#sum();
    let made: Truth | undefined;
    while (true) {
      let found: Truth;
      let sign: string | null;
      if (this.#accept("not")) {
        this.#expect("in");
        found = not(this.#among(left));
      } else if (this.#accept("in")) {
        found = this.#among(left);
      } else if ((sign = this.#accept(...Object.keys(COMPARISONS), "~", "!~"))) {
        const right = this.#sum();
        found = this.#compare(left, sign, right);
        left = right;
      } else {
        return made ?? left;
      }
      made = made ? both(made, found) : found;
    }
  }

  #sum(): Value {
    let left = this.#product();
    let sign: string | null;
    while ((sign = this.#accept("+", "-"))) {
      const [a, b] = [this.#number(left).at, this.#number(this.#product()).at];
      left = numbers(sign === "+" ? (j) => a(j) + b(j) : (j) => a(j) - b(j));
    }
    return left;
  }

  #product(): Value {
    let left = this.#factor();
    let sign: string | null;
    while ((sign = this.#accept("*", "/"))) {
      const [a, b] = [this.#number(left).at, this.#number(this.#factor()).at];
      left = numbers(sign === "*" ? (j) => a(j) * b(j) : (j) => a(j) / b(j));
    }
    return left;
  }

  #factor(): Value {
    let negative = false;
    let sign: string | null;
    while ((sign = this.#accept("-", "+"))) negative = negative !== (sign === "-");
    const value = this.#atom();
    if (!negative) return value;
    const { at } = this.#number(value);
    return numbers((j) => -at(j));
  }

  #atom(): Value {
    const { kind, word } = this.#now;
    if (this.#accept("(")) {
      const inside = this.#either();
      this.#expect(")");
      return inside;
    }
    if (kind === "number") {
      this.#next();
      const value = Number(word);
      return numbers(() => value);
    }
    if (kind === "text") {
      this.#next();
      return { is: "literal", text: word.slice(1, -1) };
    }
    if (kind === "name" && !["and", "or", "not", "in"].includes(word)) {
      this.#next();
      return word === "tag" ? this.#tagged() : this.#column(word);
    }
    return this.#refuse(word ? `\`${word}\` cannot be here` : "something to compare is missing");
  }

  #tagged(): Truth {
    this.#expect("(");
    if (this.#now.kind !== "text") this.#refuse("`tag` takes a text, as in `tag('seen')`");
    const latents = new Set(this.#facts.tagged(this.#now.word.slice(1, -1)));
    this.#next();
    this.#expect(")");
    return { is: "truth", of: (j) => latents.has(j) };
  }

  #column(name: string): Value {
    const values = this.#facts.column(name);
    if (values === undefined) this.#refuse(`there is no column \`${name}\``);
    if (Array.isArray(values)) return { is: "texts", values: values as readonly string[] };
    const column = values as ArrayLike<number>;
    return numbers((j) => column[j] ?? NaN);
  }

  // ------------------------------------------------------------ meaning

  #among(left: Value): Truth {
    const close = this.#accept("(") ? ")" : "]";
    if (close === "]") this.#expect("[");
    let found: Truth | undefined;
    while (!this.#accept(close)) {
      const one = this.#compare(left, "=", this.#sum());
      found = found ? either(found, one) : one;
      if (this.#accept(",")) continue;
      this.#expect(close);
      break;
    }
    return found ?? { is: "truth", of: () => false };
  }

  #compare(left: Value, sign: string, right: Value): Truth {
    if (right.is === "texts" && left.is === "literal" && ["=", "==", "!="].includes(sign)) {
      [left, right] = [right, left];
    }
    if (left.is === "texts" && right.is === "literal") {
      const found = compareTexts(left.values, sign, right.text);
      if (found) return found;
      this.#refuse(`a text cannot be compared by \`${sign}\`; there are \`=\`, \`!=\`, \`~\` and \`!~\``);
    }
    const compare = COMPARISONS[sign];
    if (!compare) {
      this.#refuse(`\`${sign}\` looks for a text in a column of texts, as in \`label ~ 'may'\``);
    }
    const [a, b] = [this.#number(left).at, this.#number(right).at];
    return { is: "truth", of: (j) => compare(a(j), b(j)) };
  }

  #number(value: Value): Numbers {
    if (value.is === "number") return value;
    return this.#refuse(`a number should stand here, not ${NAMES[value.is]}`);
  }

  #truth(value: Value): Truth {
    if (value.is === "truth") return value;
    return this.#refuse("a condition should stand here, as in `density < 1e-4`");
  }
}

const numbers = (at: (j: number) => number): Numbers => ({ is: "number", at });
const not = ({ of }: Truth): Truth => ({ is: "truth", of: (j) => !of(j) });
const both = (a: Truth, b: Truth): Truth => ({ is: "truth", of: (j) => a.of(j) && b.of(j) });
const either = (a: Truth, b: Truth): Truth => ({ is: "truth", of: (j) => a.of(j) || b.of(j) });

function compareTexts(values: readonly string[], sign: string, text: string): Truth | undefined {
  let found: (value: string) => boolean;
  if (sign === "~" || sign === "!~") {
    const pattern = containing(text);
    found = (value) => pattern.test(value);
  } else if (sign === "=" || sign === "==" || sign === "!=") {
    found = (value) => value === text;
  } else {
    return undefined;
  }
  const wanted = !sign.startsWith("!");
  return { is: "truth", of: (j) => found(values[j] ?? "") === wanted };
}

/** Return the pattern of texts that contain a text, whatever the case. */
export function containing(text: string): RegExp {
  return new RegExp(text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), "iu");
}
