import assert from 'node:assert/strict';
import { test } from 'node:test';
import { productImage } from './product-image.ts';

const categories = [
  'coffee',
  'kitchen',
  'audio',
  'books',
  'garden',
  'bikes',
  'lighting',
  'toys',
  'desk',
].concat(['outdoor', 'bags', 'wellness']);

for (const category of categories) {
  test(`${category}: pictures are well-formed, the same for the same product, and differ between products`, () => {
    const pictures = Array.from({ length: 100 }, (_, n) => String(productImage(category, `p${n + 1}`)));
    for (const picture of pictures) {
      assert.doesNotMatch(picture, /undefined|NaN|Infinity/);
      assertBalanced(picture);
    }
    assert.equal(productImage(category, 'p7'), pictures[6]);
    assert.ok(new Set(pictures).size > 80, `${new Set(pictures).size} different pictures of 100`);
  });
}

test('there is no picture for an unknown category or an impossible id', () => {
  for (const [category = '', product = ''] of [
    ['cars', 'p1'],
    ['constructor', 'p1'],
    ['coffee', ''],
    ['coffee', '<script>'],
    ['coffee', 'p'.repeat(65)],
  ]) {
    assert.equal(productImage(category, product), undefined, `${category}/${product}`);
  }
});

function assertBalanced(svg: string): void {
  const open: string[] = [];
  for (const [, close, name = '', selfClosing] of svg.matchAll(/<(\/?)(\w+)[^<>]*?(\/?)>/g)) {
    if (close) assert.equal(open.pop(), name, svg);
    else if (!selfClosing) open.push(name);
  }
  assert.deepEqual(open, []);
  assert.ok(svg.startsWith('<svg xmlns="http://www.w3.org/2000/svg"') && svg.endsWith('</svg>'));
}
