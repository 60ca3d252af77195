import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFrameEnds } from './frame-ends.ts';

/** Frames of every form of length, masked or not, whose payload looks like heads of frames. */
const frames = [
  Buffer.from([0x88, 0x00]),
  Buffer.from([0x81, 0x85, 1, 2, 3, 4, 0x81, 0x82, 0x83, 0x84, 0x85]),
  Buffer.concat([Buffer.from([0x02, 126, 1, 0]), Buffer.alloc(256, 0x81)]),
  Buffer.concat([Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 1, 0, 1]), Buffer.alloc(65_537, 0x7f)]),
  Buffer.from([0x80, 0x01, 0x00]),
];
const stream = Buffer.concat(frames);

test('the ends of frames are found, however their bytes come', () => {
  for (const size of [1, 2, 3, 7, 300, 65_536, stream.length]) {
    const ends = createFrameEnds();
    const whole: number[] = [];
    for (let from = 0; from < stream.length; from += size) {
      const piece = stream.subarray(from, from + size);
      const first = ends.read(piece);
      if (first !== -1) whole.push(from + first);
      assert.equal(ends.whole(), isEnd(from + piece.length), `at ${from} by ${size}`);
    }
    assert.equal(whole[0], 2);
    for (const end of whole) assert.ok(isEnd(end), `${end} by ${size}`);
    if (size === 1) assert.equal(whole.length, frames.length);
  }
});

function isEnd(position: number): boolean {
  let end = 0;
  return frames.some((frame) => {
    end += frame.length;
    return end === position;
  });
}

test('a frame that says it is endless has no end', () => {
  const ends = createFrameEnds();
  assert.equal(ends.read(Buffer.from([0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255])), -1);
  assert.equal(ends.read(Buffer.alloc(100_000)), -1);
  assert.equal(ends.whole(), false);
});
