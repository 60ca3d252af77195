/** The words from which the products of one category are made. */
export interface Shelf {
  readonly id: string;
  readonly name: string;
  /** What joins the series with the thing in a product's name; a space when left out. */
  readonly joint?: string;
  /** Product lines: invented names, or titles on the book shelf. */
  readonly series: readonly string[];
  readonly things: readonly Thing[];
  /** Sentences that may close any description of the shelf. */
  readonly closers: readonly string[];
}

export interface Thing {
  readonly name: string;
  /** Cheapest and dearest, in whole euros. */
  readonly euros: readonly [from: number, to: number];
  readonly sizes?: readonly string[];
  /** Materials, colours or editions in which it comes. */
  readonly finishes?: readonly Finish[];
  readonly sentence: string;
}

export interface Finish {
  readonly name: string;
  readonly sentence: string;
}
