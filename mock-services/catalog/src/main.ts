import { runService } from '@portico/runtime/run-service.ts';
import { catalogSettings, toFollowOptions } from './config.ts';
import { createCatalog } from './create-catalog.ts';
import { migrations } from './database.ts';
import { followReviews, knowsRatings } from './ratings/follow-reviews.ts';
import { seedCatalog } from './seed.ts';

await runService(
  {
    name: 'catalog',
    migrations,
    seed: seedCatalog,
    settings: catalogSettings,
    createApp: (parts, config) =>
      createCatalog({
        ...parts,
        ratingsAreKnown: toFollowOptions(config) === undefined ? undefined : knowsRatings(parts.db),
      }),
    beginWork: (parts, config) => {
      const options = toFollowOptions(config);
      return options && followReviews(options, parts);
    },
  },
  process.env,
);
