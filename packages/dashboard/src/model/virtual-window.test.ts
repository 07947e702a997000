import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scrollTo, windowOf } from './virtual-window.ts';

const VIEW = { scrollTop: 0, height: 600, rowHeight: 30 };

test('every row in sight is drawn, and few others', () => {
  for (const count of [0, 1, 19, 20, 1_000, 50_000]) {
    for (let scrollTop = 0; scrollTop <= Math.max(0, count * 30 - 600); scrollTop += Math.max(7, count * 0.9)) {
      const { first, end, above, height, slots } = windowOf(count, { ...VIEW, scrollTop });
      assert.ok(
        first <= Math.floor(scrollTop / 30) && end >= Math.min(count, Math.ceil((scrollTop + 600) / 30)),
        `${count} at ${scrollTop}`,
      );
      assert.ok(end - first <= slots && slots <= 33 && first >= 0 && end <= count);
      assert.deepEqual([above, height], [first * 30, count * 30]);
    }
  }
});

test('a list that became shorter than where it was scrolled to still draws its end', () => {
  const { first, end } = windowOf(10, { ...VIEW, scrollTop: 90_000 });
  assert.deepEqual([first, end], [0, 10]);
});

test('scrolling to a row moves no further than it must', () => {
  assert.equal(scrollTo(5, VIEW), 0);
  assert.equal(scrollTo(25, VIEW), 26 * 30 - 600);
  assert.equal(scrollTo(2, { ...VIEW, scrollTop: 300 }), 60);
});
