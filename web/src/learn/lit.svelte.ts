/** The symbol that is pointed at: formula, table and code light up together. */

export const lit: { symbol: string } = $state({ symbol: "" });
