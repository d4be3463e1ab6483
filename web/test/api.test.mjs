import test from 'node:test';
import assert from 'node:assert/strict';
import * as api from '../js/api.js';
import { setLang } from '../js/i18n.js';

const problem = (status, detail, headers = {}) => Response.json({ title: 'Title', status, detail }, { status, headers: { 'content-type': 'application/problem+json', ...headers } });
const reason = async (answer) => {
  globalThis.fetch = async () => (answer instanceof Error ? Promise.reject(answer) : answer);
  return api.status().then(() => assert.fail('it went well'), (err) => err.message);
};

test('the API is beside the page, wherever that is', async () => {
  let asked = '';
  globalThis.fetch = async (path) => {
    asked = path;
    return Response.json({ id: 'a b' });
  };
  assert.deepEqual(await api.getDevice('a b'), { id: 'a b' });
  assert.equal(asked, 'api/v1/devices/a%20b');
  assert.match(api.trackURL('a b', '2025-03-01', 'UTC', 'gpx'), /^api\/v1\/devices\/a%20b\/track\?day=/);
});

test('what went wrong is said in the page’s language', async () => {
  setLang('en');
  assert.equal(await reason(new TypeError('Failed to fetch')), 'the server cannot be reached');
  assert.equal(await reason(problem(409, 'the queue has consumers')), 'the queue has consumers', 'the server’s words say more');
  assert.equal(await reason(new Response('no', { status: 403 })), 'your account may not do this');
  assert.equal(await reason(new Response('', { status: 502 })), 'the server answered with status 502');
  setLang('ko');
  assert.equal(await reason(new TypeError('Failed to fetch')), '서버에 연결할 수 없습니다');
  for (const status of [401, 403, 404, 409, 413, 429, 500, 503]) {
    const said = await reason(problem(status, 'in English'));
    assert.doesNotMatch(said, /[A-Za-z]/, `${status}: ${said}`);
    assert.match(said, /[가-힣]/);
  }
  assert.equal(await reason(problem(422, 'body is empty')), '서버가 상태 코드 422(으)로 답했습니다: body is empty', 'better than nothing');
  setLang('en');
});

test('every code for which a text is refused is worded, and others are told in the server’s words', () => {
  for (const language of ['en', 'ko']) {
    setLang(language);
    for (const code of ['bad-id', 'queue-full', 'too-many-queues', 'short-of-memory', 'disk', 'other']) { // server/httpd/texts.go
      const said = api.refusal({ code, detail: 'DETAIL' });
      assert.doesNotMatch(said, /DETAIL|refused/, code);
      if (language === 'ko') assert.match(said, /[가-힣]/, code);
    }
    assert.equal(api.refusal({ code: 'abducted', detail: 'by whom?' }), 'by whom?');
    assert.equal(api.refusal({ detail: 'the server is away' }), 'the server is away');
  }
  setLang('en');
});

test('a request that the page itself gave up says so, and a server that is busy when to come back', async () => {
  const gaveUp = new DOMException('aborted', 'AbortError');
  globalThis.fetch = async () => Promise.reject(gaveUp);
  await assert.rejects(api.status(), (err) => err === gaveUp);
  globalThis.fetch = async () => problem(429, 'too many alerts', { 'retry-after': '7' });
  await assert.rejects(api.status(), (err) => err.status === 429 && err.retryAfter === 7);
});
