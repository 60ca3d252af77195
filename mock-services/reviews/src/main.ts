import { runService } from '@portico/runtime/run-service.ts';
import { createReviews } from './create-reviews.ts';
import { migrations } from './database.ts';
import { seedReviews } from './seed.ts';

await runService({ name: 'reviews', migrations, seed: seedReviews, createApp: createReviews }, process.env);
