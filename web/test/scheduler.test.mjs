import test from 'node:test';
import assert from 'node:assert/strict';

let frames = [];
globalThis.requestAnimationFrame = (run) => frames.push(run);

const { addTask } = await import('../js/scheduler.js');

function draw() {
  const due = frames;
  frames = [];
  for (const run of due) run();
}

test('a task runs in the next frame, once however often it is asked for', () => {
  let runs = 0;
  const task = addTask(() => { runs++; });
  task.request();
  task.request();
  draw();
  draw();
  assert.equal(runs, 1);
});

test('one that is cancelled can be asked for again, one that has ended cannot', () => {
  const ran = [];
  const [kept, over] = ['kept', 'over'].map((name) => addTask(() => { ran.push(name); }));
  for (const task of [kept, over]) task.request();
  kept.cancel();
  over.end();
  draw();
  assert.deepEqual(ran, []);
  for (const task of [over, kept]) task.request();
  draw();
  assert.deepEqual(ran, ['kept']);
});

test('a task that ends another one, or fails, takes none of the rest with it', (t) => {
  const errors = t.mock.method(console, 'error', () => {});
  const ran = [];
  const tasks = [];
  tasks.push(addTask(() => {
    tasks[1].end();
    throw new Error('broken');
  }));
  for (const name of ['ended', 'last']) tasks.push(addTask(() => { ran.push(name); }));
  for (const task of tasks) task.request();
  draw();
  assert.deepEqual(ran, ['last']);
  assert.equal(errors.mock.callCount(), 1);
});
