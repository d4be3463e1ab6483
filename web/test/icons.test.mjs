import test from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const web = fileURLToPath(new URL('..', import.meta.url));

test('every icon that the pages name is in the sprite', () => {
  const sprite = readFileSync(`${web}icons.svg`, 'utf8');
  const files = readdirSync(web, { recursive: true }).filter((f) => f !== 'js/icons.js' && /^(js\/.*\.js|[^/]+\.html)$/.test(f));
  let used = 0;
  for (const file of files) {
    const source = readFileSync(`${web}${file}`, 'utf8');
    const names = [...source.matchAll(/#i-([a-z][a-z-]*)"/g), ...source.matchAll(/\bicon\('([a-z-]+)'/g), ...source.matchAll(/button\('[^']*', '([a-z-]+)'/g), ...source.matchAll(/action\('[a-z]+', '([a-z-]+)'/g)];
    for (const [, name] of names) {
      assert.ok(sprite.includes(`id="i-${name}"`), `${file}: ${name}`);
      used++;
    }
  }
  assert.ok(used > 40, `${used} uses found`);
});
