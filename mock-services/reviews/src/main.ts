import { createPostgresEventHub } from '@portico/change-stream/hub/postgres-event-hub.ts';
import { runService } from '@portico/runtime/run-service.ts';
import { reviewsSettings, toFollowUrls } from './config.ts';
import { createReviews } from './create-reviews.ts';
import { migrations } from './database.ts';
import { followCustomers } from './forgotten/follow-customers.ts';
import { createReadForgotten } from './forgotten/read-forgotten.ts';
import { seedReviews } from './seed.ts';

await runService(
  {
    name: 'reviews',
    migrations,
    seed: seedReviews,
    settings: reviewsSettings,
    createApp: createReviews,
    beginWork: (parts, config) => {
      const urls = toFollowUrls(config);
      if (urls === undefined) return undefined;
      const hub = createPostgresEventHub({ url: urls.hubUrl, log: parts.log });
      const { readForgotten, close } = createReadForgotten(urls.customersUrl, parts);
      const following = followCustomers({ hub, readForgotten }, parts);
      return {
        close: async () => void (await Promise.all([close(), following.close()])),
      };
    },
  },
  process.env,
);
