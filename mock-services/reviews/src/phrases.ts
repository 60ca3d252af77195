/** Sentences that fit any product, from which the reviews of the demo are made. */

type Stars = 1 | 2 | 3 | 4 | 5;
type Sentences = readonly [string, ...string[]];

/** How a review begins. */
export const openers: Readonly<Record<Stars, Sentences>> = {
  5: [
    'Exactly what I was looking for.',
    'I would buy it again tomorrow.',
    'Better than in the pictures.',
    'Bought as a present, and now I want one too.',
    'Simply beautiful, and it works.',
    'My favourite purchase of the year.',
    'Worth every cent.',
    'Even nicer in the hand than on the screen.',
    'I have been using it every day for two months and could not be happier.',
    'A pleasure to use.',
  ],
  4: [
    'Very happy with it.',
    'Does what it should, and does it well.',
    'Good quality for the price.',
    'Almost perfect.',
    'A solid choice.',
    'I like it a lot, with one small reservation.',
    'Nice piece, carefully made.',
    'Better than my old one by far.',
  ],
  3: [
    'It is all right.',
    'Decent, but I expected a little more.',
    'Good in parts.',
    'Neither great nor bad.',
    'Looks nicer than it works.',
    'Fine for the occasional use.',
    'I am in two minds about it.',
  ],
  2: [
    'Not quite what I had hoped for.',
    'I wanted to like it more.',
    'Too expensive for what it is.',
    'It works, but that is about all.',
    'Somewhat disappointed.',
    'The idea is good, the execution is not.',
  ],
  1: [
    'Sadly a disappointment.',
    'Mine went straight back.',
    'It broke in the second week.',
    'I can not recommend it.',
    'Nothing like the description.',
  ],
};

/** What was good. */
export const praise: Sentences = [
  'The workmanship is excellent.',
  'It feels as if it will last for years.',
  'Delivery took two days and the parcel hardly needed any plastic.',
  'The colour is exactly as shown.',
  'My whole family has taken a liking to it.',
  'You notice that somebody has thought about the details.',
  'It is lighter than it looks.',
  'Easy to clean, which matters to me.',
  'The size is just right for us.',
  'It looks good wherever I leave it.',
  'Customer service answered my question within the hour.',
  'Compared with three others, and this is the one that stayed.',
  'Guests ask me where I got it.',
  'After half a year it still looks like new.',
];

/** What could be better. */
export const reservations: Sentences = [
  'The instructions could be clearer.',
  'It is a little smaller than I had imagined.',
  'The box arrived with a dent, though nothing was broken.',
  'I would have liked a second colour to choose from.',
  'A bit heavy for my taste.',
  'It took a week longer to arrive than promised.',
  'The price has gone up since I ordered the first one.',
  'The finish shows every fingerprint.',
  'It needs some getting used to.',
];

/** What was bad. */
export const complaints: Sentences = [
  'The finish started to come off after a few days.',
  'One part was missing, and it took two weeks to get it.',
  'It does not feel as sturdy as I would expect at this price.',
  'The colour has little to do with the picture.',
  'It arrived scratched.',
  'Mine wobbles, and nothing that I tried has helped.',
  'It smells odd, even after a week on the balcony.',
  'The size is not what the page says.',
];

/** How a review ends. */
export const closers: Readonly<Record<Stars, Sentences>> = {
  5: [
    'Highly recommended!',
    'Thank you!',
    'Five stars without hesitation.',
    'The next one is for my sister.',
  ],
  4: [
    'Recommended.',
    'I would order it again.',
    'One star less for the packaging.',
    'All in all a good buy.',
  ],
  3: [
    'It will do.',
    'Wait for a sale.',
    'Maybe I just had bad luck with mine.',
    'We will see how it holds up.',
  ],
  2: ['I will keep it, but only just.', 'There must be better ones.', 'Next time I will look elsewhere.'],
  1: ['At least the return was easy.', 'Save your money.', 'What a pity.'],
};
