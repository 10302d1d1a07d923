/** The text of an example as it is drawn. */

import type { Example, Piece } from "../types.ts";

/** Return the pieces of an example; the first loses the blank that nothing stands before. */
export function opened(example: Example): Piece[] {
  return example.pieces.map((piece, i) =>
    i === 0 && piece.text.trim() ? { ...piece, text: piece.text.trimStart() } : piece,
  );
}
