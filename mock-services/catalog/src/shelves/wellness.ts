import type { Shelf } from './shelf.ts';

const lavender = { name: 'lavender', sentence: 'Lavender from a farm in the Drôme.' };
const cedar = { name: 'cedar and sage', sentence: 'Cedar and sage, like a walk after rain.' };
const unscented = { name: 'unscented', sentence: 'Without perfume, for those who have their own.' };
const seaBuckthorn = { name: 'sea buckthorn', sentence: 'With sea buckthorn, picked by hand on the coast.' };
const eucalyptus = { name: 'eucalyptus', sentence: 'A breath of eucalyptus clears the head.' };

export const wellness: Shelf = {
  id: 'wellness',
  name: 'Wellness',
  series: [
    'Stilla',
    'Bergamot & Bay',
    'Lull',
    'Saltmarsh',
    'Onsen',
    'Heather',
    'Birchwood',
    'Mira',
    'Evenfall',
    'Spring No. 3',
  ],
  things: [
    {
      name: 'bath salts',
      euros: [12, 32],
      sizes: ['300 g', '600 g'],
      finishes: [lavender, cedar, seaBuckthorn, eucalyptus],
      sentence: 'Half a cup turns a bath into an evening.',
    },
    {
      name: 'yoga mat',
      euros: [39, 109],
      sizes: ['4 mm', '6 mm'],
      sentence: 'Grips when it should and rolls up when it may.',
    },
    {
      name: 'massage oil',
      euros: [15, 38],
      sizes: ['100 ml', '250 ml'],
      finishes: [lavender, unscented, cedar, seaBuckthorn, eucalyptus],
      sentence: 'Sinks in slowly and leaves nothing sticky.',
    },
    {
      name: 'scented candle',
      euros: [18, 49],
      sizes: ['180 g', '300 g'],
      finishes: [lavender, cedar, unscented, seaBuckthorn, eucalyptus],
      sentence: 'Burns for forty hours with a quiet flame.',
    },
    {
      name: 'bathrobe',
      euros: [59, 149],
      sizes: ['S', 'M', 'L'],
      sentence: 'Deep pockets and a collar to hide in.',
    },
    {
      name: 'hot water bottle',
      euros: [16, 42],
      sentence: 'The knitted cover keeps it warm until you are asleep.',
    },
    {
      name: 'meditation cushion',
      euros: [35, 79],
      finishes: [lavender, cedar, unscented],
      sentence: 'Filled with buckwheat, it holds you upright without a push.',
    },
    {
      name: 'hand cream',
      euros: [9, 24],
      sizes: ['50 ml', '75 ml'],
      finishes: [lavender, cedar, unscented, seaBuckthorn, eucalyptus],
      sentence: 'For hands that garden, wash up and type.',
    },
  ],
  closers: [
    'Made without palm oil and without animal testing.',
    'Wrapped in paper that grows wildflowers when planted.',
    'Small batches, made by hand.',
  ],
};
