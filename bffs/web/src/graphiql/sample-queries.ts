/** What GraphiQL opens with, one query a tab. */
export const sampleQueries: readonly string[] = [
  `# A page of the catalogue. Its data comes from four services, in at most five calls.
# Run it twice within a second: the second answer takes none (see Server-Timing).
query CataloguePage {
  products(first: 20) {
    edges {
      node {
        sku
        name
        price { amount currency }
        availability { inStock }
        rating { average count }
        reviews(first: 2) {
          edges { node { stars body author { displayName } } }
        }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
  `# One product, with all that is known of it.
query ProductPage {
  product(sku: "p1") {
    id
    name
    description
    imageUrl
    category { slug name }
    price { amount currency }
    availability { inStock quantity }
    rating { average count }
    reviews(first: 5) {
      edges { cursor node { stars body createdAt author { displayName } } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
`,
  `# The categories, and the cheapest products of all.
query Browse {
  categories { slug name }
  products(first: 5, sort: PRICE_ASC) {
    edges { node { sku name category { name } price { amount currency } } }
  }
}
`,
  `# What a search finds, the best rated first. The catalogue answers it alone, also while reviews is down.
query Search {
  products(search: "steel or beech", sort: RATING, first: 5) {
    edges { node { sku name rating { average count } } }
  }
}
`,
  `# Whatever has an id can be read again by it.
query ById {
  node(id: "UHJvZHVjdDpwMQ") {
    id
    ... on Product { sku name }
  }
}
`,
];
